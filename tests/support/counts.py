"""Reads what a counter has counted."""

from __future__ import annotations

from prometheus_client import Counter


def counted(counter: Counter) -> float:
    """Return the counter's value, which tests compare with what it was before."""
    (metric,) = counter.collect()
    return next(sample.value for sample in metric.samples if sample.name.endswith("_total"))
