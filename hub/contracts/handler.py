"""What makes a reaction: a consumer group with its function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hub.store.transaction import Policies, Transaction
from schemas.envelope import CloudEvent, EventData


@dataclass(frozen=True, slots=True)
class Ports:
    """What a handler may use besides its transaction."""

    policies: Policies


@dataclass(frozen=True, slots=True)
class Handler:
    """One consumer group.

    Attributes:
        group: Its lasting name, e.g. ``open-tickets``.
        types: It receives these, nothing else, in order per key.
        handle: ``(event, tx, ports)``, or ``(event, prepared, tx, ports)`` with a ``prepare``. Synchronous,
            touches only the database, may run more than once.
        owner: The desk that answers for its dead letters.
        prepare: Pure, runs outside the transaction: ``(event, ports)``.
        look_up: Reads what many events need in a handful of queries, before the first of them is handled:
            ``(tx, the data of each)``. What it finds is the services' to remember.
        start: Where a group that was never seen before begins.
    """

    group: str
    types: tuple[type[EventData], ...]
    handle: Callable[..., None]
    owner: str
    prepare: Callable[[CloudEvent[Any], Ports], Any] | None = None
    look_up: Callable[[Transaction, Sequence[Any]], None] | None = None
    start: Literal["now", "beginning"] = "now"
    type_names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Name the types once.

        Raises:
            TypeError: It waits for something, which no transaction may, or it wants no event.
        """
        if any(inspect.iscoroutinefunction(code) for code in (self.handle, self.prepare, self.look_up)):
            msg = f"{self.group}: handle and prepare are ordinary functions; what waits for the outside is an effect"
            raise TypeError(msg)
        if not self.types:
            msg = f"{self.group}: name at least one event type"
            raise TypeError(msg)
        object.__setattr__(self, "type_names", frozenset(model.TYPE for model in self.types))
