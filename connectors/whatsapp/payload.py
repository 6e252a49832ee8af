"""What Meta sends to a WhatsApp webhook, as models that forgive whatever the hub can do without."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from hub.contracts import RefusedItem
from hub.errors import Unreadable

M = TypeVar("M", bound=BaseModel)

OBJECT: Final = "whatsapp_business_account"
BROKEN: Final = "\ufdd0"
"""Stands for half a surrogate pair; a code point that no text may hold."""

MAX_ID: Final = 512
MAX_TEXT: Final = 65_536
MAX_NAME: Final = 256
MAX_LABEL: Final = 64

# An escape at a time, so that an escaped backslash before a "u" is not taken for the start of one.
_ESCAPES: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_SECONDS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


def word(value: object) -> str | None:
    """Return a short printable word, None for anything else: who lacks it can be told in other ways."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and 0 < len(value) <= MAX_ID and value.isprintable():
        return value
    return None


def _id(value: object) -> str:
    found = word(value)
    if found is None:
        msg = f"no printable word of 1 to {MAX_ID} characters"
        raise ValueError(msg)
    return found


def _name(value: object) -> str | None:
    if not isinstance(value, str) or BROKEN in value:
        return None
    return value.replace("\0", "")[:MAX_NAME].strip() or None


def moment(value: object) -> datetime | None:
    """Return seconds since 1970 as an instant; None for what is no such number."""
    digits = word(value)
    if digits is None or not _SECONDS.fullmatch(digits) or int(digits) == 0:
        return None
    return datetime.fromtimestamp(int(digits), UTC)


def _records(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _record(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _maybe(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _flag(value: object) -> bool:
    return value is True


Id = Annotated[str, BeforeValidator(_id)]
Word = Annotated[str | None, BeforeValidator(word)]
Name = Annotated[str | None, BeforeValidator(_name)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Moment = Annotated[datetime | None, BeforeValidator(moment)]


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)


class ProviderNote(_Payload):
    """One of Meta's error objects."""

    code: Word = None
    title: Name = None


Notes = Annotated[tuple[ProviderNote, ...], BeforeValidator(_records)]


class Value(_Payload):
    """Which number a ``value`` is about; never told by the display number, which comes in many forms."""

    phone_number_id: Annotated[Id, Field(validation_alias=AliasPath("metadata", "phone_number_id"))]


class Profile(_Payload):
    """How a person calls themselves; never a key."""

    name: Name = None


class Person(_Payload):
    """One of ``contacts[]``."""

    profile: Annotated[Profile, BeforeValidator(_record)] = Profile()
    wa_id: Word = None
    user_id: Word = None


class Quoted(_Payload):
    """The message that this one answers; it may be one that we never saw."""

    id: Word = None
    forwarded: Flag = False
    frequently_forwarded: Flag = False


class Message(_Payload):
    """What all kinds of ``messages[]`` share; only the id cannot be done without."""

    id: Id
    timestamp: Moment = None
    type: Word = None
    sender: Word = Field(default=None, alias="from")
    from_user_id: Word = None
    group_id: Word = None
    context: Annotated[Quoted, BeforeValidator(_record)] = Quoted()
    errors: Notes = ()


class Origin(_Payload):
    """Who began a conversation, in Meta's words for what it charges."""

    type: Word = None


class Conversation(_Payload):
    """The conversation that a message was charged under; gone from version 24 on, but for free entry points."""

    id: Word = None
    expiration_timestamp: Moment = None
    origin: Annotated[Origin, BeforeValidator(_record)] = Origin()


class Price(_Payload):
    """What Meta charges for a message."""

    category: Word = None
    pricing_model: Word = None
    type: Word = None
    billable: Annotated[bool | None, BeforeValidator(_maybe)] = None


class Status(_Payload):
    """One of ``statuses[]``."""

    id: Id
    status: Id
    timestamp: Moment = None
    recipient_id: Word = None
    recipient_user_id: Word = None
    recipient_participant_id: Word = None
    recipient_participant_user_id: Word = None
    biz_opaque_callback_data: Word = None
    pricing: Annotated[Price, BeforeValidator(_record)] = Price()
    conversation: Annotated[Conversation, BeforeValidator(_record)] = Conversation()
    errors: Notes = ()


def parse(body: bytes) -> list[Any]:
    """Return the entries of a WhatsApp webhook as plain data, each still to be judged by itself.

    Half a surrogate pair becomes ``BROKEN``, so that one item with it does not sink its neighbours.

    Raises:
        Unreadable: The body is no JSON, or no webhook of WhatsApp.
    """
    try:
        webhook = _json(body)
    except ValueError as error:
        # The parser's words name a place, never the text there.
        msg = f"the body is no JSON: {error}"
        raise Unreadable(msg) from None
    if not isinstance(webhook, dict):
        msg = "the body is no JSON object"
        raise Unreadable(msg)
    if webhook.get("object") != OBJECT:
        msg = f"the webhook's object is {word(webhook.get('object')) or 'missing'!r}, not {OBJECT!r}"
        raise Unreadable(msg)
    entries = webhook.get("entry")
    if not isinstance(entries, list) or not entries:
        msg = "the webhook has no entry"
        raise Unreadable(msg)
    return entries


def elements(holder: Mapping[str, Any], name: str) -> list[object]:
    """Return the elements of a list; what stands there without a list around it is its only element."""
    found = holder.get(name)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def is_broken(raw: object) -> bool:
    """Tell whether a text anywhere within holds half a character."""
    waiting = [raw]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and BROKEN in value:
            return True
        if isinstance(value, dict):
            waiting.extend(value.values())
            waiting.extend(value)
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def label(value: object) -> str | None:
    """Return a provider's own name for something, fit for a log line."""
    if not isinstance(value, str) or not value:
        return None
    return "".join(char if char.isprintable() else "?" for char in value[:MAX_LABEL])


def read(model: type[M], raw: object) -> M | RefusedItem:
    """Return one item as its model, or why it cannot be read; half a character is forgiven in what can be spared."""
    if not isinstance(raw, dict):
        return RefusedItem("an item is no object")
    if model is not Person and model is not Value and is_broken(raw):
        return RefusedItem("an item holds half a surrogate pair, or U+FDD0, which stands for one")
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        return RefusedItem(why(error))


def why(error: ValidationError) -> str:
    """Return what is wrong with an item, without any of its values."""
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in problems)


def _json(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        marked = _ESCAPES.sub(lambda found: b"\\ufdd0" if found.group(1) else found.group(0), body)
        if marked == body:
            raise
        return from_json(marked, allow_inf_nan=False)
