"""Hands the hub's own files over to a provider before the messages that carry them are claimed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import Row

from hub.contracts import KeptFile, NotTaken, Rejected, Uploaded, Uploader
from hub.pipeline.effects.results import Results
from hub.ports import Store
from hub.services import attachments
from hub.settings import Waits
from hub.telemetry import logger

log = logger("effects")

PathOf = Callable[[str], Path]
"""Where the file of a stored name is."""

_AT_ONCE: Final = 2
_REMEMBERED: Final = 10_000
_AGAIN_ES: Final = "El proveedor no recibió el archivo; se reintenta solo."
_GONE: Final = Rejected("file_gone", "El archivo ya no está en el hub. Adjúntalo de nuevo.")
_NO_FILES: Final = Rejected("file", "Este canal no envía archivos del hub. Comparte un enlace.")


@dataclass(slots=True)
class _Standing:
    """What became of a file so far; ``version`` is the row's at the last attempt."""

    version: int = 0
    failures: int = 0
    provider_id: str | None = None


class Uploads:
    """The uploads of one lane.

    A message waits in ``intent`` for its file: a process killed meanwhile leaves nothing in doubt, and the file is
    handed over again. Trouble of an upload holds its own message only: calls tell how asset and credential are.
    """

    def __init__(
        self,
        store: Store,
        waits: Waits,
        *,
        asset: str,
        uploader: Uploader | None,
        path_of: PathOf | None,
        results: Results,
        news: Callable[[], None],
    ) -> None:
        """Begin with nothing handed over; ``news`` is called when a message may go."""
        self._store, self._waits, self._asset = store, waits, asset
        self._uploader, self._path_of, self._results = uploader, path_of, results
        self._news = news
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._known: dict[str, _Standing] = {}

    def holds_back(self, row: Row[Any]) -> bool:
        """Tell whether a message must wait for its file, which is handed over meanwhile."""
        attachment = _attachment_of(row.payload)
        if attachment is None:
            return False
        known = self._standing(row.id)
        if known.provider_id is not None:
            return False
        # A row that was read before the last attempt was recorded asks for nothing new.
        is_news = known.version != row.version
        if is_news and row.id not in self._under_way and len(self._under_way) < _AT_ONCE:
            known.version = row.version
            task = asyncio.create_task(self._hand_over(row, attachment), name=f"upload-{row.id}")
            self._under_way[row.id] = task
        return True

    def payload(self, row: Row[Any]) -> Mapping[str, Any]:
        """Return what is sent: the file by the id that the provider gave it."""
        known = self._known.get(row.id)
        if known is None or known.provider_id is None:
            return dict(row.payload)
        file = {name: value for name, value in row.payload["file"].items() if name != "attachment_id"}
        return {**row.payload, "file": {**file, "id": known.provider_id}}

    def ended(self, row: Row[Any]) -> None:
        """Forget the file of a message that was sent, or never will be."""
        self._known.pop(row.id, None)

    async def stop(self) -> None:
        """Cut what is under way; it is begun anew by whoever has the asset next."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hand_over(self, row: Row[Any], attachment: str) -> None:
        try:
            result = await self._attempt(row, attachment)
            if isinstance(result, Uploaded):
                self._standing(row.id).provider_id = result.provider_id
                self._news()
            else:
                await self._results.record(row, self._later(row, result))
        except Exception as error:  # noqa: BLE001 - our bug, or the database is away: the message waits, is not lost
            log.warning("a file waits", effect=row.id, error=type(error).__name__)
            self._known.pop(row.id, None)
            await asyncio.sleep(self._waits.store_retry_seconds)
        finally:
            self._under_way.pop(row.id, None)

    async def _attempt(self, row: Row[Any], attachment: str) -> Uploaded | NotTaken | Rejected:
        if self._uploader is None or self._path_of is None:
            return _NO_FILES
        known = await self._store.read(lambda tx: attachments.get(tx, attachment))
        if known is None or known.state != "stored":
            return _GONE
        file = KeptFile(
            path=self._path_of(known.stored_as),
            kind=row.payload["file"]["kind"],
            mime_type=known.stored_type or "application/octet-stream",
            filename=row.payload["file"].get("filename"),
            size_bytes=known.stored_bytes,
        )
        try:
            async with asyncio.timeout(self._waits.file_seconds):
                return await self._uploader.upload(self._asset, file, attempt=self._standing(row.id).failures + 1)
        except TimeoutError:
            return NotTaken("upload_slow", _AGAIN_ES)
        except Exception as error:  # noqa: BLE001 - an uploader's bug; nothing was sent to anybody
            # No traceback: it could carry a customer's words.
            log.error("an uploader failed", effect=row.id, error=type(error).__name__)  # noqa: TRY400
            return NotTaken("upload", _AGAIN_ES)

    def _later(self, row: Row[Any], result: NotTaken | Rejected) -> NotTaken | Rejected:
        """Climb the ladder here, whatever failed: an upload is no attempt at the message, which would climb it."""
        if isinstance(result, Rejected):
            return result
        known = self._standing(row.id)
        known.failures += 1
        ladder = self._waits.provider_retry_seconds
        pause = ladder[min(known.failures, len(ladder)) - 1]
        return replace(result, retry_after_seconds=max(pause, result.retry_after_seconds or 0.0))

    def _standing(self, effect: str) -> _Standing:
        known = self._known.setdefault(effect, _Standing())
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return known


def _attachment_of(payload: Mapping[str, Any]) -> str | None:
    file = payload.get("file")
    found = file.get("attachment_id") if isinstance(file, dict) else None
    return found if isinstance(found, str) else None
