"""Runs every check of the doctor, as far as the one before it lets it go."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from hub import discovery
from hub.bootstrap import DATABASE, JOURNAL
from hub.cli.opening import opened
from hub.contracts import Connection
from hub.doctor import Finding, broker, database, flow, machine, neighbour, server, wiring
from hub.doctor.findings import wrong
from hub.errors import HubError
from hub.pipeline.journal import JournalReader
from hub.settings import HubSettings
from hub.system import SystemClock
from hub.telemetry import configure_logs


def examine(data: Path | None) -> list[Finding]:
    """Return what every check found, in order."""
    configure_logs(json=False, level=logging.ERROR)
    found = list(machine.versions())
    settings, about = wiring.process(os.environ, data)
    found += about
    if settings is None:
        return found
    connections, about = wiring.connectors(os.environ, settings)
    found += about
    place = list(machine.data_directory(settings.data, settings.limits.disk_free_bytes))
    found += place
    if not settings.data.is_dir():
        return found
    found.append(neighbour.examine(settings))
    groups = [] if settings.database_url is None else sorted(discovery.handlers())
    found += broker.examine(os.environ, groups)
    clock = SystemClock()
    if settings.database_url is None:
        kept = list(database.examine(settings.data / DATABASE, clock.monotonic))
    else:
        kept = [server.examine(settings.database_url.get_secret_value(), clock)]
    found += kept
    if all(one.level in {"ok", "warning"} for one in kept):
        found += asyncio.run(_flow(settings, connections))
    return found


async def _flow(settings: HubSettings, connections: dict[str, Connection]) -> list[Finding]:
    assets = {(name, asset) for name, connection in connections.items() for asset in connection.assets}
    try:
        async with opened(settings) as hub:
            reader = JournalReader(settings.data / JOURNAL)
            played = wiring.was_played(settings)
            found = await flow.examine(hub.store, reader, hub.clock, assets=assets, played=played)
            return [*found, await broker.unpublished(hub.store, hub.clock)] if broker.is_named(os.environ) else found
    except (HubError, DBAPIError, sqlite3.Error) as error:
        return [
            wrong("flow", f"La base de datos no responde: {error}.", "Inténtalo de nuevo; si sigue, revisa el disco.")
        ]
