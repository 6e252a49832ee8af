"""Requests that the simulated Graph API does not take."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse


class Refusal(Exception):
    """A request that Meta answers with an error body."""

    def __init__(self, code: int, details: str, *, subcode: int | None = None, status: int = 400) -> None:
        """Keep what the answer says."""
        super().__init__(details)
        self.code, self.subcode, self.details, self.status = code, subcode, details, status

    def answer(self, headers: dict[str, str] | None = None) -> JSONResponse:
        """Return Meta's error body."""
        error: dict[str, Any] = {
            "message": f"(#{self.code}) {self.details}",
            "type": "OAuthException",
            "code": self.code,
            "fbtrace_id": "A1b2C3",
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return JSONResponse({"error": error}, status_code=self.status, headers=headers)
