"""Where commands keep what is costly to get again."""

import os
from pathlib import Path


def default_cache() -> Path:
    """The user's folder for it, which may not exist yet: `adr` in XDG_CACHE_HOME, or in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "adr"
