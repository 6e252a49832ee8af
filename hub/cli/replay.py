"""Command ``hub replay``: what a handler would do with past events, with nothing of it happening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data

if TYPE_CHECKING:
    from hub.cli.opening import Opened


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("replay")(replay)


def replay(
    group: Annotated[str, typer.Argument(help="Consumer group whose handler is tried, e.g. open-tickets.")],
    event_ids: Annotated[list[str], typer.Argument(help="Ids of events, ev_….")],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Run a handler on past events in transactions that always roll back; nothing can leave.

    Exit codes: 0 it would state the same as it did; 1 it would state something else or fail, or there is no
    such event; 2 wrong usage or configuration.
    """
    import json
    from dataclasses import asdict

    from hub import discovery
    from hub.cli import output
    from hub.cli.opening import with_hub
    from hub.pipeline.replay import replay as rehearse

    handlers = discovery.handlers()
    if group not in handlers:
        msg = f"no handler has the group {group}; known are {', '.join(sorted(handlers))}"
        raise typer.BadParameter(msg)

    async def work(hub: Opened) -> list[dict[str, Any]]:
        return [asdict(one) for one in await rehearse(hub.store, handlers[group], event_ids)]

    found = with_hub(data, work)
    for one in found:
        one["stated"] = [{"type": type_, "data": json.loads(text)} for type_, text in one["stated"]]
    if as_json:
        output.document(found)
    for one in found if not as_json else []:
        output.say(f"{one['event_id']}: {one['error'] or 'would state'}")
        for stated in one["stated"]:
            output.say(f"  {stated['type']}  {json.dumps(stated['data'], ensure_ascii=False)}")
        output.say(f"  new {len(one['new'])}, no longer stated {len(one['missing'])}")
    if any(one["error"] or one["new"] or one["missing"] for one in found):
        raise typer.Exit(EXIT_REFUSED)
