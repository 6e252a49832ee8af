"""Who is at the other end: a person with every address that a delivery tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alias:
    """One address under which a person is known, in the form used for matching.

    ``kind`` names the namespace, e.g. ``phone`` with ``+522221234567`` or ``whatsapp-user`` with a BSUID.
    """

    kind: str
    value: str

    @property
    def is_lent(self) -> bool:
        """Whether somebody else gets it once its holder leaves it: Mexican carriers give numbers out again."""
        return self.kind == "phone"


@dataclass(frozen=True, slots=True)
class Party:
    """The person at the other end: aliases best first, with what to reply to."""

    aliases: tuple[Alias, ...]
    reply_to: Mapping[str, str]
    display_name: str | None = None
