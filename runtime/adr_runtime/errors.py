"""The one exception that the runtime shows to its user, and the commands that its lines tell the user to run."""

# What package indexes know this project by; `adr` there belongs to others.
DISTRIBUTION = "adr-runtime"


class ADRError(Exception):
    """One line that says what is wrong and what to do. exit_status 2: bad input or usage; 1: it failed."""

    def __init__(self, line: str, exit_status: int = 2):
        super().__init__(line)
        self.exit_status = exit_status


def install_hint(extra: str) -> str:
    """The command that installs this distribution with an extra ("cpu", "cuda", "compress")."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def upgrade_hint(package: str = DISTRIBUTION) -> str:
    """The command that upgrades a distribution, this one unless another is named."""
    return f"pip install --upgrade {package}"
