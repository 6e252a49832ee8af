"""Checks Kafka where the hub is told of one: reachable, as declared, nobody left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from hub import kafka_settings
from hub.doctor.findings import Finding, misconfigured, ok, warning, wrong
from hub.doctor.words import age
from hub.errors import BrokerUnavailable, Misconfigured
from hub.kafka_settings import KafkaSettings
from hub.ports import Clock, Store
from hub.store import publications

if TYPE_CHECKING:
    from hub.bus.kafka.examination import Examined

_LATE: Final = timedelta(minutes=1)
_MANY: Final = 1_000
_SHOWN: Final = 5

_AWAY_CURE = (
    "Los clientes se atienden igual; los suscriptores esperan y lo reciben todo al volver. "
    "Revisa el servidor, la red, y HUB_KAFKA_BOOTSTRAP_SERVERS con las variables que lo acompañan."
)
_DIFFERS_CURE = (
    "El hub no cambia un tema que existe: ajusta su configuración en Kafka, o la variable HUB_KAFKA_… que lo declara; "
    "con otro número de particiones, usa otro HUB_KAFKA_TOPIC_PREFIX y «hub topics apply»."
)


def examine(environ: Mapping[str, str], groups: Sequence[str]) -> list[Finding]:
    """Check the broker with its topics; of ``groups``, which read by Kafka, how far each is behind."""
    try:
        settings = kafka_settings.load(environ)
        if settings is None:
            return []
        return list(_told(settings, _look(settings, groups)))
    except Misconfigured as error:
        cure = "Corrige la variable y vuelve a arrancar el hub."
        return [misconfigured("kafka", problem, cure) for problem in error.problems]
    except BrokerUnavailable as error:
        return [wrong("kafka", f"Kafka no responde: {error}.", _AWAY_CURE)]


def is_named(environ: Mapping[str, str]) -> bool:
    """Tell whether the hub is told of a Kafka at all."""
    return any(name.startswith(kafka_settings.PREFIX) for name in environ)


async def unpublished(store: Store, clock: Clock) -> Finding:
    """Check how long subscribers have been waiting for what was stated."""
    count, since = await store.read(publications.waiting)
    if not count or since is None:
        return ok("kafka.relay", "Los suscriptores tienen todo lo publicado.")
    waited = clock.now() - since
    what = f"{count} eventos esperan ser enviados a los suscriptores, el más antiguo desde hace {age(waited)}."
    if waited <= _LATE:
        return ok("kafka.relay", what)
    cure = (
        "Los envía el hub, o su «worker», mientras corre y Kafka responde; nada se pierde. Si no bajan, revisa su log."
    )
    return wrong("kafka.relay", what, cure)


def _look(settings: KafkaSettings, groups: Sequence[str]) -> Examined:
    from hub.bus.kafka import examination

    return asyncio.run(examination.examine(settings, groups))


def _told(settings: KafkaSettings, seen: Examined) -> Iterator[Finding]:
    yield ok("kafka", f"Kafka responde ({', '.join(settings.bootstrap_servers)}).")
    missing = [one.topic for one in seen.differ if one.found is None]
    if missing:
        yield wrong("kafka.topics", f"Faltan temas en Kafka: {_listed(missing)}.", "Ejecuta «hub topics apply».")
    for one in seen.differ:
        if one.found is not None:
            what = f"El tema {one.topic} tiene {one.what}={one.found}; lo declarado es {one.wanted}."
            yield warning("kafka.topics", what, _DIFFERS_CURE)
    if seen.weak:
        what = f"Kafka no puede guardar en estos temas, le faltan copias al día o un líder: {_listed(seen.weak)}."
        yield wrong("kafka.copies", what, "Levanta los servidores de Kafka que faltan; lo pendiente se envía solo.")
    if not seen.differ and not seen.weak:
        yield ok("kafka.topics", "Los temas de Kafka están como se declararon, con sus copias al día.")
    for group, behind in sorted(seen.behind.items()):
        check, what = f"kafka.group.{group}", f"Grupo {group} en Kafka: {behind} avisos por leer."
        if behind > _MANY:
            yield warning(check, what, "Arranca otro «worker», o espera; la base de datos tiene lo que falta.")
        else:
            yield ok(check, what)


def _listed(names: Sequence[str]) -> str:
    more = f" y {len(names) - _SHOWN} más" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
