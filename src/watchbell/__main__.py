"""`python -m watchbell` is the command line."""

from watchbell.cli import main

if __name__ == "__main__":
    main()
