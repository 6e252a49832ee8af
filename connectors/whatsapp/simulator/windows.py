"""When each simulated customer wrote last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from connectors._simulator.ledger import Entry, Ledger
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.refusal import Refusal

WINDOW: Final = timedelta(hours=24)


class Windows:
    """The free-form windows, rebuilt from the ledger at start."""

    def __init__(self, options: SimulatorOptions, ledger: Ledger) -> None:
        """Remember what an earlier run heard."""
        self._options = options
        self._heard: dict[str, datetime] = {}
        for entry in ledger.entries:
            self.note(entry)

    def note(self, entry: Entry) -> None:
        """Keep what a ledger entry says about a window."""
        if entry["kind"] == "said":
            at = datetime.fromisoformat(entry.get("said_at") or entry["at"])
            self._heard[entry["phone"]] = max(at, self._heard.get(entry["phone"], at))

    def check(self, phone: str) -> None:
        """Refuse a message that is no template outside the window.

        Raises:
            Refusal: As Meta says it.
        """
        heard, how = self._heard.get(phone), self._options.windows
        if how == "off" or (how == "known" and heard is None):
            return
        if heard is None or self._options.clock.now() - heard > WINDOW:
            raise Refusal(400, 131047, "More than 24 hours have passed since the recipient last replied.")
