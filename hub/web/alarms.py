"""What a person has to look at now, as sentences with the next step."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from hub.observation import Waiting
from hub.services.backlog import GroupBacklog
from hub.services.balance import Balance
from hub.store.journals import SILENT
from hub.web import words
from hub.web.instants import lasting

LATE: Final = timedelta(minutes=1)
"""How long a delivery may wait in the journal before it is worth a line."""

_MOST_ALERTS: Final = 5


@dataclass(frozen=True, slots=True)
class Alarm:
    """One line at the top of the page; ``command`` is to be copied."""

    level: Literal["wrong", "warning"]
    what: str
    step: str
    command: str = ""
    link: str = ""


def sound(
    waiting: Waiting, balance: Balance | None, ingest_alarm: str | None, now: datetime, *, kafka_is_away: bool = False
) -> list[Alarm]:
    """Return every alarm, the worst first."""
    found = [
        *_ingest(waiting, ingest_alarm, now),
        *_journals(waiting, ingest_alarm),
        *_channels(waiting),
        *_work(waiting),
        *_account(balance),
    ]
    if kafka_is_away:
        what = "Kafka no responde: los suscriptores esperan; clientes y tickets siguen igual."
        found.append(Alarm("warning", what, "Al volver lo reciben todo. Revisa con:", "hub topics apply --check"))
    return sorted(found, key=lambda alarm: alarm.level != "wrong")


def _ingest(waiting: Waiting, alarm: str | None, now: datetime) -> Iterator[Alarm]:
    if alarm:
        what = f"El ingreso se detuvo: {alarm}."
        yield Alarm("wrong", what, "Nada se pierde: lo aceptado espera en la bitácora. Revisa con:", "hub doctor")
    elif waiting.pending_since is not None and now - waiting.pending_since > LATE:
        what = f"{waiting.pending} por ingresar, desde hace {lasting(now - waiting.pending_since)}."
        yield Alarm("wrong", what, "Nada se pierde. Revisa con:", "hub doctor")


def _journals(waiting: Waiting, alarm: str | None) -> Iterator[Alarm]:
    for one in waiting.journals:
        is_own = one.journal == waiting.journal
        if one.silent_for > SILENT and not (is_own and alarm):
            what = f"La bitácora de {one.host} no da señales desde hace {lasting(one.silent_for)}."
            yield Alarm("wrong", what, "Arranca ese equipo; si no vuelve, con su disco:", "hub journal adopt RUTA")
        elif one.waiting_for > LATE and not is_own:
            what = (
                f"En la bitácora de {one.host} hay {one.pending} por ingresar, desde hace {lasting(one.waiting_for)}."
            )
            yield Alarm("wrong", what, "Nada se pierde. En ese equipo, revisa con:", "hub doctor")


def _channels(waiting: Waiting) -> Iterator[Alarm]:
    """Yield what providers tell of their accounts: it stands until they tell that it is over, or a person ends it."""
    for one in waiting.alerts[:_MOST_ALERTS]:
        what = f"{words.CHANNELS.get(one.connector, one.connector)}: {one.explanation_es}"
        place = shlex.join([one.connector, one.asset, one.alert])
        level: Literal["wrong", "warning"] = "wrong" if one.severity == "critical" else "warning"
        yield Alarm(level, what, "Cuando esté resuelto, quítalo con:", f"hub alerts dismiss {place}")
    more = len(waiting.alerts) - _MOST_ALERTS
    if more > 0:
        yield Alarm("warning", f"{more} avisos más de los canales.", "Míralos todos con:", "hub alerts list")


def _work(waiting: Waiting) -> Iterator[Alarm]:
    for group in waiting.backlog.groups:
        yield from _group(group)
    letters, doubtful = waiting.backlog.dead_letters, waiting.backlog.doubtful
    if letters:
        one = (
            "1 mensaje muerto espera tu decisión."
            if letters == 1
            else f"{letters} mensajes muertos esperan tu decisión."
        )
        yield Alarm("wrong", one, "Cada uno dice qué hacer.", link="/mensajes-muertos")
    if doubtful:
        what = "De 1 envío no se sabe si llegó." if doubtful == 1 else f"De {doubtful} envíos no se sabe si llegaron."
        yield Alarm("wrong", what, "Revisa el chat del proveedor y decide:", "hub effects list --state doubtful")


def _group(group: GroupBacklog) -> Iterator[Alarm]:
    name = words.GROUPS.get(group.group, group.group)
    if group.state == "paused":
        what = f"En pausa «{name}»: fallaba con casi todo."
        yield Alarm("wrong", what, "Corrige la causa; después:", f"hub groups resume {group.group}")
    elif group.held_keys:
        many = "1 conversación" if group.held_keys == 1 else f"{group.held_keys} conversaciones"
        what = f"«{name}» tiene {many} en espera de otro intento."
        yield Alarm("warning", what, "Se reintenta sola; para ya:", f"hub groups release {group.group}")


def _account(balance: Balance | None) -> Iterator[Alarm]:
    if balance is not None and balance.broken:
        yield Alarm("wrong", "Las cuentas no cuadran.", "Avisa a Desarrollo con la salida de:", "hub balance --json")
