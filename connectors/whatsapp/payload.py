"""What Meta sends to a WhatsApp webhook, as models that forgive whatever the hub can do without."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

from pydantic import AliasPath, BaseModel, BeforeValidator, Field, ValidationError

from connectors._meta.fields import Id, Moment, Name, Payload, Record, Records, Word, entries, is_broken, why
from hub.contracts import RefusedItem

M = TypeVar("M", bound=BaseModel)

OBJECT: Final = "whatsapp_business_account"
MAX_TEXT: Final = 65_536


def _maybe(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _flag(value: object) -> bool:
    return value is True


Flag = Annotated[bool, BeforeValidator(_flag)]


class ProviderNote(Payload):
    """One of Meta's error objects."""

    code: Word = None
    title: Name = None


Notes = Annotated[tuple[ProviderNote, ...], Records]


class Value(Payload):
    """Which number a ``value`` is about; never told by the display number, which comes in many forms."""

    phone_number_id: Annotated[Id, Field(validation_alias=AliasPath("metadata", "phone_number_id"))]


class Profile(Payload):
    """How a person calls themselves; never a key."""

    name: Name = None


class Person(Payload):
    """One of ``contacts[]``."""

    profile: Annotated[Profile, Record] = Profile()
    wa_id: Word = None
    user_id: Word = None


class Quoted(Payload):
    """The message that this one answers; it may be one that we never saw."""

    id: Word = None
    forwarded: Flag = False
    frequently_forwarded: Flag = False


class Message(Payload):
    """What all kinds of ``messages[]`` share; only the id cannot be done without."""

    id: Id
    timestamp: Moment = None
    type: Word = None
    sender: Word = Field(default=None, alias="from")
    from_user_id: Word = None
    group_id: Word = None
    context: Annotated[Quoted, Record] = Quoted()
    errors: Notes = ()


class Origin(Payload):
    """Who began a conversation, in Meta's words for what it charges."""

    type: Word = None


class Conversation(Payload):
    """The conversation that a message was charged under; gone from version 24 on, but for free entry points."""

    id: Word = None
    expiration_timestamp: Moment = None
    origin: Annotated[Origin, Record] = Origin()


class Price(Payload):
    """What Meta charges for a message."""

    category: Word = None
    pricing_model: Word = None
    type: Word = None
    billable: Annotated[bool | None, BeforeValidator(_maybe)] = None


class Status(Payload):
    """One of ``statuses[]``."""

    id: Id
    status: Id
    timestamp: Moment = None
    recipient_id: Word = None
    recipient_user_id: Word = None
    recipient_participant_id: Word = None
    recipient_participant_user_id: Word = None
    biz_opaque_callback_data: Word = None
    pricing: Annotated[Price, Record] = Price()
    conversation: Annotated[Conversation, Record] = Conversation()
    errors: Notes = ()


def parse(body: bytes) -> list[Any]:
    """Return the entries of a WhatsApp webhook as plain data, each still to be judged by itself.

    Half a surrogate pair becomes ``BROKEN``, so that one item with it does not sink its neighbours.

    Raises:
        Unreadable: The body is no JSON, or no webhook of WhatsApp.
    """
    return entries(body, OBJECT)


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
