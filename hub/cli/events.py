"""Commands ``hub events …``: the log as it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import AsJson, Data, Limit, group

if TYPE_CHECKING:
    from hub.cli.opening import Opened

app = group("events", "What happened, in order.")

_PAGE = 500
_LOOK_SECONDS = 0.25


@app.command("tail")
def tail(
    *,
    data: Data = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens next, until stopped.")
    ] = False,
    type_prefix: Annotated[str, typer.Option("--type", help="Only types that begin so, e.g. hub.ticket.")] = "",
    key: Annotated[str | None, typer.Option(help="Only events of this key, e.g. a conversation's id.")] = None,
    after: Annotated[
        int | None, typer.Option(min=0, help="Begin behind this position instead of near the end.")
    ] = None,
    limit: Limit = 20,
    show_content: Annotated[
        bool, typer.Option(help="Show what customers wrote, with names; without this it is masked.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the newest events, oldest of them first. With --json: one CloudEvent a line, with its position.

    Exit codes: 0 done; 1 there is no hub; 2 wrong usage or configuration.
    """
    import asyncio

    from hub.cli import output
    from hub.cli.opening import with_hub
    from hub.services import timeline

    def show(rows: Any) -> None:
        for row in rows:
            shown = timeline.document(row, show_content=show_content)
            if as_json:
                output.line(shown)
            else:
                words = "  ".join(f"{name}={value}" for name, value in shown["data"].items() if value not in (None, ""))
                output.say(f"{shown['position']:>8}  {output.instant(row.receivedat)}  {row.type}  {row.key}  {words}")

    async def work(hub: Opened) -> None:
        read = hub.store.read
        if after is None:
            newest = await read(lambda tx: timeline.latest(tx, limit, type_prefix=type_prefix, key=key))
            rows = list(reversed(newest))
        else:
            rows = list(await read(lambda tx: timeline.following(tx, after, limit, type_prefix=type_prefix, key=key)))
        show(rows)
        place = rows[-1].position if rows else after or 0
        while follow:
            more = await read(
                lambda tx, p=place: timeline.following(tx, p, _PAGE, type_prefix=type_prefix, key=key)  # type: ignore[misc]
            )
            show(more)
            if more:
                place = more[-1].position
            else:
                await asyncio.sleep(_LOOK_SECONDS)

    with_hub(data, work)
