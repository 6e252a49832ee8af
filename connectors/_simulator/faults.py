"""The ways in which every simulated provider misbehaves on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import PlainTextResponse, Response

from connectors._simulator.cutting import CutResponse
from connectors._simulator.options import Randomness


class Strict(BaseModel):
    """Part of an order to misbehave; a misspelt field is refused."""

    model_config = ConfigDict(extra="forbid")


class AnswerFault(Strict):
    """What an endpoint does instead of answering well."""

    do: Literal["error", "plain", "cut_before", "cut_after", "hang", "truncated"] = Field(
        description="error: the provider's error body; plain: nobody's body; cut_…: the connection, before or after."
    )
    status: int = Field(default=500, ge=400, le=599)
    code: int = Field(default=2, ge=0)
    subcode: int | None = Field(default=None, ge=0)
    retry_after: int | None = Field(default=None, ge=0, description="Seconds for a Retry-After header.")
    taken: bool = Field(default=False, description="Whether plain or hang take the message all the same.")
    seconds: float = Field(default=30, ge=0, le=600, description="How long hang hangs before it cuts.")
    times: int = Field(default=1, ge=1, description="To how many messages this happens.")
    probability: float = Field(default=1, ge=0, le=1)

    @property
    def takes(self) -> bool:
        """Whether the message is taken although nobody hears of it."""
        return self.do in {"cut_after", "truncated"} or (self.taken and self.do in {"plain", "hang"})

    @property
    def name(self) -> str:
        """How the ledger calls it."""
        return f"{self.do} {self.status}" if self.do in {"error", "plain"} else self.do

    async def answer(self, taken: dict[str, Any], error: Callable[[dict[str, str]], Response]) -> Response:
        """Return the bad answer.

        Args:
            taken: What a good answer would hold.
            error: Makes the provider's own error response with these headers.
        """
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        if self.do == "error":
            return error(headers)
        if self.do == "plain":
            return PlainTextResponse("Bad gateway", status_code=self.status, headers=headers)
        if self.do == "truncated":
            whole = json.dumps(taken)
            return Response(whole[: len(whole) // 2], media_type="application/json")
        if self.do == "hang":
            await asyncio.sleep(self.seconds)
        return CutResponse()


class FileFault(Strict):
    """What happens instead of a good download."""

    do: Literal["status", "cut", "other_bytes", "redirect", "slow"]
    status: int = Field(default=404, ge=400, le=599)
    to: str | None = Field(default=None, description="Where redirect leads; elsewhere at the provider if left out.")
    seconds: float = Field(default=1, ge=0, le=600, description="Pause of slow before each part.")
    times: int = Field(default=1, ge=1, description="To how many downloads this happens.")


class Faults(Strict):
    """All misbehaviour in force; the default is none."""

    duplicate: int = Field(default=0, ge=0, le=100, description="Extra copies of each webhook.")
    reorder: int = Field(default=0, ge=0, le=1000, description="So many webhooks are collected, then sent backwards.")
    batch: int = Field(default=0, ge=0, le=1000, description="So many updates go into one webhook.")
    delay_ms: int = Field(default=0, ge=0, le=600_000, description="Pause before each webhook.")
    answers: list[AnswerFault] = Field(default=[], description="For the next messages, in this order.")
    uploads: list[AnswerFault] = Field(default=[], description="For the next uploads, in this order.")
    files: list[FileFault] = Field(default=[], description="For the next downloads, in this order.")


F = TypeVar("F", bound=Faults)


class FaultPlan(Generic[F]):
    """The faults in force now."""

    def __init__(self, randomness: Randomness, none: F) -> None:
        """Begin with ``none``."""
        self._randomness = randomness
        self._none = none
        self.current = none.model_copy(deep=True)

    def clear(self) -> None:
        """Behave well again."""
        self.current = self._none.model_copy(deep=True)

    def order(self, json_: bytes) -> None:
        """Put faults in force, instead of those before.

        Raises:
            ValidationError: It is no order.
        """
        self.current = type(self._none).model_validate_json(json_)

    def next_answer(self) -> AnswerFault | None:
        """Take the fault for this message off the list; None answers it well."""
        return self._next(self.current.answers)

    def next_upload(self) -> AnswerFault | None:
        """Take the fault for this upload off the list; None answers it well."""
        return self._next(self.current.uploads)

    def _next(self, waiting: list[AnswerFault]) -> AnswerFault | None:
        if not waiting or self._randomness.uniform(0, 1) > waiting[0].probability:
            return None
        fault = waiting[0]
        fault.times -= 1
        if fault.times <= 0:
            waiting.pop(0)
        return fault
