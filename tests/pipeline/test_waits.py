"""The waits as shipped: harnesses shorten them, nobody changes them unnoticed."""

from __future__ import annotations

from hub.settings import Waits


def test_the_shipped_waits() -> None:
    assert Waits().model_dump() == {
        "event_retry_seconds": (1, 10, 60, 300, 1800),
        "sweep_interval_seconds": 60,
        "sweep_age_seconds": 60,
        "probe_seconds": 30,
        "probe_max_seconds": 900,
        "store_retry_seconds": 0.5,
        "provider_retry_seconds": (60, 300, 1800, 7200, 21600, 43200, 86400),
        "effect_useful_seconds": 3 * 86400,
        "effect_alarm_seconds": 900,
        "doubt_seconds": 120,
        "breaker_seconds": 30,
        "breaker_max_seconds": 900,
        "lease_seconds": 60,
        "look_seconds": 0.25,
        "stop_seconds": 20,
    }
