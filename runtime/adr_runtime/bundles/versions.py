"""Versions of packages, for comparing."""

import re


def release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: "1.32.0.dev7+cu13" -> (1, 32, 0)."""
    leading = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()
