"""Run the command line: ``python -m mailgate``."""

from mailgate.cli import main

main()
