"""`python -m once`."""

from once.cli import main

main()
