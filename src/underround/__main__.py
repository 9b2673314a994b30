"""Run the command line as ``python -m underround``."""

from underround.cli import main

if __name__ == "__main__":
    main()
