"""The bus of many processes: notices on a Kafka topic spread the keys over them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from aiokafka.errors import KafkaError

from hub.bus.kafka.member import Means, Member
from hub.bus.kafka.reach import Reach
from hub.errors import Misconfigured, StoreUnavailable
from hub.kafka_settings import KafkaSettings
from hub.ports import Clock, Store, Subscription
from hub.settings import Waits
from hub.store import publications
from hub.telemetry import logger
from schemas import topics

log = logger("bus")


async def _note_foreign(count: int) -> None:
    log.warning("records on hub.log speak of no event of ours", count=count)


class KafkaBus:
    """Implements ``hub.ports.EventBus`` on Kafka.

    A record is a notice, never an event: what is handled comes from the events table. So a record that comes twice,
    late or never does no harm; while Kafka is away, or the relay behind, groups sweep that table every second.
    """

    def __init__(
        self,
        store: Store,
        settings: KafkaSettings,
        clock: Clock,
        waits: Waits,
        *,
        foreign: Callable[[int], Awaitable[None]] = _note_foreign,
    ) -> None:
        """Prepare; ``foreign`` is told how many records on the topic are none of ours."""
        topic = settings.topic(topics.LOG.name)
        self._means = Means(settings, topic, store, clock, waits, foreign)
        self._waits = waits
        self._reach = Reach(settings, topic, seconds=max(waits.kafka_look_seconds, 1.0))
        self._members: dict[str, Member] = {}
        self._subscriptions: list[Subscription] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._broken: asyncio.Future[None] | None = None
        self._serves = asyncio.Event()
        self._away: str | None = "not started"
        self._newest = 0

    @property
    def away(self) -> str | None:
        """Why no notices come now."""
        return self._away

    @property
    def members(self) -> Sequence[Member]:
        """The present life of each group."""
        return list(self._members.values())

    def subscribe(self, subscription: Subscription) -> None:
        """Add a group."""
        if self._tasks:
            msg = "groups subscribe before the bus starts"
            raise RuntimeError(msg)
        self._subscriptions.append(subscription)

    async def start(self) -> None:
        """Begin to look for Kafka; it may come later."""
        self._stopping.clear()
        self._broken = asyncio.get_running_loop().create_future()
        self._tasks = [asyncio.create_task(self._look(), name="bus-reach")]
        for number, subscription in enumerate(self._subscriptions):
            live = self._live(subscription, self._broken, is_doorman=number == 0)
            self._tasks.append(asyncio.create_task(live, name=f"bus-{subscription.group}"))

    async def wait(self) -> None:
        """Return when the bus was stopped; raise what broke it."""
        if self._broken is None:
            return
        done, _ = await asyncio.wait({self._broken, *self._tasks}, return_when=asyncio.FIRST_EXCEPTION)
        for one in done:
            if not one.cancelled():
                one.result()

    async def stop(self) -> None:
        """Let the batch in hand of each group finish, then leave."""
        self._stopping.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._reach.close()
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(None)

    async def _look(self) -> None:
        while not self._stopping.is_set():
            away = await self._reach.why_not()
            (self._serves.clear if away else self._serves.set)()
            away = away or await self._why_late()
            if away is not None and self._away is None:
                log.warning("no notices come; groups look for events themselves", reason=away)
            elif away is None and self._away is not None:
                log.info("notices come")
            self._away = away
            await self._pause(self._waits.kafka_look_seconds)

    async def _why_late(self) -> str | None:
        """Tell whether notices stand behind a backlog: after a long outage the relay works it off, oldest first."""
        known = self._newest
        try:
            oldest, self._newest = await self._means.store.read(publications.reach)
        except StoreUnavailable:
            return None
        if oldest is None or oldest > known:
            return None
        return "the relay is behind: what was stated at the last look is not published yet"

    async def _live(self, subscription: Subscription, broken: asyncio.Future[None], *, is_doorman: bool) -> None:
        """Keep one group a member until the bus stops: after a life that stood still comes another."""
        while not self._stopping.is_set():
            await self._either(self._serves)
            try:
                member = Member(self._means, subscription, is_doorman, broken)
            except Misconfigured as error:
                log.warning("a group cannot join", group=subscription.group, error=str(error))
                await self._pause(self._waits.kafka_look_seconds)
                continue
            self._members[subscription.group] = member
            try:
                await self._one_life(member)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("a group cannot join", group=subscription.group, error=type(error).__name__)
            finally:
                await member.stop()
            await self._pause(self._waits.publish_retry_seconds)

    async def _one_life(self, member: Member) -> None:
        joining = asyncio.ensure_future(member.start())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({joining, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not joining.done():
                return
            joining.result()
        finally:
            for task in (joining, stopping):
                task.cancel()
            await asyncio.gather(joining, stopping, return_exceptions=True)
        while not self._stopping.is_set():
            await self._pause(self._waits.kafka_stall_seconds / 4)
            if self._serves.is_set() and not self._stopping.is_set():
                async with asyncio.timeout(self._waits.kafka_stall_seconds):
                    if await member.stands_still():
                        log.warning("a group's lag stands still; it begins anew", group=member.subscription.group)
                        return

    async def _either(self, event: asyncio.Event) -> None:
        waiting = [asyncio.ensure_future(one.wait()) for one in (event, self._stopping)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
