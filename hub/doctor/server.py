"""Checks the PostgreSQL that the settings name."""

from __future__ import annotations

from hub.doctor.findings import Finding, misconfigured, ok, wrong
from hub.errors import Misconfigured, StoreUnavailable
from hub.ports import Clock
from hub.store import opening


def examine(url: str, clock: Clock) -> Finding:
    """Check that the server answers, keeps what it confirms, has a current database of the hub."""
    try:
        current = opening.is_current(url, clock)
    except StoreUnavailable as error:
        cure = "Revisa que PostgreSQL esté en marcha y que HUB_DATABASE_URL sea correcta."
        return wrong("database", f"PostgreSQL no responde ({error}).", cure)
    except Misconfigured as error:
        return misconfigured("database", " ".join(error.problems), "Corrige postgresql.conf y recarga el servidor.")
    if not current:
        return wrong("database", "La base de datos está vacía o es de una versión anterior.", "Ejecuta «hub migrate».")
    return ok("database", "PostgreSQL al día, con fsync, synchronous_commit y full_page_writes.")
