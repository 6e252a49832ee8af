"""Command ``hub normalize``: what a raw payload becomes, without any hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import EXIT_REFUSED


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("normalize")(normalize)


def normalize(
    connector: Annotated[str, typer.Argument(help="Connector that the payload came to, e.g. whatsapp.")],
    file: Annotated[
        Path, typer.Argument(help="The request's body as received; - reads standard input.", allow_dash=True)
    ],
    *,
    _as_json: Annotated[bool, typer.Option("--json", help="The output is JSON lines in any case.")] = False,
) -> None:
    """Print the events that an empty hub would state for a raw payload, one JSON CloudEvent a line.

    Needs no settings, touches nothing. Instants follow from the payload alone, so the same payload gives the
    same lines: it counts as received at the newest time in it. An item that states no event has a line of its
    own, with the reason: a status, for one, waits for its original. A sum goes to standard error.

    Exit codes: 0 every item could be read; 1 something was refused, its dead letter is among the events;
    2 wrong usage.
    """
    from hub import discovery
    from hub.cli import output
    from hub.cli.preview import preview

    known = discovery.connectors()
    if connector not in known:
        msg = f"there is no connector {connector}; known are {', '.join(sorted(known))}"
        raise typer.BadParameter(msg)
    body = typer.get_binary_stream("stdin").read() if str(file) == "-" else _read(file)
    found = preview(known[connector], body)
    for event in found.events:
        output.line(event)
    for other in found.others:
        output.line(other)
    became = ", ".join(f"{count} {name}" for name, count in found.items.items() if count)
    output.note(f"{connector}: {became or 'no item'}")
    if found.refused:
        raise typer.Exit(EXIT_REFUSED)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        msg = f"{file} cannot be read ({error.strerror})"
        raise typer.BadParameter(msg) from None
