"""The one exception that the runtime shows to its user."""


class ADRError(Exception):
    """One line that says what is wrong and what to do. exit_status 2: bad input or usage; 1: it failed."""

    def __init__(self, line: str, exit_status: int = 2):
        super().__init__(line)
        self.exit_status = exit_status
