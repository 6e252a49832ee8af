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
    path: Annotated[Path, typer.Argument(help="The journal's directory, e.g. .data/journal.")],
    *,
    data: Data = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Say that a journal belongs to this database from now on: after the database was replaced. Stop the hub first.

    What the journal still holds is ingested into this database; answers to what the other one had already become
    doubtful instead of being sent again.

    Exit codes: 0 done; 1 not done, or there is no journal or no hub; 2 wrong usage, or the hub is running.
    """
    import os

    from hub import settings
    from hub.cli import output
    from hub.cli.opening import look
    from hub.errors import NotFound
    from hub.pipeline.ingest.mark import Mark, MarkFile
    from hub.store import schema, suspects

    if not (path / "journal.id").exists():
        msg = f"{path} is no journal; name the directory with journal.id in it"
        raise NotFound(msg)
    store_id = look(data, suspects.store_id)
    file = MarkFile(path)
    mark = file.read()
    was = None if mark is None else mark.store_id
    if yes and was != store_id:
        # Its place stays: what the other database had already is doubtful here, so that nothing is said twice.
        adopted = Mark(store_id=store_id) if mark is None else mark.model_copy(update={"store_id": store_id})
        with schema.locked(settings.load(os.environ, data=data).data, "ingester"):
            file.write(adopted)
    if as_json:
        output.document({"journal": path, "was": was, "store_id": store_id, "done": yes or was == store_id})
    elif was == store_id:
        output.say("The journal belongs to this database already.")
    elif yes:
        output.say(f"The journal belongs to database {store_id} now; it was {was or 'nobody'}'s.")
    else:
        output.say(f"The journal would belong to database {store_id}; it is {was or 'nobody'}'s. Add --yes to do it.")
    raise typer.Exit(0 if yes or was == store_id else EXIT_REFUSED)
