"""Shows how far a long piece of work is, once it has taken two seconds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from hub.ports import Clock

_SHORT_SECONDS: Final = 2.0

Told = Callable[[int, int], None]
"""Called with how much is done, how much there is."""


@contextlib.contextmanager
def shown(what: str, clock: Clock) -> Iterator[Told]:
    """Give a function to be told of progress; on standard error, gone at the end."""
    from rich.console import Console
    from rich.progress import Progress

    began = clock.monotonic()
    with contextlib.ExitStack() as stack:
        bars = Progress(console=Console(stderr=True), transient=True)
        task = bars.add_task(what)

        def told(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total)
            if not bars.live.is_started and clock.monotonic() - began > _SHORT_SECONDS:
                stack.enter_context(bars)

        yield told
