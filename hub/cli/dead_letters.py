"""Commands ``hub dead-letters …``: what the hub gave up on until a person decides."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data, Limit, Yes, group

app = group("dead-letters", "What the hub could not process; it waits for your decision.")

_FIELDS = (
    "id", "state", "scope", "group", "type", "item", "item_index", "key", "origin", "reason_class", "reason",
    "owner", "next_step_es", "attempts", "added_at", "settled_at", "settled_by",
)  # fmt: skip


@app.command("list")
def list_letters(
    *,
    data: Data = None,
    state: Annotated[str, typer.Option(help="open, redriven or discarded.")] = "open",
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first. With --json: one document, a list.

    Exit codes: 0 done, also when there are some; 1 there is no hub; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import look
    from hub.services import dead_letters

    found = look(data, lambda tx: [_pick(row) for row in dead_letters.listing(tx, state, limit)])
    if as_json:
        output.document(found)
        return
    rows = [(one["id"], one["added_at"], one["group"], one["reason_class"], one["reason"]) for one in found]
    output.table(("id", "added", "group", "class", "reason"), rows, empty=f"No dead letter is {state}.")


@app.command("show")
def show(
    letter_id: Annotated[str, typer.Argument(help="Id of the dead letter, dd_….")],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter with its attempts, what it was, what to do.

    Exit codes: 0 done; 1 there is no such letter; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import look
    from hub.services import dead_letters

    letter = look(data, lambda tx: _pick(dead_letters.get(tx, letter_id)))
    if as_json:
        output.document(letter)
        return
    output.facts((field.replace("_", " "), letter[field]) for field in _FIELDS if field != "attempts")
    attempts = [(one.get("at", ""), one.get("error", "")) for one in letter["attempts"]]
    output.say("\nAttempts")
    output.table(("at", "error"), attempts, empty="None is kept.")


@app.command("redrive")
def redrive(
    letter_ids: Annotated[list[str] | None, typer.Argument(help="Ids of dead letters, dd_….")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every open letter that the filters let through.")] = False,
    group_name: Annotated[str | None, typer.Option("--group", help="Only of this group, e.g. open-tickets.")] = None,
    reason_class: Annotated[str | None, typer.Option(help="Only of this class, e.g. exhausted.")] = None,
    newer_than: Annotated[str | None, typer.Option(help="Only letters younger than this: 90m, 36h, 7d.")] = None,
    data: Data = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Give dead letters back to what refused them, oldest first, with the code that runs now.

    Only that group sees them again. A letter that was settled before is left alone,
    so redriving twice is safe. With --json: one document, a list with an outcome each.

    Exit codes: 0 done or nothing to do; 1 some were refused again; 2 wrong usage.
    """
    from hub.cli import output, redriving
    from hub.cli.opening import with_hub

    wanted = redriving.Wanted(tuple(letter_ids or ()), every, group_name, reason_class, redriving.age(newer_than))
    outcomes = with_hub(data, lambda hub: redriving.redrive(hub, wanted, really=yes))
    if as_json:
        output.document(outcomes)
    else:
        rows = [(one["id"], one["group"], one["outcome"], one["reason"]) for one in outcomes]
        output.table(("id", "group", "outcome", "reason"), rows, empty="There is nothing to redrive.")
        if outcomes and not yes:
            output.say(f"{len(outcomes)} would be redriven; add --yes to do it.")
    if any(one["outcome"] == redriving.REFUSED_AGAIN for one in outcomes):
        raise typer.Exit(EXIT_REFUSED)


@app.command("discard")
def discard(
    letter_ids: Annotated[list[str], typer.Argument(help="Ids of dead letters, dd_….")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit with your name.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give dead letters up for good. They stay listed as discarded.

    Exit codes: 0 done, also when it was settled before; 1 there is no such letter; 2 wrong usage.
    """
    from hub.cli import output
    from hub.cli.opening import Decision, decide
    from hub.services import interventions

    if not reason.strip():
        msg = "say why in --reason; it stands in the audit"
        raise typer.BadParameter(msg)

    outcomes = []
    for letter in letter_ids:
        decision = Decision("discard_dead_letter", letter, {"reason": reason})
        new = decide(data, decision, lambda tx, one=letter: interventions.discard(tx, one))  # type: ignore[misc]
        outcomes.append({"id": letter, "outcome": "discarded" if new else "already settled"})
    if as_json:
        output.document(outcomes)
        return
    output.table(("id", "outcome"), [(one["id"], one["outcome"]) for one in outcomes], empty="Nothing was named.")


def _pick(row: Any) -> dict[str, Any]:
    return {field: getattr(row, field) for field in _FIELDS}
