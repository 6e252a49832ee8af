"""Commands ``hub tickets …``: what has to be followed up, under which folio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import AsJson, Data, Limit, group

if TYPE_CHECKING:
    from hub.store.transaction import Transaction

app = group("tickets", "Tickets with their clocks.")

_FIELDS = ("folio", "id", "state", "kind", "channel", "title", "asked_at", "opened_at", "conversation_id", "case_id")
_CLOCK_FIELDS = ("id", "name", "unit", "state", "started_at", "warn_at", "due_at", "policy_version")
_MESSAGE_FIELDS = ("id", "direction", "kind", "text", "state", "time", "case_id", "event_id")


@app.command("list")
def list_tickets(*, data: Data = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List tickets, newest first. With --json: one document, a list.

    Exit codes: 0 done; 1 there is no hub; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import look
    from hub.services import service_levels, tickets

    def read(tx: Transaction) -> list[dict[str, Any]]:
        found = []
        for row in tickets.listing(tx, limit):
            clocks = [_pick(clock, _CLOCK_FIELDS) for clock in service_levels.of_ticket(tx, row.id)]
            found.append({**_pick(row, _FIELDS), "clocks": clocks})
        return found

    found = look(data, read)
    if as_json:
        output.document(found)
        return
    rows = [(t["folio"], t["state"], t["channel"], t["asked_at"], _pressing(t), t["title"]) for t in found]
    output.table(("folio", "state", "channel", "asked", "next due", "title"), rows, empty="There are no tickets yet.")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Folio such as T-1042, or the ticket's id.")],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show one ticket with its clocks, the messages of its conversation, its events.

    Exit codes: 0 done; 1 there is no such ticket; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import look
    from hub.services import conversations, service_levels, tickets, timeline, windows

    def read(tx: Transaction) -> dict[str, Any]:
        row = tickets.get(tx, name)
        clocks = service_levels.of_ticket(tx, row.id)
        messages = reversed(conversations.recent_messages(tx, row.conversation_id))
        window = windows.countdown(tx, conversations.get(tx, row.conversation_id))
        events = timeline.of_ticket(tx, row, [clock.id for clock in clocks])
        return {
            **_pick(row, _FIELDS),
            "clocks": [_pick(clock, _CLOCK_FIELDS) for clock in clocks],
            "window": window and window._asdict(),
            "messages": [_pick(message, _MESSAGE_FIELDS) for message in messages],
            "events": [timeline.document(event, show_content=True) for event in events],
        }

    ticket = look(data, read)
    if as_json:
        output.document(ticket)
        return
    output.facts((field.replace("_", " "), ticket[field]) for field in _FIELDS)
    output.say("\nClocks")
    clocks = [(clock["name"], clock["state"], clock["warn_at"], clock["due_at"]) for clock in ticket["clocks"]]
    output.table(("name", "state", "warns", "due"), clocks, empty="No clock runs.")
    output.say("\nMessages")
    messages = [
        (m["time"], {"in": "customer", "out": "hub"}[m["direction"]], m["state"], m["text"] or f"[{m['kind']}]")
        for m in ticket["messages"]
    ]
    output.table(("time", "who", "state", "text"), messages, empty="No message.")
    output.say("\nEvents")
    events = [(e["position"], e["receivedat"], e["type"], e["id"]) for e in ticket["events"]]
    output.table(("position", "taken in", "type", "id"), events, empty="No event.")


def _pressing(ticket: dict[str, Any]) -> Any:
    due = [clock["due_at"] for clock in ticket["clocks"] if clock["state"] in {"running", "warned"}]
    return min(due, default=None)


def _pick(row: Any, fields: tuple[str, ...]) -> dict[str, Any]:
    return {field: getattr(row, field) for field in fields}
