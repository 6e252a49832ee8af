"""Command ``hub migrate``: brings a database to the shape that this code knows."""

from __future__ import annotations

import typer

from hub.cli.options import AsJson, Data


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate")(migrate)


def migrate(*, data: Data = None, as_json: AsJson = False) -> None:
    """Bring the database up to date, or make one; leaves a current one alone. Processes of the release before serve on.

    Who comes while another process migrates waits for it.

    Exit codes: 0 done; 1 the database is away; 2 it was made by newer code, or the configuration is wrong.
    """
    import os
    import sys

    from hub import bootstrap, settings
    from hub.cli import output
    from hub.store import opening, schema
    from hub.system import SystemClock, SystemRandomness
    from hub.telemetry import configure_logs

    configure_logs(json=not sys.stderr.isatty())
    wiring = settings.load(os.environ, data=data)
    wiring.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock, randomness = SystemClock(), SystemRandomness()
    if wiring.database_url is not None:
        opening.migrate(wiring.database_url.get_secret_value(), clock, randomness)
        place = "PostgreSQL"
    else:
        place = str(bootstrap.prepare_database(wiring.data, clock, randomness))
    if as_json:
        output.document({"database": place, "version": schema.HEAD})
    else:
        output.say(f"{place} is at step {schema.HEAD}.")
