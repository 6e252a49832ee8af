"""The ways in which a simulated WhatsApp misbehaves on demand."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connectors._simulator import faults

StatusName = Literal["sent", "delivered", "read", "failed"]


class Faults(faults.Faults):
    """All misbehaviour in force; the default is none."""

    drop_statuses: tuple[StatusName, ...] = Field(default=(), description="These statuses are never told.")
    fail_code: int | None = Field(default=None, description="Messages taken end as failed with this code.")
