"""What every implementation of ``hub.ports.Store`` owes; inherit ``StoreContract``, give it a ``store`` fixture."""

from tests.contracts.store.commands import CommandContract
from tests.contracts.store.events import EventContract
from tests.contracts.store.isolation import IsolationContract
from tests.contracts.store.policies import PolicyContract
from tests.contracts.store.transact import TransactContract
from tests.contracts.store.values import ValueContract
from tests.contracts.store.writes import WriteContract


class StoreContract(
    TransactContract, IsolationContract, EventContract, ValueContract, PolicyContract, CommandContract, WriteContract
):
    """All of it.

    An implementation's class gives two fixtures: ``clock``, a ``FakeClock``, with ``store``, a running store of a fresh
    database that runs every function twice, reads that clock, has ``PROJECTIONS``.
    """
