"""The program's entry point: `ummsg` and `python -m ummsg`."""

import gc
import sys

_NEW_OBJECTS = 50_000
"""How many more there are than before until Python looks through them for cycles; usually 700."""


def main() -> int:
    # Answered before anything is imported: scripts ask for the version more often than people do.
    if sys.argv[1:] == ["--version"]:
        from ummsg import __version__

        print(f"ummsg {__version__}")
        return 0
    # What is imported is there until the end: looking through it again and again, and once more when Python ends, takes
    # a quarter of the time of a short command.
    gc.set_threshold(_NEW_OBJECTS)
    from ummsg.cli.main import run

    try:
        return run(sys.argv[1:])
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
