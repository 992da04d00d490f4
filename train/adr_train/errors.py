"""The one exception that adr-train and adr-eval show to their user."""


class TrainError(Exception):
    """One line that says what is wrong and what to do. exit_status 2: bad input; 1: the run itself failed."""

    def __init__(self, line: str, exit_status: int = 2):
        super().__init__(line)
        self.exit_status = exit_status
