"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

EXIT_DONE: Final = 0
EXIT_REFUSED: Final = 1
"""The command was understood, yet something is not so, not there, or was refused."""
EXIT_MISCONFIGURED: Final = 2
"""Wrong usage, or the configuration is wrong."""

Data = Annotated[Path | None, typer.Option("--data", help="Data directory (HUB_DATA); .data by default.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts, nothing else, to standard output.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this, only say what would happen.")]


def group(name: str, meaning: str) -> typer.Typer:
    """Return an empty command group."""
    return typer.Typer(
        name=name, help=meaning, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )
