"""Requests that the simulated Graph API does not take."""

from __future__ import annotations

from starlette.responses import JSONResponse

from connectors.whatsapp.simulator.updates import error_object


class Refusal(Exception):
    """A request that Meta answers with an error body."""

    def __init__(self, status: int, code: int, details: str) -> None:
        """Keep what the answer says."""
        super().__init__(details)
        self.status, self.code, self.details = status, code, details

    def answer(self, headers: dict[str, str] | None = None) -> JSONResponse:
        """Return Meta's error body."""
        about = {"message": f"(#{self.code}) {self.details}", "type": "OAuthException", "fbtrace_id": "A1b2C3"}
        error = {**error_object(self.code), **about}
        error.pop("title")
        return JSONResponse({"error": error}, status_code=self.status, headers=headers)
