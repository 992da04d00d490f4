"""The errors that the runtime shows to its users, and the commands that their lines tell to run.

Each is one line that says what is wrong and what to do. Arguments are named as the Python interface names them.
"""

# What package indexes know this project by; `adr` there belongs to others.
DISTRIBUTION = "adr-runtime"


class ADRError(Exception):
    """Something failed although nothing was wrong with what was given: writing, running, fetching."""


class InputError(ADRError, ValueError):
    """An argument, or a file that it names, is not what it can be."""


class BundleError(ADRError):
    """A bundle is missing, damaged, too new, or not one that `adr-export` writes."""


class MissingFileError(BundleError):
    """A bundle has no file of this name."""


class ProviderError(ADRError):
    """What computes, ONNX Runtime or CUDA, is missing, too old, or not usable here."""


class DamagedFileError(ADRError):
    """A compressed file or a stream's state is damaged, or was made for something else."""


def install_hint(extra: str) -> str:
    """The command that installs this distribution with an extra ("cpu", "cuda", "compress")."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def upgrade_hint(package: str = DISTRIBUTION) -> str:
    """The command that upgrades a distribution, this one unless another is named."""
    return f"pip install --upgrade {package}"
