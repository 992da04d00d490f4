"""adr-run: one module a command."""
