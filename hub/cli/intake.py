"""Commands ``hub intake …``: let a node take deliveries, or no more; show what waits for its original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.cli.options import AsJson, Data, Limit, group

if TYPE_CHECKING:
    from hub.store.transaction import Transaction

app = group("intake", "Whether deliveries are taken here.")


@app.command("drain")
def drain(*, data: Data = None, as_json: AsJson = False) -> None:
    """Take no more deliveries here, bring all that were taken into the database, say when the node can be taken away.

    With the hub running or stopped. Providers are answered 503 from then on, also after a restart; hub intake resume
    undoes that. When it cannot be done, for the database is away, say, deliveries are taken as before.

    Exit codes: 0 the journal is empty; 1 it is not: the database is away, a process does not do its part, there is
    no journal; 2 wrong usage or configuration.
    """
    from hub.cli import draining, output

    done = draining.drain(data)
    if as_json:
        output.document({"empty": True, "deliveries": done.deliveries, "running": done.is_running})
        return
    output.say(f"The journal is empty; {done.deliveries} deliveries were left. Nothing more is taken here.")
    output.say("Stop the hub, then take the node away." if done.is_running else "The node can be taken away.")


@app.command("resume")
def resume(*, data: Data = None, as_json: AsJson = False) -> None:
    """Take deliveries here again after a drain; the hub sees it within a second.

    Exit codes: 0 done, or nothing to do; 2 wrong usage or configuration.
    """
    import os

    from hub import settings
    from hub.cli import output
    from hub.draining import Drain

    was_drained = Drain(settings.load(os.environ, data=data).data).withdraw()
    if as_json:
        output.document({"resumed": was_drained})
    else:
        output.say("Deliveries are taken again." if was_drained else "This intake was not drained.")


@app.command("waiting")
def waiting(*, data: Data = None, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List what speaks of messages that nobody knows, the oldest first. With --json: one document, a list.

    Edits, reactions, statuses, answers by hand: each is applied by itself when its message comes. What waits longer
    than the policy intake.unmatched_after_days raises an alarm, to be ended with hub alerts dismiss.

    Exit codes: 0 done; 1 there is no hub; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import look
    from hub.services import unmatched
    from hub.store import deliveries

    names = ("connector", "asset", "target", "received_at", "delivery_id", "item")

    def read(tx: Transaction) -> list[dict[str, Any]]:
        rows = deliveries.all_waiting(tx, limit)
        return [{"kind": unmatched.kind_of(row), **{name: getattr(row, name) for name in names}} for row in rows]

    found = look(data, read)
    if as_json:
        output.document(found)
        return
    shown = ("kind", *names)
    output.table([name.replace("_", " ") for name in shown], [[one[n] for n in shown] for one in found], empty="None.")
