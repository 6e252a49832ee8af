"""Looks at Kafka as an operator would: topics as declared, copies in step, groups not behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)

from hub.bus.kafka import topics
from hub.bus.kafka.connection import administering, leaving_nothing_open, options, telling
from hub.bus.kafka.topics import Difference
from hub.kafka_settings import KafkaSettings
from schemas.topics import ALL, LOG

_SECONDS: Final = 4.0
_AGAIN_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Examined:
    """What was seen.

    Attributes:
        differ: What is missing or not as declared.
        weak: Topics of which a partition has no leader, or too few copies in step to take anything.
        behind: How many notices each group has yet to read; empty while the log is missing.
    """

    differ: Sequence[Difference]
    weak: Sequence[str]
    behind: dict[str, int]


async def examine(settings: KafkaSettings, groups: Sequence[str], *, seconds: float = _SECONDS) -> Examined:
    """Look at everything within ``seconds``.

    Args:
        settings: Where Kafka is.
        groups: Names of the groups that read the log by Kafka; none in a hub of one process.
        seconds: How long all of it may take.

    Raises:
        BrokerUnavailable: No broker answers in time, or it refuses us.
        Misconfigured: A certificate or the password cannot be read.
    """
    with telling():
        async with asyncio.timeout(seconds):
            applied = await topics.apply(settings, only_look=True, seconds=seconds)
            missing = {one.topic for one in applied.differ if one.found is None}
            present = [name for topic in ALL if (name := settings.topic(topic.name)) not in missing]
            log = settings.topic(LOG.name)
            weak = await _weak(settings, present, seconds)
            behind = await _behind(settings, log, groups, seconds) if groups and log in present else {}
            return Examined(applied.differ, weak, behind)


async def _weak(settings: KafkaSettings, names: Sequence[str], seconds: float) -> list[str]:
    least = topics.least_copies(settings)
    async with administering(settings, seconds) as admin:
        described: list[dict[str, Any]] = await admin.describe_topics(list(names)) if names else []
    return [
        one["topic"]
        for one in described
        if any(part["leader"] < 0 or len(part["isr"]) < least for part in one["partitions"])
    ]


async def _behind(settings: KafkaSettings, log: str, groups: Sequence[str], seconds: float) -> dict[str, int]:
    async with administering(settings, seconds) as admin:
        done = {group: await _offsets(admin, settings.topic_prefix + group) for group in groups}
    # Of no group: it reads nothing but where the log begins, where it ends.
    reader = AIOKafkaConsumer(**options(settings), enable_auto_commit=False)
    try:
        with leaving_nothing_open():
            await reader.start()
        cluster = await reader._client.fetch_all_metadata()  # noqa: SLF001 - the only way to look without subscribing
        places = [TopicPartition(log, number) for number in cluster.partitions_for_topic(log) or ()]
        begins, ends = await reader.beginning_offsets(places), await reader.end_offsets(places)
    finally:
        await reader.stop()
    return {
        group: sum(ends[place] - max(begins[place], _reached(offsets, place)) for place in places)
        for group, offsets in done.items()
    }


async def _offsets(admin: AIOKafkaAdminClient, group: str) -> Any:
    """Ask how far a group is; whoever calls bounds it in time."""
    while True:
        try:
            return await admin.list_consumer_group_offsets(group)
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
            # The first question ever makes the broker begin a topic for the answers; a restarted one reads it first.
            await asyncio.sleep(_AGAIN_SECONDS)


def _reached(offsets: Any, place: TopicPartition) -> int:
    return int(offsets[place].offset) if place in offsets else 0
