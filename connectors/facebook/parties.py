"""Tells whom an item of a page is about, from identifiers any of which may be missing."""

from __future__ import annotations

import re
from typing import Final

from connectors._meta.fields import BROKEN
from connectors.facebook.payload import Author, Envelope, Someone
from hub.contracts import Alias, Party

CHAT: Final = "facebook-psid"
"""Person with page: the id of Messenger means nothing to another page, nor to its comments."""

WALL: Final = "facebook-user"
GUEST: Final = "facebook-ref"
MAX_ID: Final = 160

_PSID: Final = re.compile(r"[0-9]{1,32}", re.ASCII)


def in_chat(page: str, someone: Someone, envelope: Envelope | None = None) -> Party | None:
    """Return the person behind a PSID or a plug-in's reference; None when nothing usable says it."""
    psid = someone.id if _PSID.fullmatch(someone.id or "") and someone.id != page else None
    refs = [someone.user_ref, envelope.prior_message.get("identifier") if envelope else None]
    ref = next((value for value in refs if _usable(value)), None)
    aliases = [chat_alias(page, psid)] if psid else []
    aliases += [Alias(GUEST, f"{page}:{ref}")] if ref else []
    if psid:
        return Party(tuple(aliases), {"id": psid})
    return Party(tuple(aliases), {"user_ref": str(ref)}) if ref else None


def chat_alias(page: str, psid: str) -> Alias:
    """Return how a person is known in the chats of a page."""
    return Alias(CHAT, f"{page}:{psid}")


def on_wall(page: str, author: Author, reply_to: dict[str, str]) -> Party | None:
    """Return who commented; None when Meta does not tell (restfb/restfb#1136)."""
    if not _usable(author.id):
        return None
    return Party((Alias(WALL, f"{page}:{author.id}"),), reply_to, author.name)


def _usable(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID and BROKEN not in value and value.isprintable()
