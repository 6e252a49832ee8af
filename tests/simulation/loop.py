"""An event loop whose time is the world's: it jumps to whatever comes next."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from tests.simulation.world import Killed, World

_MOST_TURNS: Final = 20_000
_EPSILON: Final = 1e-6


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs one life of the hub in one thread.

    What would run in another thread runs inline after a while that chance decides; its result comes back after
    another. Callbacks keep the order that asyncio promises.
    """

    # asyncio's own, unknown to its published types.
    _ready: Any
    _scheduled: Any

    def __init__(self, world: World, delay: Callable[[], float], broken: Callable[[BaseException | str], None]) -> None:
        """Live in ``world``; ``delay`` gives seconds between threads, ``broken`` is told what nobody handled."""
        super().__init__()
        self._world = world
        self._delay = delay
        self._broken = broken
        self._selector = self
        self._clock_resolution = _EPSILON / 10
        self._told_at = 0.0
        self._turns = 0
        self._made: list[asyncio.Task[Any]] = []
        self.set_exception_handler(self._unhandled)
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        """Return virtual seconds."""
        return self._world.time

    def select(self, timeout: float | None) -> list[Any]:
        """Stand in for a selector: no socket is ever ready, so time goes on.

        Raises:
            RuntimeError: The hub works without end while no time passes.
        """
        if timeout == 0:
            self._turns += 1
            if self._turns > _MOST_TURNS:
                msg = "the hub goes round in circles"
                raise RuntimeError(msg)
            return []
        self._turns = 0
        self._world.advance(self._scheduled[0]._when if self._scheduled else float("inf"))
        return []

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """Run a function inline, as a thread would after a while."""
        future = self.create_future()

        def work() -> None:
            if future.done():
                return
            try:
                settle, value = future.set_result, func(*args)
            except Killed:
                raise
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits, as an executor does
                settle, value = future.set_exception, error
            self.call_later(self._delay(), lambda: None if future.done() else settle(value))

        self.call_later(self._delay(), work)
        return future

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> Any:
        """Call something as another thread would have it called: a little later, in order."""
        self._told_at = max(self._told_at + _EPSILON, self._world.time + self._delay())
        return self.call_at(self._told_at, callback, *args, context=context)

    def halt(self) -> None:
        """Run nothing more, not even what is ready."""
        for handle in self._ready:
            handle.cancel()
        self.stop()

    def bury(self) -> None:
        """Take apart what a killed life left behind, in a fixed order; by now nothing of it can do harm."""
        for task in self._made:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.close()
        for task in self._made:
            _close(task)
        self._made.clear()

    def _make_task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **given: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **given)
        self._made.append(task)
        if len(self._made) > 1000:
            self._made = [one for one in self._made if not one.done()]
        return task

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        # Without a handle it speaks of something that was collected, at an instant that no seed decides.
        if "handle" in context and not isinstance(error, Killed):
            self._broken(error or str(context.get("message")))

    def _process_events(self, _: Any) -> None: ...

    def _write_to_self(self) -> None: ...


def _close(task: asyncio.Task[Any]) -> None:
    """Let a coroutine that will never run again unwind; whatever it still wants to wait for, it does not get."""
    if task.done():
        # Asked for, so that nobody complains that nobody asked.
        with contextlib.suppress(asyncio.CancelledError):
            task.exception()
        return
    coroutine: Any = task.get_coro()
    # Not by close(): that leaves behind, half unwound, whatever waits inside a finally.
    with contextlib.suppress(BaseException):
        while True:
            coroutine.throw(Killed())
