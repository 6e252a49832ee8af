"""The command ``hub``."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Literal

import typer

from hub.cli import (
    alerts,
    balance,
    connectors,
    contacts,
    conversations,
    dead_letters,
    doctor,
    effects,
    events,
    files,
    groups,
    intake,
    journal,
    migrate,
    move,
    normalize,
    policies,
    ready,
    replay,
    sandbox,
    tickets,
    topics,
)
from hub.cli.options import EXIT_MISCONFIGURED, EXIT_REFUSED, Data
from hub.errors import HubError, Misconfigured

app = typer.Typer(
    name="hub",
    help="Omnichannel integration hub: messages in; tickets, demos, opportunities out; exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Role = Literal["all", "intake", "receiver", "ingester", "worker", "effects", "console"]
"""As in ``hub.settings``, which is too heavy to import for a help text; a test holds them together."""


@app.callback()
def _root() -> None:
    """Omnichannel integration hub: messages in; tickets, demos, opportunities out; exactly once.

    Exit codes of every command: 0 done; 1 refused, not found, or something is wrong; 2 wrong usage or configuration.
    """


@app.command("run")
def run_hub(
    *,
    data: Data = None,
    providers: Annotated[
        str | None,
        typer.Option(
            "--sandbox",
            help="Play every provider on loopback; --sandbox=whatsapp plays only those named.",
            metavar="[NAMES]",
        ),
    ] = None,
    simulators_elsewhere: Annotated[
        bool, typer.Option(help="With --sandbox: the simulators run apart, started by hub sandbox serve.")
    ] = False,
    until_input_closes: Annotated[bool, typer.Option(hidden=True, help="Stop when standard input closes.")] = False,
    role: Annotated[Role | None, typer.Option(help="Which part of the hub this process is.")] = None,
) -> None:
    """Run the hub until it is told to stop.

    Exit codes: 0 stopped cleanly; 1 a part broke; 2 the configuration is wrong, every knob is named.
    """
    from hub.cli import starting

    if simulators_elsewhere and providers is None:
        msg = "--simulators-elsewhere needs --sandbox"
        raise typer.BadParameter(msg)
    every = frozenset[str]()
    played = None if providers is None else every if providers == "all" else frozenset(providers.split(","))
    starting.start(data, role, played, starting.Manner(simulators_elsewhere, until_input_closes))


for _part in (
    sandbox,
    tickets,
    contacts,
    conversations,
    files,
    alerts,
    connectors,
    events,
    dead_letters,
    groups,
    effects,
    journal,
    intake,
    policies,
    topics,
):
    app.add_typer(_part.app)
for _part in (normalize, replay, balance, doctor, migrate, move, ready):
    _part.add_to(app)


def run() -> None:
    """Entry point: show what is wrong as sentences, never as a traceback."""
    # Whatever a hub writes is its owner's alone: journals, databases, secrets, sockets.
    os.umask(0o077)
    # A value is optional for --sandbox, which no option parser of ours knows.
    arguments = ["--sandbox=all" if part == "--sandbox" else part for part in sys.argv[1:]]
    try:
        app(args=arguments, prog_name="hub")
    except Misconfigured as error:
        sys.stderr.write("The hub cannot do this as it is set up:\n")
        for problem in error.problems:
            sys.stderr.write(f"  - {problem}\n")
        raise SystemExit(EXIT_MISCONFIGURED) from None
    except HubError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_REFUSED) from None
