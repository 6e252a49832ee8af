"""The ways in which a simulated WhatsApp misbehaves on demand."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.whatsapp.simulator.options import Randomness

StatusName = Literal["sent", "delivered", "read", "failed"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AnswerFault(_Strict):
    """What the messages endpoint does instead of answering well."""

    do: Literal["error", "plain", "cut_before", "cut_after", "hang", "truncated"] = Field(
        description="error: Meta's error body; plain: nobody's body; cut_…: the connection, before or after taking."
    )
    status: int = Field(default=500, ge=400, le=599)
    code: int = Field(default=131000, ge=0)
    retry_after: int | None = Field(default=None, ge=0, description="Seconds for a Retry-After header.")
    taken: bool = Field(default=False, description="Whether plain or hang take the message all the same.")
    seconds: float = Field(default=30, ge=0, le=600, description="How long hang hangs before it cuts.")
    times: int = Field(default=1, ge=1, description="To how many messages this happens.")
    probability: float = Field(default=1, ge=0, le=1)


class Faults(_Strict):
    """All misbehaviour in force; the default is none."""

    duplicate: int = Field(default=0, ge=0, le=100, description="Extra copies of each webhook.")
    reorder: int = Field(default=0, ge=0, le=1000, description="So many webhooks are collected, then sent backwards.")
    batch: int = Field(default=0, ge=0, le=1000, description="So many updates go into one webhook.")
    delay_ms: int = Field(default=0, ge=0, le=600_000, description="Pause before each webhook.")
    drop_statuses: tuple[StatusName, ...] = Field(default=(), description="These statuses are never told.")
    fail_code: int | None = Field(default=None, description="Messages taken end as failed with this code.")
    answers: list[AnswerFault] = Field(default=[], description="For the next messages, in this order.")


class FaultPlan:
    """The faults in force now."""

    def __init__(self, randomness: Randomness) -> None:
        """Begin without any."""
        self._randomness = randomness
        self.current = Faults()

    def next_answer(self) -> AnswerFault | None:
        """Take the fault for this message off the list; None answers it well."""
        waiting = self.current.answers
        if not waiting or self._randomness.uniform(0, 1) > waiting[0].probability:
            return None
        fault = waiting[0]
        fault.times -= 1
        if fault.times <= 0:
            waiting.pop(0)
        return fault
