"""The command ``nnutils``, also ``python -m nnutils``: so far ``nnutils doctor``."""

import argparse
import os
import sys
from collections.abc import Sequence

import nnutils
from nnutils import doctor

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 all is well, 1 there is a problem, 2 wrong usage.

    Examples
    --------
    >>> main(["docter"])
    Traceback (most recent call last):
    SystemExit: 2
    """
    parser = argparse.ArgumentParser(prog="nnutils", description="Training neural networks: the package of the course.")
    parser.add_argument("--version", action="version", version=f"nnutils {nnutils.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    about = "check versions, device, data and widgets, and say what to do (a minute or less); touches no network"
    commands.add_parser("doctor", help=about, description=about[0].upper() + about[1:] + ".")
    parser.parse_args(argv)
    try:
        return doctor.report()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # whoever reads the output has seen enough; without this Python complains when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
