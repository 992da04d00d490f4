"""Names and descriptions from files, bundles and arguments on a terminal: they are shown, never obeyed."""


def escaped(text: str) -> str:
    """One line without control characters: what is not printable becomes \\x1b, \\n, \\u202e and the like."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
