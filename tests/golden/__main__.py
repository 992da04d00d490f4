"""`python -m tests.golden [--write]`: compare with the record, or replace it."""

import json
import sys
import tempfile
from pathlib import Path

from .calls import run_calls
from .commands import RECORD, environment, run_commands


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        found = {"environment": environment(), **run_commands(Path(folder)), **run_calls()}
    if "--write" in sys.argv:
        RECORD.write_text(json.dumps(found, indent=1) + "\n")
        print(f"{RECORD.name}: {len(found) - 1} digests")
        return 0
    record = json.loads(RECORD.read_text())
    changed = [name for name in sorted({*found, *record}) if found.get(name) != record.get(name)]
    print("\n".join(f"changed: {name}" for name in changed) or f"{len(found) - 1} digests, all as recorded")
    return bool(changed)


if __name__ == "__main__":
    sys.exit(main())
