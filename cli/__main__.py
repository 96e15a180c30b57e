"""Lets `python -m cli` run the command."""

from cli.main import main

main()
