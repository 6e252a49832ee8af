"""The ways in which a simulated page misbehaves on demand."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from connectors._simulator import faults

StatusName = Literal["echo", "delivery", "read", "comment"]


class Faults(faults.Faults):
    """All misbehaviour in force; the default is none."""

    drop: tuple[StatusName, ...] = Field(default=(), description="These are never told.")
    echo_first: bool = Field(default=False, description="The echo is sent before the message is answered.")
    without_mids: bool = Field(default=False, description="Deliveries name no messages, only their watermark.")
