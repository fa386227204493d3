"""`python -m norma_training`: see `--help`."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
