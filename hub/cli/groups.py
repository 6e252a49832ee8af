"""Commands ``hub groups …``: how far each consumer group is, what holds it up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import AsJson, Data, Yes, group

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub.cli.opening import Decision, Opened
    from hub.store.transaction import Transaction

app = group("groups", "Consumer groups: their lag, pauses, held conversations.")

Name = Annotated[str, typer.Argument(help="Consumer group, e.g. open-tickets.")]


@app.command("list")
def list_groups(*, data: Data = None, as_json: AsJson = False) -> None:
    """List the groups with what they have yet to do. With --json: one document, a list.

    Exit codes: 0 done; 1 there is no hub; 2 wrong usage or configuration.
    """
    from dataclasses import asdict

    from hub import discovery
    from hub.cli import output
    from hub.cli.opening import look
    from hub.services import backlog

    types = {name: handler.type_names for name, handler in discovery.handlers().items()}
    found = look(data, lambda tx: [asdict(one) for one in backlog.of_groups(tx, types)])
    if as_json:
        output.document(found)
        return
    names = ("group", "state", "reason", "probe_at", "waiting", "oldest_at", "held_keys")
    rows = [[one[name] for name in names] for one in found]
    output.table([name.replace("_", " ") for name in names], rows, empty="No group has joined yet.")


@app.command("resume")
def resume(name: Name, *, data: Data = None, as_json: AsJson = False) -> None:
    """Let a group go on that mass failure had paused; what it held is tried at once.

    Exit codes: 0 done or not paused; 1 there is no such group; 2 wrong usage or configuration.
    """
    from hub.cli.opening import Decision, decide
    from hub.services import interventions

    resumed = decide(data, Decision("resume_group", name), lambda tx: interventions.resume(tx, name))
    _tell({"group": name, "resumed": resumed}, f"{name} goes on." if resumed else f"{name} was not paused.", as_json)


@app.command("release")
def release(name: Name, *, data: Data = None, as_json: AsJson = False) -> None:
    """Let every held conversation of a group be tried now instead of after its wait.

    Exit codes: 0 done; 1 there is no such group; 2 wrong usage or configuration.
    """
    from hub.cli.opening import Decision, decide
    from hub.services import interventions

    released = decide(data, Decision("release_group", name), lambda tx: interventions.release(tx, name))
    _tell({"group": name, "released": released}, f"{released} held keys of {name} are tried now.", as_json)


@app.command("adopt")
def adopt(
    old: Annotated[str, typer.Argument(help="Name that the database knows.")],
    new: Annotated[str, typer.Argument(help="Name that the handler has now.")],
    *,
    data: Data = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let a renamed group go on where it was. The hub must be stopped.

    Exit codes: 0 done; 1 refused, with the reason; 2 wrong usage, or the hub is running.
    """
    from hub import discovery
    from hub.cli.opening import Decision
    from hub.services import interventions

    def change(tx: Transaction) -> None:
        interventions.adopt(tx, old, new, discovery.handlers())

    _while_stopped(data, Decision("adopt_group", new, {"was": old}), change, yes=yes)
    done = f"{new} goes on where {old} was." if yes else f"{new} would go on where {old} was; add --yes to do it."
    _tell({"group": new, "was": old, "done": yes}, done, as_json)


@app.command("drop")
def drop(name: Name, *, data: Data = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Forget a group that no handler has any more. The hub must be stopped.

    Exit codes: 0 done; 1 refused, with the reason; 2 wrong usage, or the hub is running.
    """
    from hub import discovery
    from hub.cli.opening import Decision
    from hub.services import interventions

    def change(tx: Transaction) -> None:
        interventions.drop(tx, name, discovery.handlers())

    _while_stopped(data, Decision("drop_group", name), change, yes=yes)
    done = f"{name} is forgotten." if yes else f"{name} would be forgotten with all it did; add --yes to do it."
    _tell({"group": name, "done": yes}, done, as_json)


def _while_stopped(data: Path | None, decision: Decision, change: Callable[[Transaction], None], *, yes: bool) -> None:
    """Make a change while no worker runs, or only try whether it could be made."""
    import os

    from hub import settings
    from hub.cli.opening import decide, with_hub
    from hub.store import schema
    from hub.store.transaction import Origin

    if yes:
        with schema.locked(settings.load(os.environ, data=data).data, "worker"):
            decide(data, decision, change)
        return

    async def rehearse(hub: Opened) -> None:
        await hub.store.rehearse(
            lambda unit: change(unit.begin(Origin("rehearsal", decision.name, "hub"))), name="rehearsal"
        )

    with_hub(data, rehearse)


def _tell(value: dict[str, Any], sentence: str, as_json: bool) -> None:  # noqa: FBT001
    from hub.cli import output

    if as_json:
        output.document(value)
    else:
        output.say(sentence)
