"""The topics that events are published on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Topic:
    """One stream that other systems subscribe to.

    Attributes:
        name: The topic's name at the broker.
        key: What its records are keyed by; order holds within a key.
        retention_days: How long the broker keeps a record.
        owner: The desk that answers for its contents.
        meaning: What its events say, in one line.
    """

    name: str
    key: str
    retention_days: int
    owner: str
    meaning: str


LOG: Final = Topic("hub.log", "conversation", 7, "operations", "Headers of every event, for the hub's own groups.")
MESSAGES: Final = Topic("hub.messages", "conversation", 30, "support", "What customers said on any channel.")
REPLIES: Final = Topic("hub.replies", "conversation", 30, "support", "What was answered, with its delivery.")
CONVERSATIONS: Final = Topic("hub.conversations", "conversation", 30, "support", "Who talks with us about which case.")
TICKETS: Final = Topic("hub.tickets", "conversation", 365, "support", "The life of each ticket.")
SERVICE_LEVELS: Final = Topic("hub.service_levels", "conversation", 365, "support", "Clocks promised to customers.")
DEMOS: Final = Topic("hub.demos", "conversation", 365, "sales", "Demos from request to outcome.")
OPPORTUNITIES: Final = Topic("hub.opportunities", "conversation", 365, "sales", "What could be sold, by which desk.")
CALENDAR: Final = Topic("hub.calendar", "calendar", 30, "sales", "Changes seen in the sales calendar.")
KNOWLEDGE: Final = Topic("hub.knowledge", "link", 365, "support", "Links offered by ExsimBot with their use.")
OPERATIONS: Final = Topic("hub.operations", "subject", 90, "operations", "What the hub says about itself.")

ALL: Final = (
    LOG,
    MESSAGES,
    REPLIES,
    CONVERSATIONS,
    TICKETS,
    SERVICE_LEVELS,
    DEMOS,
    OPPORTUNITIES,
    CALENDAR,
    KNOWLEDGE,
    OPERATIONS,
)
