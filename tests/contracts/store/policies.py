"""The store's contract: the company's rules by version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from hub.ports import Store
from hub.store import policies
from hub.store.transaction import Transaction, UnitOfWork
from tests.contracts.store.base import Contract, tx_of
from tests.support.clock import FakeClock


def folios(prefix: str) -> dict[str, Any]:
    """Return a rule for folios."""
    return {"prefix": prefix, "first": 1}


async def change(store: Store, prefix: str, **more: Any) -> int:
    """Write a new version of the rule for folios."""
    return await store.transact(
        lambda unit: policies.append(tx_of(unit), "folios", folios(prefix), **more), name="change"
    )


async def in_force(store: Store) -> tuple[str, int]:
    """Return the prefix of folios with the version of the rules."""
    return await store.read(lambda tx: (tx.policies.folios.prefix, tx.policies.version))


class PolicyContract(Contract):
    """The version in force at ``tx.now`` decides; equal versions mean equal rules."""

    async def test_the_shipped_rules_are_in_force_at_first(self, store: Store) -> None:
        found = await store.read(lambda tx: tx.policies)

        assert found.folios.prefix == "T-"
        assert found.service_levels.resolution_natural_minutes == 72 * 60

    async def test_a_new_version_counts_from_its_transaction_on(self, store: Store) -> None:
        before = await in_force(store)

        def work(unit: UnitOfWork) -> tuple[int, str]:
            tx = tx_of(unit)
            assert tx.policies.folios.prefix == "T-"
            version = policies.append(tx, "folios", folios("N-"))
            return version, tx.policies.folios.prefix

        assert await store.transact(work, name="work") == (2, "N-")
        after = await in_force(store)
        assert after[0] == "N-"
        assert after[1] != before[1]

    async def test_a_version_waits_for_its_day(self, store: Store, clock: FakeClock) -> None:
        await change(store, "later-", valid_from=clock.now() + timedelta(days=2))
        await change(store, "now-")

        assert (await in_force(store))[0] == "now-"
        version = (await in_force(store))[1]
        clock.move(timedelta(days=2))
        assert (await in_force(store))[0] == "later-"
        assert (await in_force(store))[1] != version, "equal versions mean equal rules"

    async def test_a_version_never_reaches_back(self, store: Store, clock: FakeClock) -> None:
        await change(store, "a-", valid_from=clock.now() - timedelta(days=30))
        clock.move(timedelta(seconds=1))
        await change(store, "b-")

        clock.move(-timedelta(seconds=1))
        assert (await in_force(store))[0] == "a-"
        clock.move(-timedelta(seconds=1))
        assert (await in_force(store))[0] == "T-"

    async def test_what_was_undone_is_not_remembered(self, store: Store) -> None:
        def fail(unit: UnitOfWork) -> None:
            tx = tx_of(unit)
            policies.append(tx, "folios", folios("undone-"))
            assert tx.policies.folios.prefix == "undone-"
            raise LookupError

        with pytest.raises(LookupError):
            await store.transact(fail, name="fail")
        await change(store, "done-")

        def look(tx: Transaction) -> str:
            return tx.policies.folios.prefix

        assert await store.read(look) == "done-"
        assert await store.transact(lambda unit: look(tx_of(unit)), name="look") == "done-"

    async def test_a_wrong_rule_is_refused(self, store: Store) -> None:
        with pytest.raises(ValidationError):
            await store.transact(lambda unit: policies.append(tx_of(unit), "folios", {"first": -1}), name="wrong")
        with pytest.raises(KeyError):
            await store.transact(lambda unit: policies.append(tx_of(unit), "wishes", {}), name="unknown")

        assert (await in_force(store))[0] == "T-"
