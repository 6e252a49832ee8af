"""Breaks recorded payloads in some places: gone, null, of another type, twice."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.connectors import samples

NASTY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            *("", "\0", "\ud800", "a\udc00b", "\ufdd0", "x" * 70_000, "9" * 30),
            *("MX.1", "+52", "521", "text", "messages"),
            *("page", "add", "comment", "react"),
        ]
    ),
    st.just([]),
    st.just({}),
    st.just([None, 1, "x", {}, []]),
    st.just(10**400),
    st.just({"messages": [{"id": "wamid.deep"}]}),
    st.just({"message": {"mid": "m_deep"}}),
)


def recorded(connector: str) -> list[Any]:
    """Return every recorded JSON payload of a connector."""
    return [json.loads(path.read_bytes()) for name, path in samples.recorded() if name == connector]


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
def mutated(draw: st.DrawFn, payloads: Sequence[Any]) -> Any:
    """Return a payload with one to four places broken."""
    webhook = copy.deepcopy(draw(st.sampled_from(payloads)))
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
