"""`python -m hotpack`."""

from hotpack.cli import main

if __name__ == "__main__":
    main()
