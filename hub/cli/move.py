"""Command ``hub move``: takes a hub from its SQLite file to PostgreSQL."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data, Yes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.settings import HubSettings
    from hub.store.move import Moved, Progress

History = Literal["publish", "skip"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("move")(move)


def move(
    *,
    data: Data = None,
    history: Annotated[
        History | None,
        typer.Option(
            help="Whether subscribers are sent events that none was sent; left out: skip, unless the hub published."
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Copy everything to the empty database that HUB_DATABASE_URL names, compare both, then let the file rest.

    Stop the hub first; hub run --role receiver may go on taking webhooks. The data directory stays: its journal goes
    on. Nothing that was handled is handled again.

    Exit codes: 0 done, or done before; 1 not done, or the copies differ; 2 wrong usage, or the hub is running.
    """
    import os
    import sys

    from hub import bootstrap, settings
    from hub.cli import output
    from hub.errors import Misconfigured, NotFound
    from hub.store.move import MoveFailedError
    from hub.telemetry import configure_logs

    configure_logs(json=not sys.stderr.isatty())
    wiring = settings.load(os.environ, data=data)
    if wiring.database_url is None:
        raise Misconfigured(["hub move copies to PostgreSQL; set HUB_DATABASE_URL to an empty database there"])
    if not (wiring.data / bootstrap.DATABASE).exists():
        msg = f"{wiring.data} holds no hub; name its data directory with --data"
        raise NotFound(msg)
    if not yes:
        output.say(f"This would copy the hub of {wiring.data} to PostgreSQL. Say --yes to do it.")
        raise typer.Exit(EXIT_REFUSED)
    try:
        moved = _move(wiring, history=None if history is None else history == "publish")
    except MoveFailedError as error:
        output.note(f"Nothing was moved: {error}")
        raise typer.Exit(EXIT_REFUSED) from None
    _tell(moved, as_json=as_json)


def _move(wiring: HubSettings, *, history: bool | None) -> Moved:
    from hub import bootstrap
    from hub.store import engine, move, moved, opening, postgres_engine, schema
    from hub.system import SystemClock, SystemRandomness

    assert wiring.database_url is not None  # noqa: S101 - asked before
    url, clock, randomness = wiring.database_url.get_secret_value(), SystemClock(), SystemRandomness()
    with contextlib.ExitStack() as stack:
        # A receiver may go on: it knows the journal alone.
        for part in ("ingester", "worker", "effects"):
            stack.enter_context(schema.locked(wiring.data, part))
        bootstrap.prepare_database(wiring.data, clock, randomness, moved_too=True)
        opening.migrate(url, clock, randomness)
        source = engine.open_engine(wiring.data / bootstrap.DATABASE)
        stack.callback(source.dispose)
        target = postgres_engine.open_engine(url, time_limits=False)
        stack.callback(target.dispose)
        progress = stack.enter_context(_shown())
        done = move.move(source, target, now=clock.now(), history=history, progress=progress)
        # After the commit over there: a stop in between only asks for the command once more.
        moved.note(wiring.data, store_id=done.store_id, at=clock.now())
        return done


@contextlib.contextmanager
def _shown() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def progress(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bars.add_task(table, total=total)
            bars.update(tasks[table], completed=done)

        yield progress


def _tell(moved: Moved, *, as_json: bool) -> None:
    from dataclasses import asdict

    from hub.cli import output

    if as_json:
        output.document(asdict(moved))
        return
    if not moved.tables:
        output.say("This hub is there already. Start it with HUB_DATABASE_URL.")
        return
    output.table(
        ("table", "rows", "sha256"), [(one.table, one.rows, one.digest[:16]) for one in moved.tables], empty=""
    )
    output.say(f"Both sides are equal. {moved.marked} events are not sent to subscribers (--history publish would).")
    output.say("Start the hub with HUB_DATABASE_URL on the same data directory: its journal goes on.")
