"""Turns one item of ``messaging[]`` or ``standby[]`` into what it tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from connectors._meta.fields import is_broken, label, why, word
from connectors.facebook import notices, payload
from connectors.facebook.chat import Chat
from connectors.facebook.contents import Content, clean, content_of, referral_of
from connectors.facebook.parties import in_chat
from connectors.facebook.payload import Edit, Envelope, Message, Optin, Postback, Reaction
from hub.contracts import AmendmentItem, EchoItem, Ignored, Item, MessageItem, Party, PreferenceItem, RefusedItem
from schemas.content import Choice

GET_STARTED: Final = "GET_STARTED"
STOPPED: Final = "STOP_NOTIFICATIONS"
_ENVELOPE: Final = frozenset({"sender", "recipient", "timestamp", "prior_message", "seq", "hop_context", "is_echo"})

# Meta's names for its reactions; "other" comes with an emoji of its own.
_EMOJIS: Final = {
    "like": "👍",
    "dislike": "👎",
    "love": "❤",
    "smile": "😆",
    "haha": "😆",
    "wow": "😮",
    "sad": "😢",
    "cry": "😢",
    "angry": "😠",
}


def items_of(raw: object, page: str, *, standby: bool) -> Iterator[Item]:
    """Yield what one item tells; one that cannot be read is refused by itself."""
    if not isinstance(raw, dict):
        yield RefusedItem("an item of a chat is no object")
        return
    if is_broken(raw):
        yield RefusedItem("an item holds half a surrogate pair, or U+FDD0, which stands for one")
        return
    envelope = Envelope.model_validate(raw)
    from_page = envelope.sender.id == page
    party = in_chat(page, envelope.recipient if from_page else envelope.sender, envelope)
    said = [key for key, value in raw.items() if value is not None and key not in _ENVELOPE]
    names = [known for known in _READERS if known in said] or [label(key) or "unknown" for key in said]
    if not names:
        yield RefusedItem("an item of a chat says nothing")
    for name in names:
        try:
            yield from _READERS.get(name, _unknown)(Chat(page, name, envelope, party, from_page, standby, raw))
        except ValidationError as error:
            yield RefusedItem(f"{name}: {why(error)}")


def _message(chat: Chat) -> Iterator[Item]:
    message = chat.read(Message)
    ours = chat.from_page or message.is_echo
    if message.is_deleted:
        yield AmendmentItem(
            chat.page, f"{message.mid}/delete", chat.time, message.mid, "delete", by="company" if ours else "customer"
        )
        return
    content = content_of(message)
    if ours:
        yield _echo(chat, message, content)
        return
    yield _said(
        chat,
        message.mid,
        content,
        quoted=message.reply_to.mid,
        referral=message.referral,
        kind=None if content.unsupported is None else _first_type(message),
    )


def _echo(chat: Chat, message: Message, content: Content) -> EchoItem:
    shown = content.text or (f"[{content.unsupported}]" if content.unsupported else "")
    party = chat.party or in_chat(chat.page, chat.envelope.recipient)
    return EchoItem(
        chat.page,
        message.mid,
        chat.time,
        party,
        content.kind,
        text=shown,
        quoted_provider_id=message.reply_to.mid,
        correlation=message.metadata,
        files=content.files,
    )


def _first_type(message: Message) -> str:
    return next((kind for one in message.attachments if (kind := label(one.type))), "unsupported")


def _said(
    chat: Chat,
    provider_id: str,
    content: Content,
    *,
    quoted: str | None = None,
    referral: dict[str, Any] | None = None,
    kind: str | None = None,
    opens_window: bool = True,
) -> MessageItem:
    return MessageItem(
        asset=chat.page,
        provider_id=provider_id,
        time=chat.time,
        party=chat.party,
        kind=kind or content.kind,
        text=content.text,
        quoted_provider_id=quoted,
        unsupported=content.unsupported,
        files=content.files,
        choice=content.choice,
        location=content.location,
        form=content.form,
        share=content.share,
        referral=referral_of(referral or {}),
        # Whichever application has the thread: the person wrote to the page.
        opens_window=opens_window,
        standby=chat.standby,
    )


def _edit(chat: Chat) -> Iterator[Item]:
    edit = chat.read(Edit)
    yield AmendmentItem(
        chat.page,
        chat.digest() if edit.num_edit is None else f"{edit.mid}/edit/{edit.num_edit}",
        chat.time,
        edit.mid,
        "edit",
        text=clean(edit.text),
        revision=edit.num_edit,
        by="company" if chat.from_page else "customer",
    )


def _reaction(chat: Chat) -> Iterator[Item]:
    found = chat.read(Reaction)
    emoji = None
    if found.action is None and found.emoji is None and found.reaction is None:
        yield RefusedItem("a reaction that says neither what nor that it was taken back")
        return
    if found.action != "unreact":
        emoji = found.emoji or _EMOJIS.get(found.reaction or "") or found.reaction or "?"
    yield AmendmentItem(
        chat.page,
        chat.digest(),
        chat.time,
        found.mid,
        "reaction",
        emoji=emoji,
        by="company" if chat.from_page else "customer",
    )


def _postback(chat: Chat) -> Iterator[Item]:
    """Yield a pressed button; the first word of many customers is "Get Started" (chatwoot/chatwoot#5316)."""
    found = chat.read(Postback)
    title = found.title or ""
    choice = Choice(id=found.payload or "", title=title)
    kind: Any = "welcome" if (found.payload or "").upper() == GET_STARTED else "choice"
    yield _said(chat, found.mid or chat.digest(), Content(kind, title, choice=choice), referral=found.referral)


def _referral(chat: Chat) -> Iterator[Item]:
    if referral_of(chat.content) is None:
        yield RefusedItem("a referral that says nothing")
        return
    yield _said(chat, chat.digest(), Content("referral"), referral=chat.content, opens_window=False)


def _optin(chat: Chat) -> Iterator[Item]:
    found = chat.read(Optin)
    party = chat.party or in_chat(chat.page, payload.Someone(user_ref=found.user_ref))
    if found.type == "notification_messages":
        status = word(chat.content.get("notification_messages_status"))
        if party is None:
            yield RefusedItem("an opt-in of nobody")
            return
        yield PreferenceItem(chat.page, chat.digest(), chat.time, party, found.type, allowed=status != STOPPED)
        return
    content = Content("opt_in", found.ref or found.payload or "")
    item = _said(chat, chat.digest(), content, opens_window=False)
    yield item if item.party else _with_party(item, party)


def _with_party(item: MessageItem, party: Party | None) -> MessageItem:
    return replace(item, party=party)


def _linking(_: Chat) -> Iterator[Item]:
    yield Ignored("account linking is not used")


def _unknown(chat: Chat) -> Iterator[Item]:
    """Yield what a person did in a way that the hub cannot read; it opens no window, since nobody knows what it was."""
    content = Content("text", unsupported=f"{chat.name} items are not read")
    yield _said(chat, chat.digest(), content, kind=chat.name, opens_window=False)


_READERS: Final[dict[str, Callable[[Chat], Iterator[Item]]]] = {
    "message": _message,
    "message_edit": _edit,
    "reaction": _reaction,
    "postback": _postback,
    "delivery": notices.delivery,
    "read": notices.read,
    "referral": _referral,
    "optin": _optin,
    "account_linking": _linking,
    "pass_thread_control": notices.handover,
    "take_thread_control": notices.handover,
    "request_thread_control": notices.request,
    "app_roles": notices.roles,
    "policy_enforcement": notices.policy,
    "policy-enforcement": notices.policy,
}
