"""The files by which an intake is told to take nothing more."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

from hub.pipeline.intake import Intake
from hub.telemetry import logger

log = logger("intake")


class Drain:
    """The wish that a data directory takes nothing more, with its receiver's word that it does not.

    Both last over restarts: a node that is being taken away must not begin again by itself.
    """

    def __init__(self, data: Path) -> None:
        """Look into a data directory."""
        self._asked = data / "drain.asked"
        self._closed = data / "drain.closed"

    @property
    def asked(self) -> str | None:
        """The name of the wish, None when there is none."""
        return _read(self._asked)

    @property
    def is_closed(self) -> bool:
        """Whether a receiver has said that it takes nothing more because of this wish."""
        return self.asked is not None and _read(self._closed) == self.asked

    def ask(self, name: str) -> bool:
        """Tell the receiver; False when it was told before."""
        if self.asked is not None:
            return False
        _write(self._asked, name)
        return True

    def acknowledge(self, name: str) -> None:
        """Say that nothing was taken since, nor will be."""
        _write(self._closed, name)

    def withdraw(self) -> bool:
        """Let the receiver take deliveries again; False when nobody had told it otherwise."""
        was_asked = self.asked is not None
        for path in (self._asked, self._closed):
            path.unlink(missing_ok=True)
        return was_asked

    def apply(self, intake: Intake) -> None:
        """Do as is wished; the word is given once what was being taken is on disk."""
        name = self.asked
        if (name is not None) != intake.draining:
            log.warning("the intake takes nothing more" if name else "the intake takes deliveries again")
        intake.draining = name is not None
        if name is not None and intake.is_idle and not self.is_closed:
            self.acknowledge(name)

    async def follow(self, intake: Intake, look_seconds: float) -> None:
        """Do as is wished until cancelled."""
        while True:
            try:
                self.apply(intake)
            except OSError as error:
                log.warning("it cannot be seen whether the intake is to be drained", error=str(error))
            await asyncio.sleep(look_seconds)


def _read(path: Path) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text() or None
    return None


def _write(path: Path, name: str) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("w") as file:
        file.write(name)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
