"""Checks the database file itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from hub.doctor.findings import Finding, ok, warning, wrong
from hub.errors import Misconfigured
from hub.store import schema
from hub.store.engine import open_engine

_PATIENCE_SECONDS: Final = 10.0
_LOOK_EVERY_STEPS: Final = 10_000
_RESTORE_ES: Final = "Detén el hub, guarda una copia de los datos, avisa a Desarrollo: hay que restaurar un respaldo."


def examine(path: Path, monotonic: Callable[[], float]) -> Iterator[Finding]:
    """Check that the file is there, current, sound, with the settings that nothing is lost by."""
    if not path.exists():
        yield wrong("database", f"No hay base de datos en {path}.", "Se crea con «hub run» o «hub migrate».")
        return
    engine = open_engine(path, writable=False)
    try:
        if not schema.is_current(engine):
            cure = "Detén el hub y ejecuta «hub migrate»."
            yield wrong("database", "La base de datos es de una versión anterior.", cure)
            return
        yield ok("database", "Base de datos al día, en modo WAL con synchronous=FULL.")
    except Misconfigured as error:
        yield from (wrong("database", problem, "Usa un disco local.") for problem in error.problems)
        return
    except (DBAPIError, sqlite3.Error) as error:
        yield wrong("database", f"La base de datos no se puede leer: {_reason(error)}.", _RESTORE_ES)
        return
    finally:
        engine.dispose()
    yield _integrity(path, monotonic)


def _integrity(path: Path, monotonic: Callable[[], float]) -> Finding:
    until = monotonic() + _PATIENCE_SECONDS
    with closing(sqlite3.connect(path, timeout=5)) as connection:
        connection.execute("PRAGMA query_only=ON")
        connection.set_progress_handler(lambda: int(monotonic() > until), _LOOK_EVERY_STEPS)
        try:
            said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                cure = "Ejecuta «PRAGMA integrity_check» sobre un respaldo cuando haya tiempo."
                return warning(
                    "integrity", f"La base es grande: la revisión no acabó en {_PATIENCE_SECONDS:.0f} s.", cure
                )
            return wrong("integrity", f"La revisión de la base falló: {_reason(error)}.", _RESTORE_ES)
        except sqlite3.DatabaseError as error:
            return wrong("integrity", f"La base está dañada: {_reason(error)}.", _RESTORE_ES)
    if said != "ok":
        return wrong("integrity", f"La base está dañada: {said}.", _RESTORE_ES)
    return ok("integrity", "La base está íntegra (revisión rápida).")


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
