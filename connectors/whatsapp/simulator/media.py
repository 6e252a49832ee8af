"""Files at a simulated WhatsApp: uploaded by the hub, looked up by id, downloaded within five minutes."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors._simulator import files, forms
from connectors.whatsapp.simulator.access import authorize
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.refusal import Refusal

LOOKED_UP_FOR: Final = timedelta(minutes=5)
KEPT_FOR: Final = timedelta(days=7)
_MB: Final = 1024 * 1024
# Facts 3.7; a document may be any type.
LIMITS: Final = {
    "image/jpeg": 5 * _MB,
    "image/png": 5 * _MB,
    "video/mp4": 16 * _MB,
    "video/3gpp": 16 * _MB,
    "audio/aac": 16 * _MB,
    "audio/amr": 16 * _MB,
    "audio/mpeg": 16 * _MB,
    "audio/mp4": 16 * _MB,
    "audio/ogg": 16 * _MB,
    "image/webp": 500 * 1024,
}
_DOCUMENT_LIMIT: Final = 100 * _MB
_DOCUMENTS: Final = ("application/", "text/")


class Media(files.Files):
    """The files of one simulated number."""

    _options: SimulatorOptions

    def routes(self) -> list[Route]:
        """Return what is answered here; the look-up takes any path that nothing else takes."""
        return [
            *super().routes(),
            Route("/{version}/{number}/media", self.upload, methods=["POST"]),
            Route("/{version}/{media}", self.look_up),
        ]

    async def upload(self, request: Request) -> Response:
        """Answer ``POST /{version}/{phone_number_id}/media``."""
        try:
            authorize(self._options, request)
            self._is_ours(request.path_params["number"])
            file = self._allowed(forms.parts(request.headers.get("content-type", ""), await request.body()))
        except forms.NoFormError as error:
            return Refusal(400, 100, str(error)).answer()
        except Refusal as refusal:
            return refusal.answer()
        return await self.take("id", file, lambda fault: Refusal(fault.status, fault.code, "Simulated.").answer)

    async def look_up(self, request: Request) -> Response:
        """Answer ``GET /{version}/{media_id}``."""
        id_ = request.path_params["media"]
        try:
            authorize(self._options, request)
            self._is_ours(request.query_params.get("phone_number_id", self._options.phone_number_id))
            held = self._held(id_)
        except Refusal as refusal:
            return refusal.answer()
        until = int((self._options.clock.now() + LOOKED_UP_FOR).timestamp())
        return JSONResponse(
            {
                "messaging_product": "whatsapp",
                "url": f"{self.url(held)}?until={until}",
                "mime_type": held.mime_type,
                "sha256": held.sha256,
                "file_size": str(len(held.content)),
                "id": held.id,
            }
        )

    def _may_have(self, request: Request) -> bool:
        if request.url.path.startswith("/elsewhere/"):
            return True
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        until = request.query_params.get("until", "0")
        now = self._options.clock.now().timestamp()
        right = f"Bearer {self._options.access_token}".encode()
        return hmac.compare_digest(given, right) and until.isdigit() and int(until) >= now

    def _is_ours(self, number: str) -> None:
        if number != self._options.phone_number_id:
            raise Refusal(400, 33, "Object does not exist, or lacks permissions")

    def _held(self, id_: str) -> files.Held:
        held = self.get(id_)
        if held is None or self._options.clock.now() - datetime.fromisoformat(self._known[id_]["at"]) > KEPT_FOR:
            raise Refusal(400, 100, "Unsupported get request. Object does not exist, or lacks permissions")
        return held

    def _allowed(self, parts: Mapping[str, forms.Part]) -> forms.Part:
        product, type_, file = (parts.get(name) for name in ("messaging_product", "type", "file"))
        if product is None or product[0] != b"whatsapp":
            raise Refusal(400, 100, "(#100) The parameter messaging_product is required.")
        if file is None or type_ is None:
            raise Refusal(400, 100, "(#100) The parameters file, type are required.")
        mime_type = type_[0].decode("utf-8", "replace").partition(";")[0].strip()
        limit = LIMITS.get(mime_type, _DOCUMENT_LIMIT if mime_type.startswith(_DOCUMENTS) else 0)
        if not limit:
            raise Refusal(400, 100, f"(#100) Param file must be of a documented type, not {mime_type}.")
        if file[1].partition(";")[0] != mime_type:
            raise Refusal(400, 131053, "The type of the file is not the one that was declared.")
        if not file[0] or len(file[0]) > limit:
            raise Refusal(400, 131053, f"The file is empty or larger than {limit} bytes.")
        return file[0], mime_type, file[2]
