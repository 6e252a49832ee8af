"""Commands ``hub contacts …``: which contacts are one person."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import AsJson, Data, group

app = group("contacts", "People: join two contacts that are one person, or undo that.")

Contact = Annotated[str, typer.Argument(help="Id of a contact, ct_….")]


@app.command("merge")
def merge(kept: Contact, merged: Contact, *, data: Data = None, as_json: AsJson = False) -> None:
    """Say that two contacts are one person; each keeps its conversations.

    Exit codes: 0 done, or they were one already; 1 refused, with the reason; 2 wrong usage or configuration.
    """
    from hub.cli.opening import Decision, decide
    from hub.services import contacts

    decision = Decision("merge_contacts", kept, {"merged": merged})
    done = decide(data, decision, lambda tx: contacts.merge(tx, kept, merged))
    said = f"{merged} counts as {kept} now." if done else f"{merged} counted as {kept} before."
    _tell({"contact": kept, "merged": merged, "changed": done}, said, as_json)


@app.command("separate")
def separate(merged: Contact, *, data: Data = None, as_json: AsJson = False) -> None:
    """Undo a merge: the contact is a person of its own again.

    Exit codes: 0 done, or it was not merged; 1 refused, with the reason; 2 wrong usage or configuration.
    """
    from hub.cli.opening import Decision, decide
    from hub.services import contacts

    done = decide(data, Decision("separate_contact", merged), lambda tx: contacts.separate(tx, merged))
    said = f"{merged} is a person of its own again." if done else f"{merged} was not merged into anybody."
    _tell({"contact": merged, "changed": done}, said, as_json)


def _tell(value: dict[str, object], sentence: str, as_json: bool) -> None:  # noqa: FBT001 - as the option gives it
    from hub.cli import output

    if as_json:
        output.document(value)
    else:
        output.say(sentence)
