"""Commands ``hub conversations …``: with whom we talk, how long each may still be answered freely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.cli.options import AsJson, Data, Limit, group

if TYPE_CHECKING:
    from hub.store.transaction import Transaction

app = group("conversations", "Conversations with the time left to answer each in our own words.")


@app.command("list")
def list_conversations(*, data: Data = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List conversations, the one with most time left first. With --json: one document, a list.

    A holder "other" has taken the thread (Meta's inbox, another app): the hub says nothing there by itself until it is
    given back.

    Exit codes: 0 done; 1 there is no hub; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import look
    from hub.services import windows

    def read(tx: Transaction) -> list[dict[str, Any]]:
        return [one._asdict() for one in windows.listing(tx, limit)]

    found = look(data, read)
    if as_json:
        output.document(found)
        return
    names = ("conversation_id", "channel", "name", "free_until", "person_until", "waits", "holder")
    rows = [[one[name] for name in names] + [_left(one["seconds_left"])] for one in found]
    output.table((*(name.replace("_", " ") for name in names), "left"), rows, empty="Nobody has written yet.")


def _left(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60:02d} min" if seconds else "shut"
