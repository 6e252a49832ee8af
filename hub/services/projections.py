"""Every table that is built from events alone."""

from __future__ import annotations

from typing import Final

from hub.services.service_levels import CLOCKS
from hub.store.transaction import Projection

ALL: Final[tuple[Projection, ...]] = (CLOCKS,)
