"""``python -m abcscribe``: the command line."""

from abcscribe.cli import main

if __name__ == "__main__":
    main()
