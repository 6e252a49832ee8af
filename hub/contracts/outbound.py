"""What goes out through a connector: one call, how it may end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from hub.contracts.parties import Alias
from schemas.content import Button, Menu, OutboundFile
from schemas.replies import ReplyKind


@dataclass(frozen=True, slots=True)
class OutboundCall:
    """One effect to carry out: what to say, to whom, under which key."""

    effect_id: str
    kind: str
    asset: str
    reply_to: Mapping[str, str]
    payload: Mapping[str, Any]
    attempt: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it; ``learned`` are addresses of the recipient that only its answer told."""

    provider_id: str
    learned: tuple[Alias, ...] = ()


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The provider surely did not take it; it may later.

    ``scope`` says what has to wait: the conversation, the whole asset (throttled), or the credential
    (a token or permission is gone).
    """

    code: str
    explanation_es: str
    retry_after_seconds: float | None = None
    scope: Literal["conversation", "asset", "credential"] = "conversation"


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider will never take it."""

    code: str
    explanation_es: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody can tell whether the provider took it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Content:
    """What goes with the text of a message, at most one of file, buttons, menu or the question for a place.

    Attributes:
        quotes: The provider's id of the message that is answered.
    """

    file: OutboundFile | None = None
    buttons: tuple[Button, ...] = ()
    menu: Menu | None = None
    asks_location: bool = False
    quotes: str | None = None

    @property
    def kind(self) -> ReplyKind:
        """What the message is called."""
        if self.file is not None:
            return self.file.kind
        if self.menu is not None:
            return "list"
        if self.asks_location:
            return "location_request"
        return "buttons" if self.buttons else "text"

    def payload(self) -> dict[str, Any]:
        """Return it as the payload of an effect carries it; nothing for plain text."""
        parts = {
            "file": self.file and self.file.model_dump(exclude_none=True),
            "buttons": [button.model_dump() for button in self.buttons],
            "menu": self.menu and self.menu.model_dump(exclude_none=True),
            "asks_location": self.asks_location,
            "quotes": self.quotes,
        }
        return {name: value for name, value in parts.items() if value}


Outcome = Accepted | NotTaken | Rejected | Unclear


class Sender(Protocol):
    """Carries out effects on the assets of one app; never raises for what a provider may do."""

    async def send(self, call: OutboundCall) -> Outcome:
        """Make one attempt; bounded in time, never retried inside."""
        ...

    async def close(self) -> None:
        """Give back sockets."""
        ...
