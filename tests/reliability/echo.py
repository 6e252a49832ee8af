"""Answers every message with its own words, so that order can be followed from the socket to the customer's phone.

``python -m tests.reliability.echo run …`` is the hub with this one handler more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from hub import discovery
from hub.cli import main
from hub.contracts import Handler, Ports
from hub.services import replies
from hub.store.transaction import Transaction
from schemas.envelope import CloudEvent
from schemas.messages import MessageReceived

GROUP: Final = "echo-for-tests"
PREFIX: Final = "eco: "


def echo(event: CloudEvent[MessageReceived], tx: Transaction, _ports: Ports) -> None:
    """Say what was said."""
    message = event.data
    words = PREFIX + (message.text or "")
    replies.request(tx, message.conversation_id, words, intent="echo", useful_for=timedelta(days=1))


HANDLER: Final = Handler(group=GROUP, types=(MessageReceived,), handle=echo, owner="tests", start="beginning")


@contextlib.contextmanager
def echoing() -> Iterator[None]:
    """Let this process discover the handler beside the hub's own."""
    found = discovery.handlers()
    found[GROUP] = HANDLER
    try:
        yield
    finally:
        del found[GROUP]


if __name__ == "__main__":
    with echoing():
        main.run()
