"""However a webhook of a page is broken, normalising answers for every item in it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contracts import Item, MessageItem
from hub.errors import Unreadable
from tests.connectors.facebook.reading import chat, items, said
from tests.connectors.mutations import mutated, recorded

SAMPLES = recorded("facebook")


def normalize(webhook: object) -> list[Item] | str:
    """Return the items, or why there are none; anything else that is raised fails the test."""
    try:
        return items(json.dumps(webhook).encode())
    except Unreadable as error:
        return str(error)


def least_items(webhook: dict[str, Any]) -> int:
    """Count what a webhook tells at least, in another way than the connector does."""
    total = 0
    for entry in webhook["entry"]:
        told = 0
        for name in ("messaging", "standby", "changes"):
            found = entry.get(name) if isinstance(entry, dict) else None
            told += 0 if found is None else len(found) if isinstance(found, list) else 1
        total += max(told, 1)
    return total


@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(mutated(SAMPLES))
def test_a_broken_sample_loses_no_item(webhook: dict[str, Any]) -> None:
    first, second = normalize(webhook), normalize(webhook)

    assert first == second
    if isinstance(first, str):
        assert first
    else:
        assert len(first) >= least_items(webhook)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_unreadable(noise: bytes) -> None:
    for body in (noise, b'{"object":"page","entry":[' + noise + b"]}"):
        with contextlib.suppress(Unreadable):
            items(body)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=300))
def test_what_a_customer_typed_comes_out_as_typed(text: str) -> None:
    (item,) = items(chat(said(message={"mid": "m_1", "text": text})))

    if "\ufdd0" in text:
        assert not isinstance(item, MessageItem)
    else:
        assert isinstance(item, MessageItem)
        assert item.text == text.replace("\0", "")
        assert bool(item.unsupported) == (not item.text.strip())
