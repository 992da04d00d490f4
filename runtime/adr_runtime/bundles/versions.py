"""Versions of packages, for comparing."""

import re


def release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: "1.32.0.dev7+cu13" -> (1, 32, 0)."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
