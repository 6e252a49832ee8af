"""The simulated Facebook page in a thread of its own, with its ledger, while the hub lives or dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.facebook.sandbox import play
from tests.support.simulated_whatsapp import SimulatedWhatsApp, place_in, serving


class SimulatedFacebook(SimulatedWhatsApp):
    """Speaks to the simulator over its control surface only, which is the same but for comments with colleagues."""

    def comment(self, who: str, text: str | None = None, **more: Any) -> dict[str, Any]:
        """Do something with a comment as a customer."""
        answer: dict[str, Any] = self._call("/control/comment", {"from": who, "text": text, **more})
        return answer

    def elsewhere(self, to: str, text: str, **more: Any) -> dict[str, Any]:
        """Write to a customer as a colleague, in the page's own inbox; below a comment when ``comment`` names one."""
        answer: dict[str, Any] = self._call("/control/elsewhere", {"to": to, "text": text, **more})
        return answer


@contextmanager
def simulated_facebook(directory: Path, port: int, webhook_port: int, **options: Any) -> Iterator[SimulatedFacebook]:
    """Run a simulator that outlives every hub of the test; ``options`` replace some of ``SimulatorOptions``."""
    played = play(place_in(directory, port, webhook_port), **options)
    with serving(played):
        yield SimulatedFacebook(port, played.environment)
