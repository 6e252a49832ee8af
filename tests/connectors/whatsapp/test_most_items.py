"""One body of many items must not keep everybody else waiting."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connectors.whatsapp.normalize import MOST_ITEMS, normalize
from hub.contracts import RawDelivery
from hub.errors import Unreadable


def _of_broken_entries(count: int) -> RawDelivery:
    body = json.dumps({"object": "whatsapp_business_account", "entry": [1] * count}).encode()
    return RawDelivery("dl_1", "whatsapp", "app", datetime(2026, 11, 22, tzinfo=UTC), "POST", "/", {}, body)


def test_as_many_items_as_one_may_hold_are_told_one_by_one() -> None:
    assert len(normalize(_of_broken_entries(MOST_ITEMS))) == MOST_ITEMS == 2_000


def test_a_body_with_more_is_refused_as_a_whole() -> None:
    with pytest.raises(Unreadable, match="more than 2000 items"):
        normalize(_of_broken_entries(MOST_ITEMS + 1))
