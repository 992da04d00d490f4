"""adr-run, as a light module that can be told to stop before the heavy ones are loaded."""

from adr_runtime.terminal.command import run


def main() -> None:
    run("adr-run", "adr_runtime.cli.main")


if __name__ == "__main__":
    main()
