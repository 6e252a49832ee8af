"""However a payload is broken, normalising answers for every item in it."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.whatsapp import CONNECTOR
from hub.contracts import Item, MessageItem, RawDelivery
from hub.errors import Unreadable
from tests.connectors.mutations import mutated, recorded

SAMPLES = recorded("whatsapp")


def normalize(webhook: object) -> list[Item] | str:
    """Return the items, or why there are none; anything else that is raised fails the test."""
    body = json.dumps(webhook).encode()
    delivery = RawDelivery("dl_x", "whatsapp", "main", datetime(2026, 11, 22, tzinfo=UTC), "POST", "/", {}, body)
    try:
        return list(CONNECTOR.normalize(delivery))
    except Unreadable as error:
        return str(error)


LISTS = {
    "messages": ("messages", "statuses", "errors"),
    "standby": ("messages", "statuses", "errors"),
    "smb_message_echoes": ("message_echoes",),
    "calls": ("calls", "statuses"),
    "user_preferences": ("user_preferences",),
    "user_id_update": ("user_id_update",),
    "smb_app_state_sync": ("state_sync",),
    "history": ("history",),
}


def expected_items(webhook: dict[str, Any]) -> int:
    """Count what a webhook tells, in another way than the connector does."""
    total = 0
    for entry in webhook["entry"]:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        changes = [] if changes is None else changes if isinstance(changes, list) else [changes]
        total += 0 if changes else 1
        for change in changes:
            value = change.get("value") if isinstance(change, dict) else None
            field = change.get("field") if isinstance(change, dict) else None
            told = 0
            if isinstance(field, str) and field in LISTS and isinstance(value, dict):
                for name in LISTS[field]:
                    found = value.get(name)
                    told += 0 if found is None else len(found) if isinstance(found, list) else 1
            total += max(told, 1)
    return total


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(mutated(SAMPLES))
def test_a_broken_sample_loses_no_item(webhook: dict[str, Any]) -> None:
    first, second = normalize(webhook), normalize(webhook)

    assert first == second
    if isinstance(first, str):
        assert first
    else:
        assert len(first) == expected_items(webhook)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_unreadable(noise: bytes) -> None:
    for body in (noise, b'{"object":"whatsapp_business_account","entry":[' + noise + b"]}"):
        delivery = RawDelivery("dl_x", "whatsapp", "main", datetime(2026, 11, 22, tzinfo=UTC), "POST", "/", {}, body)
        with contextlib.suppress(Unreadable):
            CONNECTOR.normalize(delivery)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=300))
def test_what_a_customer_typed_comes_out_as_typed(text: str) -> None:
    said = {"id": "1", "type": "text", "text": {"body": text}}
    value = {"metadata": {"phone_number_id": "22345"}, "messages": [said]}
    change = {"field": "messages", "value": value}

    items = normalize({"object": "whatsapp_business_account", "entry": [{"changes": [change]}]})

    assert isinstance(items, list)
    kept = text.replace("\0", "")
    (item,) = items
    if "\ufdd0" in text:
        assert not isinstance(item, MessageItem)
    else:
        assert isinstance(item, MessageItem)
        assert item.text == kept
        assert bool(item.unsupported) == (not kept)
