"""Makes the groups of this code known to the database before any of them works."""

from __future__ import annotations

from collections.abc import Sequence

from hub.contracts import Handler
from hub.errors import Misconfigured
from hub.ports import Store
from hub.store import groups
from hub.store.settled import settled
from hub.store.transaction import Origin, UnitOfWork


async def join(store: Store, handlers: Sequence[Handler]) -> None:
    """Add groups that are new: they begin now, or with the oldest event when their handler says so.

    In a database that knows no group at all everything waits for the first ones: an intake may have run before them.

    Raises:
        Misconfigured: The database knows a group that no handler has: dropped or renamed by whom?
    """
    names = {handler.group for handler in handlers}
    if len(names) != len(handlers):
        raise Misconfigured(["two handlers share a group name; each group is one handler's"])

    def add(unit: UnitOfWork) -> list[str]:
        tx = unit.begin(Origin("", "join", "hub"))
        known = {row.name for row in groups.everyone(tx)}
        orphans = sorted(known - names)
        if orphans:
            return orphans
        now = settled(tx) if known else 0
        for handler in handlers:
            if handler.group not in known:
                groups.add(tx, handler.group, 0 if handler.start == "beginning" else now)
        return []

    orphans = await store.transact(add, name="groups.join")
    if orphans:
        cure = "run `hub groups adopt OLD NEW` if it was renamed, `hub groups drop OLD` if it is gone for good"
        raise Misconfigured([f"no handler has the group {name} that the database knows; {cure}" for name in orphans])
