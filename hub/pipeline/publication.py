"""What subscribers are sent of an event."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.engine import Row

from hub.errors import Permanent, Unreadable
from hub.pipeline.consumer.failures import classify, describe
from hub.ports import Copy
from hub.services.dead_letters import Letter
from schemas import catalogue, topics
from schemas.binary_mode import headers
from schemas.envelope import schema_address

GROUP = "subscribers"
"""Under which name the dead letters of copies stand; no group of handlers has it."""

SCOPE = "copy"

# The first attributes, which no event lacks: what a notice says.
_IDENTITY: Final = 4

# From the catalogue, which has them all: a type whose module nobody imported yet is not unknown.
_TOPICS: Final = {model.TYPE: topic for topic, models in catalogue.types_by_topic().items() for model in models}


class Unpublishable(Unreadable):
    """This code does not know where an event belongs."""


def copy_of(row: Row[Any]) -> Copy:
    """Return the copy of an event as the table has it, without reading its data.

    Raises:
        Unpublishable: The event is of a type that this code does not know.
    """
    topic = _TOPICS.get(row.type)
    if topic is None:
        msg = f"this code does not know events of type {row.type}, so neither their topic"
        raise Unpublishable(msg)
    attributes = {
        "specversion": "1.0",
        "id": row.id,
        "source": row.source,
        "type": row.type,
        "subject": row.subject,
        "time": row.time,
        "dataschema": schema_address(row.type),
        "partitionkey": row.key,
        "receivedat": row.receivedat,
        "actor": row.actor,
        "traceparent": row.traceparent,
        "causation": row.causation,
    }
    told = headers(attributes)
    return Copy(
        position=row.position,
        key=row.key.encode(),
        topic=None if topic is topics.LOG else topic.name,
        headers=told,
        value=row.data.encode(),
        notice=told[:_IDENTITY],
    )


def letter_of(row: Row[Any], error: Exception) -> Letter:
    """Return the dead letter of a copy that subscribers will not get; handlers are not concerned."""
    topic = _TOPICS.get(row.type, topics.LOG)
    return Letter(
        scope=SCOPE,
        group=GROUP,
        item=row.id,
        key=row.key,
        type=row.type,
        origin=f"{topic.name} position {row.position}",
        reason_class=classify(error) if isinstance(error, Permanent) else "permanent",
        reason=describe(error),
        owner="operations",
    )
