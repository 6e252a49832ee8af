"""Commands ``hub conversations …``: with whom we talk, how long each may still be answered freely."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import AsJson, Data, Limit, group

if TYPE_CHECKING:
    from sqlalchemy.engine import Row

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


@app.command("reply")
def reply(
    conversation: Annotated[str, typer.Argument(help="Id of a conversation, cv_….")],
    text: Annotated[str, typer.Argument(help="What is said; empty with --file to send the file alone.")] = "",
    *,
    file: Annotated[Path | None, typer.Option(help="A file that goes out behind the text.", dir_okay=False)] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Answer a customer in your own words, on the channel where the customer wrote.

    With --json: the replies with their states. The hub leaves the open case to people from here on. Whether it
    arrived is told by hub effects list, hub events tail --key CONVERSATION.

    Exit codes: 0 asked for; 1 refused, or nothing can be sent, with the reason; 2 wrong usage or configuration.
    """
    from hub.cli import answering, output
    from hub.cli.opening import Decision, Opened, settle, with_hub
    from hub.errors import StoreUnavailable
    from hub.services import answers
    from hub.store import effects

    if not text.strip() and file is None:
        msg = "say something, or name a file with --file"
        raise typer.BadParameter(msg)

    async def work(hub: Opened) -> list[dict[str, Any]]:
        own = None if file is None else answering.take(hub, file)
        detail = {"characters": len(text)} | ({} if own is None else {"bytes": own.stored.size_bytes})
        decision = Decision("answer", conversation, detail)
        try:
            said = await settle(hub, decision, lambda tx: answers.answer(tx, conversation, text.strip(), own))
        except StoreUnavailable:
            # It may have been committed: then the file is wanted.
            raise
        except Exception:
            if own is not None:
                answering.drop(hub, own)
            raise
        return await hub.store.read(lambda tx: [_standing(effects.get(tx, id_), id_) for id_ in said])

    said = with_hub(data, work)
    if as_json:
        output.document({"conversation": conversation, "replies": said})
    else:
        output.table(("reply", "state", "reason"), [list(one.values()) for one in said], empty="")
    if any(one["state"] == "failed" for one in said):
        raise typer.Exit(1)


@app.command("read")
def read(
    conversation: Annotated[str, typer.Argument(help="Id of a conversation, cv_….")],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show the customer that a person has read what they wrote; the hub alone never does.

    Exit codes: 0 asked for; 1 refused, with the reason; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import Decision, decide
    from hub.services import answers

    asked = decide(data, Decision("read", conversation), lambda tx: answers.opened(tx, conversation))
    if as_json:
        output.document({"conversation": conversation, "effects": asked})
    else:
        output.say("Asked for." if asked else "The customer has written nothing yet.")


def _standing(effect: Row[Any] | None, id_: str) -> dict[str, Any]:
    known = (None, None) if effect is None else (effect.state, effect.explanation_es)
    return {"reply": id_, "state": known[0], "reason_es": known[1]}


def _left(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours} h {rest // 60:02d} min" if seconds else "shut"
