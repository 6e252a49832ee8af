"""Reads whether somebody wants no more messages that we start, or wants them again (R-C12)."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal

CATEGORY: Final = "started_by_us"
"""What BAJA stops, as a category of preferences: surveys, reminders, offers; never the answer to a question."""

BLOCKING: Final = frozenset({CATEGORY, "marketing_messages"})
"""Categories that stop what we start; the second is WhatsApp's own, set in its app."""

_WORDS: Final[dict[str, Literal["stop", "start"]]] = {
    "baja": "stop",
    "stop": "stop",
    "alto": "stop",
    "alta": "start",
}
_AROUND: Final = re.compile(r"^\W+|\W+$")


def wish(text: str) -> Literal["stop", "start"] | None:
    """Return what a message that is nothing but the word asks for; a sentence with the word in it asks nothing."""
    plain = "".join(one for one in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(one))
    return _WORDS.get(_AROUND.sub("", plain))
