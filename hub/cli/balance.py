"""Command ``hub balance``: whether everything that was taken in is accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data

if TYPE_CHECKING:
    from hub.cli.opening import Opened
    from hub.services.balance import Balance


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("balance")(balance)


def balance(*, data: Data = None, as_json: AsJson = False) -> None:
    """Count what was taken in against what became of it, with the hub running or stopped.

    Exit codes: 0 it adds up; 1 it does not, or there is no hub; 2 wrong usage or configuration.
    """
    from dataclasses import asdict

    from hub import observation
    from hub.bootstrap import JOURNAL
    from hub.cli import output
    from hub.cli.opening import with_hub
    from hub.pipeline.journal import JournalReader

    async def work(hub: Opened) -> Balance:
        return await observation.balance(hub.store, JournalReader(hub.settings.data / JOURNAL))

    found = with_hub(data, work)
    if as_json:
        output.document(asdict(found))
    else:
        if found.journal is not None:
            output.facts(asdict(found.journal).items())
        output.say("\nItems of deliveries")
        output.facts(asdict(found.items).items())
        output.say("\nEvents by group")
        names = ("group", "total", "done", "dead", "held", "not_reached")
        rows = [[getattr(one, name) for name in names] for one in found.groups]
        output.table([name.replace("_", " ") for name in names], rows, empty="No group has joined yet.")
        output.say("\n" + ("\n".join(found.broken) or "Todo cuadra."))
    if found.broken:
        raise typer.Exit(EXIT_REFUSED)
