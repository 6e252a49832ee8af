"""Runs a hub as ``python -m hub`` does, with one bug in it that a test names: kills must bring it to light."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final
from unittest import mock

from hub.cli import supervisor
from hub.cli.main import run
from hub.errors import JournalUnavailable
from hub.pipeline.effects import settle
from hub.pipeline.journal import JournalWriter
from hub.pipeline.relay import Relay
from hub.ports import Copy
from hub.store import effects

ANSWERS_FIRST: Final = "answers-before-the-commit"
CALLS_AGAIN: Final = "calls-again-in-doubt"
SAYS_SENT: Final = "says-sent-before-kafka-does"

# Long enough for a kill to fall into it now and then.
_LATE_SECONDS: Final = 2.0


def _answer_first() -> None:
    append = JournalWriter.append

    async def careless(journal: JournalWriter, row: Any) -> None:
        async def later() -> None:
            await asyncio.sleep(_LATE_SECONDS)
            with contextlib.suppress(JournalUnavailable):
                await append(journal, row)

        if not journal.ready:
            await append(journal, row)
        _kept.add(asyncio.create_task(later()))

    mock.patch.object(JournalWriter, "append", careless).start()


def _call_again() -> None:
    def unclear(tx: Any, row: Any, *_: Any) -> None:
        effects.move(tx, row, "intent", not_before=tx.now)

    mock.patch.object(settle, "_unclear", unclear).start()


def _say_sent() -> None:
    async def careless(relay: Relay, copies: Sequence[Copy]) -> Sequence[Exception | None]:
        _kept.add(asyncio.create_task(_publish(relay, copies)))
        return [None] * len(copies)

    async def _publish(relay: Relay, copies: Sequence[Copy]) -> None:
        await asyncio.sleep(_LATE_SECONDS)
        await relay._publisher.publish(copies)

    mock.patch.object(Relay, "_answers", careless).start()


_kept: Final[set[asyncio.Task[None]]] = set()
WAYS: Final[dict[str, Callable[[], None]]] = {
    ANSWERS_FIRST: _answer_first,
    CALLS_AGAIN: _call_again,
    SAYS_SENT: _say_sent,
}


def _pass_on(way: str) -> None:
    """Let a supervisor start processes with the same bug."""
    begin = supervisor.Child.__init__

    def careless(child: supervisor.Child, *args: Any) -> None:
        begin(child, *args)
        python, flag, _, *rest = child._command
        child._command = (python, flag, __spec__.name, way, *rest)

    mock.patch.object(supervisor.Child, "__init__", careless).start()


if __name__ == "__main__":
    chosen = sys.argv.pop(1)
    WAYS[chosen]()
    _pass_on(chosen)
    run()
