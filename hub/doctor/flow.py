"""Checks what flows: journal, groups, dead letters, effects, the account of all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.engine import Row

from hub import observation
from hub.doctor.findings import Finding, ok, warning, wrong
from hub.doctor.words import age
from hub.errors import JournalUnavailable
from hub.pipeline.ingest.mark import MarkFile
from hub.pipeline.journal import JournalMismatch, JournalReader
from hub.ports import Clock, Store
from hub.services.backlog import Backlog, GroupBacklog
from hub.store import effects, suspects
from hub.store.journals import SILENT, Report

_LATE: Final = timedelta(minutes=1)

STANDS_STILL: Final = timedelta(minutes=5)


async def examine(
    store: Store, reader: JournalReader, clock: Clock, *, assets: Collection[tuple[str, str]], played: bool
) -> list[Finding]:
    """Check an open store with its journal.

    Args:
        store: The database, open.
        reader: The journal beside it.
        clock: Tells what is late.
        assets: Connector with asset of everything that can be spoken through.
        played: Whether assets of the sandbox may be missing from ``assets``.
    """
    found = [await _journal(store, reader, clock)]
    waiting = await observation.waiting(store, reader)
    found += [_elsewhere(one) for one in waiting.journals if one.journal != waiting.journal]
    for group in waiting.backlog.groups:
        found += _group(group, clock.now())
    found += _letters(waiting.backlog)
    found += [_told(one) for one in waiting.alerts]
    if not played:
        found.append(await _unroutable(store, assets))
    found.append(await _standing(store, clock))
    found.append(await _balance(store, reader))
    return found


def _told(alert: Row[Any]) -> Finding:
    """Return what a provider told, or what it answered when it was last asked."""
    check, what = f"channel.{alert.connector}", f"{alert.connector} {alert.asset}: {alert.explanation_es}"
    cure = "Revisa con hub connectors check; los avisos del proveedor se quitan con hub alerts dismiss."
    return wrong(check, what, cure) if alert.severity == "critical" else warning(check, what, cure)


async def _journal(store: Store, reader: JournalReader, clock: Clock) -> Finding:
    try:
        oldest, pending = await observation.oldest_pending(store, reader)
        mark = await asyncio.to_thread(MarkFile(reader.directory).read)
    except JournalMismatch as error:
        cure = "Restaura el directorio «journal» que va con esta base, o avisa a Desarrollo."
        return wrong("journal", f"La bitácora no es la que era: {error}.", cure)
    except JournalUnavailable as error:
        return wrong("journal", f"La bitácora no se puede leer: {error}.", "Revisa el disco.")
    if mark is not None and mark.store_id != await store.read(suspects.store_id):
        cure = "Si cambiaste la base a propósito, detén el hub y ejecuta «hub journal adopt RUTA --yes»."
        return wrong("journal", "La bitácora pertenece a otra base de datos: lo aceptado no se ingresa.", cure)
    return _pending(pending, None if oldest is None else clock.now() - oldest)


def _pending(pending: int | None, waited: timedelta | None) -> Finding:
    if pending is None:
        return ok("journal", "Bitácora: todavía no ha recibido nada.")
    if waited is None:
        return ok("journal", "Bitácora: nada pendiente.")
    what = f"Bitácora: {pending} entregas pendientes, la más antigua desde hace {age(waited)}."
    if waited > _LATE:
        return wrong("journal", what, "Arranca el hub; si ya corre, revisa su registro: nada se ha perdido.")
    return ok("journal", what)


def _elsewhere(one: Report) -> Finding:
    """Judge another machine's journal by what it reported."""
    check = f"journal.{one.host}"
    if one.silent_for > SILENT:
        what = f"La bitácora de {one.host} no da señales desde hace {age(one.silent_for)}."
        cure = "Arranca su ingreso; si ese equipo no vuelve, ejecuta «hub journal adopt RUTA --yes» con su disco."
        return wrong(check, what, cure)
    what = f"Bitácora de {one.host}: {one.pending} entregas pendientes; habló hace {age(one.silent_for)}."
    if one.waiting_for > _LATE:
        what = f"{what} La más antigua espera desde hace {age(one.waiting_for)}."
        return wrong(check, what, "Ejecuta «hub doctor» en ese equipo: nada se ha perdido.")
    return ok(check, what)


def _group(group: GroupBacklog, now: datetime) -> Iterator[Finding]:
    check = f"group.{group.group}"
    if not group.handled:
        name = group.group
        cure = f"Si cambió de nombre: «hub groups adopt {name} NUEVO»; si ya no existe: «hub groups drop {name}»."
        yield wrong(check, f"Ningún manejador tiene el grupo {name}: el hub no arranca así.", cure)
        return
    if group.state == "paused":
        cure = f"Corrige la causa; sigue solo cuando la prueba sale bien, o con «hub groups resume {group.group}»."
        yield wrong(check, f"El grupo {group.group} está en pausa: {group.reason}.", cure)
        return
    late = group.oldest_at is not None and now - group.oldest_at > _LATE
    if group.held_keys:
        cure = f"Se reintentan solas; para reintentar ya: «hub groups release {group.group}»."
        yield warning(check, f"El grupo {group.group} tiene {group.held_keys} conversaciones detenidas.", cure)
    elif late and group.oldest_at is not None:
        what = f"El grupo {group.group} va atrasado: {group.waiting} eventos, desde hace {age(now - group.oldest_at)}."
        yield warning(check, what, "Arranca el hub; si ya corre, espera o revisa su registro.")
    else:
        yield ok(check, f"Grupo {group.group}: al día ({group.waiting} por atender).")


def _letters(backlog: Backlog) -> Iterator[Finding]:
    if backlog.dead_letters:
        many = f"{backlog.dead_letters} mensajes muertos esperan"
        what = f"{many if backlog.dead_letters > 1 else '1 mensaje muerto espera'} tu decisión."
        yield wrong("dead_letters", what, "Míralos con «hub dead-letters list»; cada uno dice qué hacer.")
    else:
        yield ok("dead_letters", "Sin mensajes muertos.")
    if backlog.doubtful:
        many = f"De {backlog.doubtful} envíos no se sabe si llegaron."
        what = many if backlog.doubtful > 1 else "De 1 envío no se sabe si llegó."
        cure = "Revisa el chat del proveedor; luego «hub effects settle ID --as sent» o «hub effects resend ID»."
        yield wrong("doubtful", what, cure)
    else:
        yield ok("doubtful", "Sin envíos dudosos.")


async def _unroutable(store: Store, assets: Collection[tuple[str, str]]) -> Finding:
    places = await store.read(effects.open_assets)
    lost = sorted(f"{connector}:{asset}" for connector, asset in set(places) - set(assets))
    if not lost:
        return ok("routes", "Todo envío pendiente tiene por dónde salir.")
    what = f"Hay envíos que no tienen por dónde salir: {', '.join(lost)} no está en la configuración."
    return wrong("routes", what, "Agrega el número, página o buzón a la configuración.")


async def _standing(store: Store, clock: Clock) -> Finding:
    ages = await store.read(
        lambda tx: [(place, effects.waiting_since(tx, *place)) for place in effects.open_assets(tx)]
    )
    now = clock.now()
    late = sorted(f"{place[0]}:{place[1]}" for place, since in ages if since is not None and now - since > STANDS_STILL)
    if not late:
        return ok("standing", "Ningún envío está detenido.")
    what = f"Hay envíos detenidos desde hace más de {age(STANDS_STILL)}: {', '.join(late[:10])}."
    return wrong("standing", what, "Revisa que el número, página o buzón esté en la configuración y con credenciales.")


async def _balance(store: Store, reader: JournalReader) -> Finding:
    try:
        account = await observation.balance(store, reader)
    except JournalUnavailable as error:
        return wrong("balance", f"No se pudo cuadrar: {error}.", "Revisa el disco.")
    if account.broken:
        cure = "Avisa a Desarrollo con la salida de «hub balance --json»."
        return wrong("balance", " ".join(account.broken), cure)
    return ok("balance", "Todo cuadra: cada entrega aceptada tiene su destino.")
