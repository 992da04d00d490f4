"""adr-train and adr-eval, as a light module that can be told to stop before the heavy ones are loaded."""

from adr_runtime.terminal.command import run


def train() -> None:
    run("adr-train", "adr_train.cli")


def evaluate() -> None:
    run("adr-eval", "adr_train.evaluation.cli")


if __name__ == "__main__":
    train()
