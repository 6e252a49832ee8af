"""A thousand items of every kind, shuffled, doubled, cut anyhow into deliveries, end the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.pipeline.ingest.any_order import Stream, play, shuffled
from tests.pipeline.ingest.stream_of_a_page import FACEBOOK
from tests.pipeline.ingest.stream_of_whatsapp import WHATSAPP

_known: dict[str, Any] = {}


@pytest.mark.feature("CI-03")
@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(WHATSAPP, marks=pytest.mark.feature("NC-07", part="whatsapp"), id="whatsapp"),
        pytest.param(FACEBOOK, marks=pytest.mark.feature("NC-07", part="facebook"), id="facebook"),
    ],
)
def test_a_thousand_items_in_any_order_end_the_same(tmp_path_factory: pytest.TempPathFactory, stream: Stream) -> None:
    """``make torture-order`` plays many more orders, on both engines."""

    # To shrink a thousand items takes minutes; a shuffle tells as much.
    @settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
    @given(st.randoms(use_true_random=False), st.integers(1, 60), st.floats(0, 1))
    def run(chance: Any, size: int, answered: float) -> None:
        entries = shuffled(stream, chance)
        assert asyncio.run(play(stream, tmp_path_factory.mktemp("any"), entries, size, answered)) == in_order

    assert len(stream.entries) == 1000
    in_order = asyncio.run(play(stream, tmp_path_factory.mktemp("plain"), stream.entries, 1, 0))
    assert in_order["waiting"] == ["(0,)"]
    assert in_order["told"] == stream.told
    run()
