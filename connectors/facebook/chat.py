"""One item of a chat with what is common to all of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from connectors.facebook.payload import Envelope
from hub.contracts import Party

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Chat:
    """Where an item stands.

    Attributes:
        name: Under which key the item tells what it is.
        party: The person, whoever of both sent the item.
        from_page: Whether the page sent it.
        raw: The item as it came, for digests.
    """

    page: str
    name: str
    envelope: Envelope
    party: Party | None
    from_page: bool
    standby: bool
    raw: dict[str, Any]

    @property
    def time(self) -> datetime | None:
        """When it happened, if Meta says so."""
        return self.envelope.timestamp

    @property
    def content(self) -> dict[str, Any]:
        """What stands under its key; nothing when that is no object."""
        found = self.raw[self.name]
        return found if isinstance(found, dict) else {}

    def read(self, model: type[M]) -> M:
        """Return the content as a model.

        Raises:
            ValidationError: It lacks what cannot be done without.
        """
        return model.model_validate(self.content)

    def digest(self) -> str:
        """Return a provider id for an item that Meta gave none."""
        return digest(self.page, [self.name, self.raw])


def digest(page: str, raw: Any) -> str:
    """Return the same word for the same content; numbers too large for a float are infinite, which JSON lacks."""
    whole = json.dumps([page, raw], sort_keys=True, separators=(",", ":"))
    return "digest-" + hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]
