"""Checks the machine: Python, SQLite, the disk under the data directory."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hub.doctor.findings import Finding, misconfigured, ok, warning, wrong

_PYTHON: Final = (3, 11)
_SQLITE: Final = (3, 37, 0)
MOUNTS: Final = Path("/proc/mounts")
_ELSEWHERE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "ceph", "glusterfs"})
_FLEETING: Final = frozenset({"tmpfs", "ramfs"})
_LEAST_SHARE: Final = 0.05
_NAMED: Final = 3


def versions() -> Iterator[Finding]:
    """Check what the hub runs with."""
    python = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= _PYTHON:
        yield ok("python", f"Python {python}.")
    else:
        yield misconfigured("python", f"Python {python} es demasiado antiguo.", "Instala Python 3.11 o más nuevo.")
    if sqlite3.sqlite_version_info >= _SQLITE:
        yield ok("sqlite", f"SQLite {sqlite3.sqlite_version}.")
    else:
        cure = "Usa un Python con SQLite 3.37 o más nuevo."
        yield misconfigured("sqlite", f"SQLite {sqlite3.sqlite_version} es demasiado antiguo.", cure)


def data_directory(data: Path, least_free_bytes: int, *, mounts: Path | None = None) -> Iterator[Finding]:
    """Check the place where everything accepted is kept."""
    if not data.is_dir():
        cure = "Arranca el hub con «hub run», o nombra su directorio con --data."
        yield wrong("data", f"No existe el directorio de datos {data}.", cure)
        return
    mode = stat.S_IMODE(data.stat().st_mode)
    if mode & 0o077:
        yield wrong(
            "data", f"Otros usuarios pueden entrar al directorio de datos (modo {mode:04o}).", f"chmod 700 {data}"
        )
    else:
        yield ok("data", f"Directorio de datos {data}, solo para su dueño.")
    yield from _open_files(data)
    yield _disk(data, mounts or MOUNTS)
    yield _space(data, least_free_bytes)


def _open_files(data: Path) -> Iterator[Finding]:
    found = sorted(
        path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file() and path.stat().st_mode & 0o077
    )
    if found:
        more = f" y {len(found) - _NAMED} más" if len(found) > _NAMED else ""
        named = ", ".join(found[:_NAMED])
        yield wrong("files", f"Otros usuarios pueden leer {named}{more}.", f"chmod -R go-rwx {data}")


def _disk(data: Path, mounts: Path) -> Finding:
    kind = _file_system(data.resolve(), mounts)
    if kind in _ELSEWHERE:
        cure = "Mueve los datos a un disco local: en uno de red, SQLite puede dañar la base."
        return misconfigured("disk", f"El directorio de datos está en un disco de red ({kind}).", cure)
    if kind in _FLEETING:
        cure = "Mueve los datos a un disco que sobreviva a un reinicio."
        return wrong("disk", f"El directorio de datos está en memoria ({kind}): se pierde al apagar.", cure)
    if kind == "overlay":
        cure = "Monta un volumen para los datos: la capa del contenedor se borra con él."
        return warning("disk", "El directorio de datos está en la capa de un contenedor.", cure)
    return ok("disk", f"Disco local ({kind or 'tipo desconocido'}).")


def _file_system(data: Path, mounts: Path) -> str:
    best, kind = -1, ""
    if not mounts.exists():
        return kind
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, place, found, *_ = line.split()
        mounted = Path(place.replace("\\040", " "))
        if data.is_relative_to(mounted) and len(mounted.parts) >= best:
            best, kind = len(mounted.parts), found
    return kind


def _space(data: Path, least_free_bytes: int) -> Finding:
    usage = shutil.disk_usage(data)
    free = f"{usage.free / 1024**3:.1f} GiB libres"
    if usage.free < least_free_bytes:
        cure = (
            f"Libera espacio: por debajo de {least_free_bytes / 1024**3:.1f} GiB el hub responde 503 a los proveedores."
        )
        return wrong("space", f"Queda poco disco: {free}.", cure)
    if usage.free < usage.total * _LEAST_SHARE:
        return warning("space", f"Queda menos del 5 % del disco: {free}.", "Libera espacio pronto.")
    return ok("space", f"Espacio en disco: {free}.")
