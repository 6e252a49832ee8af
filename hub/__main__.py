"""Runs the command ``hub`` as ``python -m hub``."""

from hub.cli.main import run

run()
