"""Files at a simulated provider: put there by people or scripts, downloaded by the hub."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pydantic import Base64Bytes, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from connectors._simulator.cutting import CutResponse
from connectors._simulator.faults import AnswerFault, FaultPlan, FileFault, Strict
from connectors._simulator.forms import Part
from connectors._simulator.ledger import Entry, Ledger
from connectors._simulator.options import PlayOptions
from connectors._simulator.surface import refuse

_CHUNK_BYTES: Final = 16 * 1024

Refusing = Callable[[dict[str, str]], Response]
"""Makes an error response with these headers."""


@dataclass(frozen=True, slots=True)
class Held:
    """One file."""

    id: str
    content: bytes
    mime_type: str
    filename: str | None

    @property
    def sha256(self) -> str:
        """In hex, as the look-up tells it."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def announced_sha256(self) -> str:
        """As webhooks tell it."""
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()


class Put(Strict):
    """A file; its content stands in Base64."""

    content: Base64Bytes
    mime_type: str = "application/octet-stream"
    filename: str | None = Field(default=None, pattern=r"[^/\\]+")


class Files:
    """Keeps files beside the ledger, so that they are found again at the next start."""

    def __init__(self, options: PlayOptions, ledger: Ledger, faults: FaultPlan[Any]) -> None:
        """Begin with what an earlier run left."""
        self._options, self._ledger, self._faults = options, ledger, faults
        self._directory = None if options.ledger_path is None else options.ledger_path.with_suffix(".files")
        self._contents: dict[str, bytes] = {}
        self._known = {entry["id"]: entry for entry in ledger.find(kind="file")}

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [
            Route("/control/files", self.put, methods=["POST"]),
            Route("/files/{id}/{name}", self.download),
            Route("/elsewhere/{id}/{name}", self.download),
        ]

    def keep(self, content: bytes, mime_type: str, filename: str | None) -> Held:
        """Take a file."""
        id_ = str(int(self._options.randomness.token()[:13], 16))
        if self._directory is None:
            self._contents[id_] = content
        else:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            (self._directory / id_).write_bytes(content)
        self._known[id_] = self._ledger.add("file", id=id_, mime_type=mime_type, filename=filename, size=len(content))
        return Held(id_, content, mime_type, filename)

    async def take(self, names: str, file: Part, refusing: Callable[[AnswerFault], Refusing]) -> Response:
        """Answer an upload that has nothing wrong in itself, or misbehave.

        Args:
            names: The field of the answer that names what was made.
            file: The part of the form that holds it.
            refusing: Makes what answers with the provider's own error.
        """
        content, mime_type, name = file
        fault = self._faults.next_upload()
        doing = fault.do if fault else None
        self._ledger.add("upload", size=len(content), mime_type=mime_type, filename=name, fault=doing)
        if fault is None:
            return JSONResponse({names: self.keep(content, mime_type, name).id})
        taken = {names: self.keep(content, mime_type, name).id} if fault.takes else {}
        return await fault.answer(taken, refusing(fault))

    def get(self, id_: str) -> Held | None:
        """Return a file; None when there is none of that id."""
        entry: Entry | None = self._known.get(id_)
        if entry is None:
            return None
        content = self._contents[id_] if self._directory is None else Path(self._directory / id_).read_bytes()
        return Held(id_, content, entry["mime_type"], entry["filename"])

    def url(self, held: Held, *, elsewhere: bool = False) -> str:
        """Return where a file can be downloaded."""
        host = f"[{self._options.host}]" if ":" in self._options.host else self._options.host
        place = "elsewhere" if elsewhere else "files"
        return f"http://{host}:{self._options.port}/{place}/{held.id}/{quote(held.filename or 'file')}"

    async def put(self, request: Request) -> Response:
        """Take a file that a customer will send; tell what webhooks say of it."""
        try:
            order = Put.model_validate_json(await request.body())
        except ValueError as error:
            return refuse(error)
        held = self.keep(order.content, order.mime_type, order.filename)
        announced = {"id": held.id, "url": self.url(held), "mime_type": held.mime_type, "sha256": held.announced_sha256}
        return JSONResponse(announced)

    async def download(self, request: Request) -> Response:
        """Answer with the bytes, or misbehave."""
        held = self.get(request.path_params["id"])
        fault = self._next_fault() if held else None
        self._ledger.add(
            "download",
            id=request.path_params["id"],
            token="authorization" in request.headers,
            elsewhere=request.url.path.startswith("/elsewhere/"),
            fault=fault.do if fault else None,
        )
        if held is None or not self._may_have(request):
            return PlainTextResponse("URL signature expired", status_code=404)
        return self._misbehave(fault, held) if fault else Response(held.content, media_type=held.mime_type)

    def _may_have(self, request: Request) -> bool:
        """Tell whether the request shows what it must; a provider may ask for more."""
        return True

    def _next_fault(self) -> FileFault | None:
        waiting: list[FileFault] = self._faults.current.files
        if not waiting:
            return None
        fault = waiting[0]
        fault.times -= 1
        if fault.times <= 0:
            waiting.pop(0)
        return fault

    def _misbehave(self, fault: FileFault, held: Held) -> Response:
        if fault.do == "redirect":
            return RedirectResponse(fault.to or self.url(held, elsewhere=True), status_code=302)
        if fault.do == "status":
            return PlainTextResponse("no", status_code=fault.status)
        if fault.do == "other_bytes":
            return Response(held.content[::-1], media_type=held.mime_type)
        if fault.do == "slow":
            return StreamingResponse(_slowly(held.content, fault.seconds), media_type=held.mime_type)
        return CutResponse()


async def _slowly(content: bytes, seconds: float) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _CHUNK_BYTES):
        await asyncio.sleep(seconds)
        yield content[start : start + _CHUNK_BYTES]
