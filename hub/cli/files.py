"""Commands ``hub files …``: what customers sent, what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.options import AsJson, Data, Limit, group

app = group("files", "Files of customers: list them, save one, let one out of quarantine.")

File = Annotated[str, typer.Argument(help="Id of a file, at_….")]

_SHOWN = ("id", "kind", "state", "filename", "stored_type", "stored_bytes", "conversation_id", "wanted_at", "reason")


@app.command("list")
def list_files(
    *,
    state: Annotated[
        list[str] | None, typer.Option(help="quarantined, stored, wanted, lost; may be repeated; default quarantined.")
    ] = None,
    data: Data = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List files, newest first. With --json: one document, a list.

    Exit codes: 0 done; 1 there is no hub; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import look
    from hub.services import quarantine

    wanted = state or ["quarantined"]
    if not set(wanted) <= set(quarantine.STATES):
        msg = f"takes {', '.join(quarantine.STATES)}"
        raise typer.BadParameter(msg, param_hint="--state")

    def read(tx: Any) -> list[dict[str, Any]]:
        return [{name: getattr(row, name) for name in _SHOWN} for row in quarantine.listing(tx, wanted, limit)]

    found = look(data, read)
    if as_json:
        output.document(found)
        return
    output.table([name.replace("_", " ") for name in _SHOWN], [list(one.values()) for one in found], empty="No files.")


@app.command("save")
def save(
    file: File,
    to: Annotated[Path, typer.Option(help="Where the copy goes; nothing is written over.", dir_okay=False)],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write a copy of a file that is kept; one in quarantine has to be released first.

    Exit codes: 0 done; 1 there is no such file, or it cannot be written; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import Opened, with_hub
    from hub.errors import Permanent
    from hub.pipeline.files import shelf_of
    from hub.services import quarantine

    async def work(hub: Opened) -> Path:
        row = await hub.store.read(lambda tx: quarantine.get(tx, file, "stored"))
        return shelf_of(hub.settings).path(row.stored_as)

    kept = with_hub(data, work)
    try:
        with kept.open("rb") as source, to.open("xb") as target:
            while chunk := source.read(1024 * 1024):
                target.write(chunk)
    except OSError as error:
        msg = f"{file} was not saved: {error.strerror} ({error.filename})"
        raise Permanent(msg) from None
    if as_json:
        output.document({"file": file, "to": str(to), "bytes": to.stat().st_size})
    else:
        output.say(f"{file} is in {to}.")


@app.command("release")
def release(file: File, *, data: Data = None, as_json: AsJson = False) -> None:
    """Let a file out of quarantine, because you know what it is.

    Exit codes: 0 done; 1 it is not in quarantine, or there is none; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import Decision, decide
    from hub.services import quarantine

    decide(data, Decision("release_file", file), lambda tx: quarantine.release(tx, file))
    if as_json:
        output.document({"file": file, "released": True})
    else:
        output.say(f"{file} is out of quarantine.")
