"""Makes the declared topics at the broker, tells what differs from their declaration."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from hub.bus.kafka.connection import administering, telling
from hub.errors import BrokerUnavailable
from hub.kafka_settings import PREFIX, KafkaSettings
from schemas import topics
from schemas.topics import Topic

PARTITIONS: Final = 12
"""Of each topic, for ever: another number would part a key's future from its past."""

_DAY_MILLISECONDS: Final = 86_400_000
_EXISTS: Final = 36
_BAD_REPLICATION: Final = 38
_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as declared.

    Attributes:
        what: ``topic`` when it is missing, else ``partitions``, ``replication`` or a setting's name at the broker.
        found: None when the topic is missing.
    """

    topic: str
    what: str
    wanted: str
    found: str | None


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an application.

    Attributes:
        made: Names of the topics that were made now.
        differ: What differs all the same; the hub changes no topic that exists.
    """

    made: tuple[str, ...]
    differ: tuple[Difference, ...]


async def apply(
    settings: KafkaSettings,
    *,
    only_look: bool = False,
    declared: Sequence[Topic] = topics.ALL,
    seconds: float = _SECONDS,
) -> Applied:
    """Make the declared topics that are missing, then tell what differs; each request may take ``seconds``.

    Raises:
        BrokerUnavailable: Kafka does not serve, or refused to make a topic, with its reason.
    """
    async with administering(settings, seconds) as admin:
        differ = await _differences(admin, settings, declared)
        missing = [one.topic for one in differ if one.what == "topic"]
        if only_look or not missing:
            return Applied((), tuple(differ))
        await _make(admin, settings, [topic for topic in declared if settings.topic(topic.name) in missing])
        return Applied(tuple(missing), tuple(one for one in differ if one.topic not in missing))


async def _make(admin: AIOKafkaAdminClient, settings: KafkaSettings, wanted: Iterable[Topic]) -> None:
    new = [
        NewTopic(settings.topic(topic.name), PARTITIONS, settings.replication, topic_configs=_config(settings, topic))
        for topic in wanted
    ]
    with telling():
        answer = await admin.create_topics(new)
    for name, code, reason in answer.topic_errors:
        if code == _BAD_REPLICATION:
            msg = f"Kafka has fewer brokers than {PREFIX}REPLICATION={settings.replication} asks for; lower it"
            raise BrokerUnavailable(msg)
        if code not in {0, _EXISTS}:
            msg = f"Kafka refused to make the topic {name}: {reason or f'code {code}'}"
            raise BrokerUnavailable(msg)
    # The controller answers before the brokers serve what it made.
    with telling():
        async with asyncio.timeout(_SECONDS):
            await _until_served(admin, [topic.name for topic in new])


async def _until_served(admin: AIOKafkaAdminClient, names: Sequence[str]) -> None:
    while True:
        described = await admin.describe_topics(list(names))
        if all(one["partitions"] and all(part["leader"] >= 0 for part in one["partitions"]) for one in described):
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _differences(
    admin: AIOKafkaAdminClient, settings: KafkaSettings, declared: Sequence[Topic]
) -> list[Difference]:
    names = {settings.topic(topic.name): topic for topic in declared}
    with telling():
        described = {one["topic"]: one for one in await admin.describe_topics(list(names))}
        present = [name for name in names if described[name]["partitions"]]
        configs = await _configs(admin, present)
    found: list[Difference] = []
    for name, topic in names.items():
        if name not in present:
            found.append(Difference(name, "topic", f"{PARTITIONS} partitions", None))
            continue
        partitions = described[name]["partitions"]
        copies = min(len(partition["replicas"]) for partition in partitions)
        wanted = {"partitions": str(PARTITIONS), "replication": str(settings.replication), **_config(settings, topic)}
        real = {"partitions": str(len(partitions)), "replication": str(copies), **configs[name]}
        found += [Difference(name, what, value, real[what]) for what, value in wanted.items() if real[what] != value]
    return found


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    asked = dict.fromkeys(_SETTINGS)
    answers: list[Any] = []
    if names:
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=asked) for name in names]
        answers = await admin.describe_configs(resources)
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }


def least_copies(settings: KafkaSettings) -> int:
    """Return how many copies a record has at least before it is acknowledged.

    One broker may be away without stopping the relay, yet no acknowledged record is on one broker alone.
    """
    return max(1, settings.replication - 1)


def _config(settings: KafkaSettings, topic: Topic) -> dict[str, str]:
    values = (
        str(topic.retention_days * _DAY_MILLISECONDS),
        str(settings.max_message_bytes),
        str(least_copies(settings)),
        "delete",
    )
    return dict(zip(_SETTINGS, values, strict=True))


_SETTINGS: Final = ("retention.ms", "max.message.bytes", "min.insync.replicas", "cleanup.policy")
