"""`python -m controller` is the command `controller`."""

from controller.cli.main import entry

if __name__ == "__main__":
    entry()
