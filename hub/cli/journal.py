"""Commands ``hub journal …``: which database a journal belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data, Yes, group

app = group("journal", "What was accepted, before the database has it.")


@app.callback()
def _root() -> None:
    """What was accepted, before the database has it."""


@app.command("adopt")
def adopt(
    path: Annotated[Path, typer.Argument(help="The journal's directory, e.g. .data/journal or /mnt/dead/journal.")],
    *,
    data: Data = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take over a dead machine's journal, from its disk or a copy; or this one's own after its database was replaced.

    Another machine's journal is ingested into this database, wherever the command runs, then struck off: nobody waits
    for its reports any more. It must be writable. Nothing is taken in twice, even by two who try, or by a machine that
    was not dead. This data directory's own journal only changes hands: stop its hub first, start it again afterwards.
    What another database had of it becomes doubtful instead of being answered again: hub effects release.

    Exit codes: 0 done, or done before; 1 not done: no --yes, no journal, no hub, the database is away, or whoever had
    the journal lives; what was taken in until then stays, running it again goes on; 2 wrong usage, or a hub runs on it.
    """
    from hub.cli import adopting, output

    found = adopting.adopt(path, data, really=yes)
    was, done = found.was or "nobody", yes or found.is_done
    if as_json:
        about = {"pending": found.pending, "ingested": found.ingested}
        output.document({"journal": path, "was": found.was, "store_id": found.store_id, "done": done, **about})
    elif not done:
        output.say(f"The journal would belong to database {found.store_id}; it is {was}'s. Add --yes to do it.")
        output.say(f"It holds {found.pending} deliveries that this database has not.")
    elif found.is_own:
        output.say(f"The journal belongs to database {found.store_id}; it was {was}'s. Start the hub.")
    else:
        output.say(f"{found.ingested} deliveries were ingested. The journal is empty; its machine can be given up.")
    raise typer.Exit(0 if done else EXIT_REFUSED)
