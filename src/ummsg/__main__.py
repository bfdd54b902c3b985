"""The program's entry point: `ummsg` and `python -m ummsg`."""

import sys


def main() -> int:
    # Answered before anything is imported: scripts ask for the version more often than people do.
    if sys.argv[1:] == ["--version"]:
        from ummsg import __version__

        print(f"ummsg {__version__}")
        return 0
    from ummsg.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
