"""Commands ``hub effects …``: calls to the outside, above all those of which nobody knows whether they arrived."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data, Limit, Yes, group

app = group("effects", "Calls to the outside; the doubtful ones wait for your decision.")

_FIELDS = (
    "id", "kind", "connector", "asset", "key", "state", "attempts", "code", "explanation_es", "provider_id",
    "requested_at", "not_before", "useful_until", "settled_at",
)  # fmt: skip

State = Literal["open", "doubtful", "intent", "sending", "unknown", "accepted", "failed", "confirmed", "all"]
_STATES: dict[str, tuple[str, ...]] = {
    "open": ("intent", "sending", "unknown"),
    "doubtful": ("unknown",),
    "all": ("intent", "sending", "unknown", "accepted", "failed", "confirmed"),
}

Id = Annotated[str, typer.Argument(help="Id of the effect, ef_….")]


@app.command("list")
def list_effects(
    *,
    state: Annotated[State, typer.Option(help="Which ones; open is everything that has not ended.")] = "open",
    data: Data = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List effects, newest first. With --json: one document, a list.

    Exit codes: 0 done; 1 there is no hub; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import look
    from hub.store import effects

    states = _STATES.get(state, (state,))
    found: list[dict[str, Any]] = look(
        data, lambda tx: [{f: getattr(row, f) for f in _FIELDS} for row in effects.listing(tx, states, limit)]
    )
    if as_json:
        output.document(found)
        return
    names = ("id", "state", "connector", "attempts", "requested_at", "explanation_es")
    rows = [[one[name] for name in names] for one in found]
    output.table([name.replace("_", " ") for name in names], rows, empty=f"No effect is {state}.")


@app.command("settle")
def settle(
    effect_id: Id,
    *,
    verdict: Annotated[Literal["sent", "failed"], typer.Option("--as", help="What you found in the provider's chat.")],
    provider_id: Annotated[str | None, typer.Option(help="The provider's id of the message, when you know it.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """End a doubtful effect as you found it. It stands in the audit with your name.

    Exit codes: 0 done, also when it was ended so before; 1 not doubtful or not there; 2 wrong usage.
    """
    from hub.cli import output
    from hub.cli.opening import Decision, decide
    from hub.services import interventions

    decision = Decision("settle_effect", effect_id, {"as": verdict, "provider_id": provider_id})
    new = decide(data, decision, lambda tx: interventions.settle_effect(tx, effect_id, verdict, provider_id))
    if as_json:
        output.document({"id": effect_id, "as": verdict, "changed": new})
    else:
        output.say(f"{effect_id} is settled as {verdict}." if new else f"{effect_id} was settled as {verdict} before.")


@app.command("resend")
def resend(effect_id: Id, *, data: Data = None, as_json: AsJson = False) -> None:
    """Send a doubtful effect once more: the customer gets it twice if it had arrived after all.

    Exit codes: 0 done; 1 not doubtful or not there; 2 wrong usage.
    """
    from hub.cli import output
    from hub.cli.opening import Decision, decide
    from hub.services import interventions

    decide(data, Decision("resend_effect", effect_id), lambda tx: interventions.resend_effect(tx, effect_id))
    if as_json:
        output.document({"id": effect_id, "state": "intent"})
    else:
        output.say(f"{effect_id} will be sent once more.")


@app.command("retry")
def retry(effect_id: Id, *, data: Data = None, as_json: AsJson = False) -> None:
    """Try a failed effect anew, once its reason is cured; ``hub effects list --state failed`` tells the reasons.

    Exit codes: 0 done; 1 not failed or not there; 2 wrong usage.
    """
    from hub.cli import output
    from hub.cli.opening import Decision, decide
    from hub.services import interventions

    decide(data, Decision("retry_effect", effect_id), lambda tx: interventions.retry_effect(tx, effect_id))
    if as_json:
        output.document({"id": effect_id, "state": "intent"})
    else:
        output.say(f"{effect_id} will be tried anew.")


@app.command("release")
def release(
    *,
    how: Annotated[
        Literal["resend", "sent", "failed"], typer.Option("--as", help="Send them, or end them as you found them.")
    ] = "resend",
    older_than: Annotated[str | None, typer.Option(help="Only those asked for so long ago: 90m, 36h, 7d.")] = None,
    data: Data = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Decide at once about all that is held back since the database came out of a back-up, with the hub running.

    Whether they were sent before stands in the provider's chats, not in the back-up. Those past their use end as
    failed. Running it again goes on with what is left. Each part stands in the audit with your name.

    Exit codes: 0 done or nothing is held back; 1 not done without --yes, or no hub; 2 wrong usage or configuration.
    """
    from hub.cli import output, releasing
    from hub.cli.redriving import age

    count = releasing.release(data, how, age(older_than), really=yes)
    if as_json:
        output.document({"held_back": count, "as": how, "done": yes or count == 0})
    elif not count:
        output.say("Nothing is held back.")
    elif yes:
        output.say(f"{count} effects will be sent." if how == "resend" else f"{count} effects are settled as {how}.")
    else:
        output.say(f"{count} effects are held back since the database was restored. Add --yes to decide {how}.")
    if count and not yes:
        raise typer.Exit(EXIT_REFUSED)
