"""Loads every event type, so that the registry is complete."""

from __future__ import annotations

from schemas import attachments, conversations, messages, operations, replies, tickets
from schemas.envelope import EventData, event_types
from schemas.topics import ALL, Topic

MODULES = (attachments, conversations, messages, operations, replies, tickets)


def types_by_topic() -> dict[Topic, list[type[EventData]]]:
    """Return the event types that each topic carries, in the order of the topics."""
    found: dict[Topic, list[type[EventData]]] = {topic: [] for topic in ALL}
    for model in event_types().values():
        found[model.TOPIC].append(model)
    return found
