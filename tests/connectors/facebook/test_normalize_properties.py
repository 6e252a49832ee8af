"""However a webhook of a page is broken, normalising answers for every item in it."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.contracts import Item, MessageItem
from hub.errors import Unreadable
from tests.connectors.facebook.reading import PAYLOADS, chat, items, said

SAMPLES = [json.loads(path.read_bytes()) for path in PAYLOADS]
WORDS = ["", "\0", "\ud800", "a\udc00b", "\ufdd0", "x" * 70_000, "page", "add", "comment", "react", "9" * 30]
NASTY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(WORDS),
    st.sampled_from([[], {}, [None, 1, "x", {}, []], 10**400, {"message": {"mid": "m_deep"}}]),
)


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


def places(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the way to every node."""
    children: list[tuple[str | int, object]] = []
    if isinstance(node, dict):
        children = list(node.items())
    elif isinstance(node, list):
        children = list(enumerate(node))
    found = [path] if path else []
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


@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(mutated())
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
