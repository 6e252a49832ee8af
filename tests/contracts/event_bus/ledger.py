"""A handler that writes down what it handles, that fails when told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import insert, select

from hub.contracts import Handler, Ports
from hub.store.tables import audit
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent, EventData
from schemas.operations import ChannelAlerted, PolicyChanged

_INSERT: Final = insert(audit)
_WRITTEN: Final = select(audit.c.action, audit.c.object, audit.c.detail).order_by(audit.c.position)

Asked = PolicyChanged
"""The type that ledgers handle: ``version`` numbers the events of a key."""

Answered = ChannelAlerted
"""The type that a ledger states for each event it handled."""


def asked(number: int) -> PolicyChanged:
    """Return the data of a numbered event."""
    return PolicyChanged(kind="numbered", version=number, valid_from=datetime(2026, 1, 1, tzinfo=UTC))


@dataclass
class Ledger:
    """One group; what it writes stands in the audit, in the order of its writing.

    Attributes:
        trouble: Called for each try with key and number; raises what the handler shall fail with.
        answers: Whether it states an event for each that it handled.
        tries: Key and number of each run of the handler, rehearsals included.
    """

    group: str = "ledger"
    start: Literal["now", "beginning"] = "beginning"
    types: tuple[type[EventData], ...] = (Asked,)
    prepare: Callable[[CloudEvent[Any], Ports], Any] | None = None
    trouble: Callable[[str, int], None] = lambda key, number: None
    answers: bool = True
    tries: list[tuple[str, int]] = field(default_factory=list)
    made: list[Any] = field(default_factory=list)

    @property
    def handler(self) -> Handler:
        """The group as the pipeline knows it."""
        handle: Callable[..., None] = self._handle if self.prepare is None else self._handle_prepared
        return Handler(
            group=self.group, types=self.types, handle=handle, owner="support", prepare=self.prepare, start=self.start
        )

    def _handle_prepared(self, event: CloudEvent[Any], made: Any, tx: Transaction, ports: Ports) -> None:
        self.made.append((made, ports.policies.version))
        self._handle(event, tx, ports)

    def _handle(self, event: CloudEvent[Any], tx: Transaction, _ports: Ports) -> None:
        key, number = event.partitionkey, getattr(event.data, "version", 0)
        self.tries.append((key, number))
        tx.run(_INSERT, at=tx.now, actor="test", action=self.group, object=key, detail={"number": number})
        # After the first write, so that what fails has something to undo.
        self.trouble(key, number)
        if not self.answers:
            return
        tx.state(
            Answered(connector=self.group, asset=key, alert=str(number), explanation_es=""),
            key=f"answers:{key}",
            subject=event.id,
        )


def failing(*wanted: tuple[str, int], error: Callable[[], BaseException] = lambda: ValueError("broken")) -> Any:
    """Return trouble for some events."""

    def trouble(key: str, number: int) -> None:
        if (key, number) in wanted:
            raise error()

    return trouble


def written(tx: Transaction, group: str = "ledger") -> dict[str, list[int]]:
    """Return the numbers that a group wrote for each key, in the order of writing."""
    found: dict[str, list[int]] = {}
    for row in tx.all(_WRITTEN):
        if row.action == group:
            found.setdefault(row.object, []).append(row.detail["number"])
    return found


def writing_order(tx: Transaction, group: str = "ledger") -> list[tuple[str, int]]:
    """Return key and number of everything that a group wrote, in the order of writing."""
    return [(row.object, row.detail["number"]) for row in tx.all(_WRITTEN) if row.action == group]
