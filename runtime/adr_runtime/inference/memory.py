"""How much memory ONNX Runtime may take for what graphs hold and compute, so that a hostile one ends in an error.

All sessions on the CPU share one arena, which grows up to three quarters of the machine's memory; the environment
variable ADR_MEMORY_MIB, read when the first model is loaded, says another bound. No constant above
`constant_bytes` is computed at load (`adr_runtime.bundles.constants`); larger ones are left to the run, in the arena.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from adr_runtime.errors import InputError

UNKNOWN = 8 << 30
VARIABLE = "ADR_MEMORY_MIB"
TOO_MUCH = (
    "needs more memory than ONNX Runtime may take for all models of this process; ask for fewer at a time, or let it "
    f"have more by the environment variable {VARIABLE}"
)
CONTROL_GROUP = Path("/sys/fs/cgroup/memory.max")

lock = threading.Lock()
registered = False


def limit_memory(onnxruntime: Any, options: Any, constant_bytes: int) -> None:
    """Bound what a session with these options may take."""
    global registered
    options.add_session_config_entry("optimization.constant_folding_max_output_size_in_bytes", str(constant_bytes))
    with lock:
        if not registered:
            info = onnxruntime.OrtMemoryInfo(
                "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
            )
            bounds = onnxruntime.OrtArenaCfg({"max_mem": arena_bytes()})
            # It fails where somebody else in this process has registered one, whose bounds hold then.
            with suppress(Exception):
                onnxruntime.create_and_register_allocator(info, bounds)
            registered = True
    options.add_session_config_entry("session.use_env_allocators", "1")


def arena_bytes() -> int:
    """Raises ADRError where the environment asks for what is no number of MiB."""
    value = os.environ.get(VARIABLE)
    if value is None:
        return machine_bytes() // 4 * 3
    if not (value.isascii() and value.isdigit() and 0 < len(value) < 10 and int(value)):
        raise InputError(f"{VARIABLE} must be a number of MiB, not {value[:40]!r}")
    return int(value) << 20


def machine_bytes() -> int:
    """The memory that this process can have at most; UNKNOWN where nobody can say."""
    size = UNKNOWN
    with suppress(AttributeError, ValueError, OSError):
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(ValueError, OSError):
        size = min(size, int(CONTROL_GROUP.read_text()))
    return size
