"""However a payload is broken, normalising answers for every item in it."""

from __future__ import annotations

import contextlib
import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import connectors.whatsapp
from connectors.whatsapp import CONNECTOR
from hub.contracts import Item, MessageItem, RawDelivery
from hub.errors import Unreadable

SAMPLES = [
    json.loads(path.read_bytes())
    for path in sorted((Path(connectors.whatsapp.__file__).parent / "samples").glob("*.json"))
    if not path.name.endswith(".events.json")
]
NASTY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["", "\0", "\ud800", "a\udc00b", "\ufdd0", "x" * 70_000, "MX.1", "+52", "521", "text", "messages", "9" * 30]
    ),
    st.just([]),
    st.just({}),
    st.just([None, 1, "x", {}, []]),
    st.just(10**400),
    st.just({"messages": [{"id": "wamid.deep"}]}),
)


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


def places(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the way to every node."""
    found = [path] if path else []
    children: list[tuple[str | int, object]] = []
    if isinstance(node, dict):
        children = list(node.items())
    elif isinstance(node, list):
        children = list(enumerate(node))
    for key, child in children:
        found += places(child, (*path, key))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """Break some places of a sample: gone, null, of another type, twice."""
    webhook = copy.deepcopy(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 4))):
        if not places(webhook):
            break
        *way, last = draw(st.sampled_from(places(webhook)))
        holder: Any = webhook
        for step in way:
            holder = holder[step]
        match draw(st.sampled_from(["replace", "drop", "double"])):
            case "replace":
                holder[last] = copy.deepcopy(draw(NASTY))
            case "drop":
                del holder[last]
            case "double" if isinstance(holder, list):
                holder += copy.deepcopy(holder[-1:])
    return webhook


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(mutated())
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
