"""The command ``hub``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from hub.errors import Misconfigured
from hub.settings import Role

EXIT_MISCONFIGURED: Final = 2

app = typer.Typer(
    name="hub",
    help="Omnichannel integration hub: messages in; tickets, demos, opportunities out; exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Data = Annotated[Path | None, typer.Option("--data", help="Data directory (HUB_DATA); .data by default.")]


@app.callback()
def _root() -> None:
    """Omnichannel integration hub: messages in; tickets, demos, opportunities out; exactly once."""


@app.command("run")
def run_hub(
    *,
    data: Data = None,
    sandbox: Annotated[
        str | None,
        typer.Option(help="Play every provider on loopback; --sandbox=whatsapp plays only those named.", metavar="[NAMES]"),
    ] = None,
    role: Annotated[Role | None, typer.Option(help="Which part of the hub this process is.")] = None,
) -> None:
    """Run the hub until it is told to stop.

    Exit codes: 0 stopped cleanly; 1 a part broke; 2 the configuration is wrong, every knob is named.
    """
    from hub.cli import starting  # noqa: PLC0415 - other commands need none of it

    played = None if sandbox is None else frozenset(filter(None, sandbox.replace("all", "").split(",")))
    starting.start(data, role, played)


def run() -> None:
    """Entry point: show what is misconfigured as sentences, never as a traceback."""
    # A value is optional for --sandbox, which no option parser of ours knows.
    arguments = ["--sandbox=all" if part == "--sandbox" else part for part in sys.argv[1:]]
    try:
        app(args=arguments, prog_name="hub")
    except Misconfigured as error:
        sys.stderr.write("The hub cannot start as it is set up:\n")
        for problem in error.problems:
            sys.stderr.write(f"  - {problem}\n")
        raise SystemExit(EXIT_MISCONFIGURED) from None


