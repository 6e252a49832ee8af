"""Parts of what people send beside plain text, shared by events with the shapes that connectors hand in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import Instant

AttachmentKind = Literal["image", "video", "audio", "voice", "document", "sticker"]
MessageKind = Literal[
    "text",
    "image",
    "video",
    "audio",
    "voice",
    "document",
    "sticker",
    "location",
    "contacts",
    "choice",
    "form",
    "order",
    "share",
    "call",
    "welcome",
    "referral",
    "opt_in",
    "comment",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Attachment(_Part):
    """One file, as it was announced; the bytes are the hub's to fetch, under its own id.

    ``sha256`` is in hex. Nothing here lets anybody else fetch the file.
    """

    attachment_id: str
    kind: AttachmentKind
    mime_type: str | None = None
    filename: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None


class Choice(_Part):
    """A button, list row or menu entry that was picked; ``id`` is what whoever offered it put there."""

    id: str
    title: str = ""
    description: str | None = None


class Location(_Part):
    """A place on the map, in degrees."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    url: str | None = None


class ContactCard(_Part):
    """Somebody whose address was passed on."""

    name: str | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    organization: str | None = None
    shared_on_request: bool = False


class Form(_Part):
    """A filled-in form; an answer that was no text stands as JSON."""

    name: str | None = None
    answers: dict[str, str] = Field(default_factory=dict)


class OrderLine(_Part):
    """One product of an order."""

    product_id: str
    quantity: float | None = None
    unit_price: float | None = None
    currency: str | None = None


class Order(_Part):
    """A cart that was sent."""

    catalog_id: str | None = None
    lines: tuple[OrderLine, ...] = ()


class Share(_Part):
    """A post, reel, story or link that was passed on."""

    kind: str
    title: str | None = None
    url: str | None = None


class Referral(_Part):
    """The ad, post or link that brought somebody here."""

    source: str
    source_id: str | None = None
    headline: str | None = None
    body: str | None = None
    url: str | None = None
    click_id: str | None = None
    ref: str | None = None


class Pricing(_Part):
    """What the provider charges for a message, in its own words."""

    category: str | None = None
    model: str | None = None
    type: str | None = None
    billable: bool | None = None
    conversation_id: str | None = None
    conversation_origin: str | None = None
    conversation_expires_at: Instant | None = None


class Button(_Part):
    """A button below a message; ``id`` comes back in the ``Choice``."""

    id: str
    title: str


class MenuRow(_Part):
    """One line of a list to pick from; ``id`` comes back in the ``Choice``."""

    id: str
    title: str
    description: str | None = None


class MenuSection(_Part):
    """Lines of a list that belong together; the title may be left out where there is one section only."""

    rows: tuple[MenuRow, ...]
    title: str = ""


class Menu(_Part):
    """A list to pick from; ``label`` is what opens it."""

    label: str
    sections: tuple[MenuSection, ...]


class OutboundFile(_Part):
    """A file that goes out, by one of: a file that the hub keeps, the id of an upload, a public https link."""

    kind: Literal["image", "video", "audio", "voice", "document"]
    attachment_id: str | None = None
    id: str | None = None
    link: str | None = None
    filename: str | None = None


_CONTENT = Field(json_schema_extra={"x-personal": "content"})

Attachments = Annotated[tuple[Attachment, ...], _CONTENT]
MaybeChoice = Annotated[Choice | None, _CONTENT]
MaybeLocation = Annotated[Location | None, _CONTENT]
ContactCards = Annotated[tuple[ContactCard, ...], _CONTENT]
MaybeForm = Annotated[Form | None, _CONTENT]
MaybeOrder = Annotated[Order | None, _CONTENT]
MaybeShare = Annotated[Share | None, _CONTENT]
MaybeReferral = Annotated[Referral | None, _CONTENT]
