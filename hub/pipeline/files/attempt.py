"""Makes one attempt at one file: fetched to disk, looked at, judged."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.contracts import Fetched, Fetcher, NotFetched, WantedFile
from hub.domain import suspicion
from hub.pipeline.files.shelf import DiskError, Kept, Part, Shelf, TooMuchError
from hub.services import files
from hub.settings import Limits
from hub.store.transaction import UnitOfWork
from hub.telemetry import logger

log = logger("files")

_MEGABYTE: Final = 1024 * 1024
_TYPE: Final = re.compile(r"[ -~]{1,200}")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attempt: a file, or why there is none."""

    stored: files.Stored | None
    trouble: NotFetched | None = None

    @property
    def retry_after_seconds(self) -> float | None:
        """The earliest sensible wait."""
        return None if self.trouble is None else self.trouble.retry_after_seconds

    def settle(self, row: Row[Any], not_before: datetime) -> Callable[[UnitOfWork], bool]:
        """Return what writes it down."""
        stored, trouble = self.stored, self.trouble
        if stored is not None:
            return lambda unit: files.store(unit, row, stored)
        if trouble is not None and trouble.for_good:
            return lambda unit: files.lose(unit, row, trouble.explanation_es, attempts=row.attempts + 1)
        return lambda unit: files.later(unit, row, not_before)


class Attempt:
    """One attempt, bounded in time."""

    def __init__(self, fetcher: Fetcher, shelf: Shelf, limits: Limits, seconds: float) -> None:
        """Join the parts."""
        self._fetcher, self._shelf, self._limits, self._seconds = fetcher, shelf, limits, seconds

    async def make(self, row: Row[Any], name: str) -> Result:
        """Fetch a file under a random name; never raises for what provider or disk do."""
        try:
            part = self._shelf.begin(name)
            try:
                return await self._into(part, row)
            finally:
                part.drop()
        except DiskError as error:
            log.warning("files wait: the disk cannot take them", error=str(error))
            return Result(None, NotFetched("disk", "El disco no admite archivos."))
        except Exception as error:  # noqa: BLE001 - a bug costs its file an attempt, not the hub its life
            # No traceback: it could carry an address that opens the file.
            log.error("a file could not be handled", attachment=row.id, error=type(error).__name__)  # noqa: TRY400
            return Result(None, NotFetched("bug", "El hub no supo guardar el archivo. Avisa a soporte del hub."))

    async def _into(self, part: Part, row: Row[Any]) -> Result:
        wanted = WantedFile(row.asset, row.source, self._limits.file_bytes)
        try:
            async with asyncio.timeout(self._seconds):
                fetched = await self._fetcher.fetch(wanted, part)
        except TimeoutError:
            fetched = NotFetched("slow", "La descarga tardó demasiado.")
        except TooMuchError:
            fetched = too_large(self._limits.file_bytes)
        if isinstance(fetched, NotFetched):
            log.warning("a file could not be had", attachment=row.id, code=fetched.code, attempt=row.attempts + 1)
            return Result(None, fetched)
        return Result(self._judged(row, fetched, await asyncio.to_thread(part.keep)))

    def _judged(self, row: Row[Any], fetched: Fetched, kept: Kept) -> files.Stored:
        announced = {digest.lower() for digest in (row.sha256, fetched.sha256) if digest}
        as_announced = announced <= {kept.sha256}
        if not as_announced:
            log.warning("a file is not the one that was announced; it is kept", attachment=row.id)
        why = suspicion.suspicion(kept.contents, row.filename, self._limits.suspicious_endings)
        if why is not None:
            log.warning("a file is set apart", attachment=row.id, reason=why)
        told = next((one for one in (row.mime_type, fetched.mime_type) if one and _TYPE.fullmatch(one)), None)
        type_ = suspicion.type_of(kept.contents) or told
        return files.Stored(kept.name, kept.size_bytes, kept.sha256, type_, as_announced, why)


def too_large(most_bytes: int) -> NotFetched:
    """Return that a file is larger than the hub takes."""
    limit = f"{most_bytes / _MEGABYTE:g} MB"
    return NotFetched("too_large", f"Pesa más de {limit} (HUB_LIMITS__FILE_BYTES).", for_good=True)
