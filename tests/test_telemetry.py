"""Metrics keep their names, log lines keep secrets out."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from hub import telemetry
from hub.telemetry import Metrics
from tests.features.catalogue import ROOT

PAGE = ROOT / "docs" / "metrics.md"
INTRODUCTION = """# Metrics

At `/metrics` of the private listener, in the text format that Prometheus reads. Names, labels and meanings stay: a test
holds them against this page.

| metric | type | labels | meaning |
|---|---|---|---|
"""


def described() -> str:
    """Return the page that the code calls for."""
    registry = CollectorRegistry()
    Metrics(registry)
    rows = []
    for collector in registry._collector_to_names:
        (metric,) = collector.collect()
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        labels = ", ".join(f"`{label}`" for label in getattr(collector, "_labelnames", ()))
        rows.append(f"| `{name}` | {metric.type} | {labels} | {metric.documentation} |\n")
    return INTRODUCTION + "".join(sorted(rows))


@pytest.mark.feature("OB-01")
def test_every_metric_has_the_name_that_is_documented() -> None:
    assert PAGE.read_text() == described(), "a rename breaks whoever draws it; a new one needs its line"


@pytest.mark.feature("OB-01")
def test_the_metrics_are_ready_to_scrape() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.received.labels("whatsapp").inc()
    metrics.ready.set(1)

    text = generate_latest(registry).decode()

    assert 'hub_deliveries_received_total{connector="whatsapp"} 1.0' in text
    assert "hub_ready 1.0" in text
    assert text.count("# HELP hub_") >= PAGE.read_text().count("| `hub_")


@pytest.fixture
def logging_left_alone() -> Iterator[None]:
    """Put logging back as it was."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:], logging.root.level = handlers, level


def test_a_line_is_one_json_object_without_what_customers_said(
    logging_left_alone: None, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.configure_logs(json=True)
    said = "mi contraseña es canario"

    def fail(text: str) -> None:
        raise ValueError

    try:
        fail(said)
    except ValueError:
        telemetry.logger("test").exception("it failed\nbadly", count=1)

    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["part"], entry["level"], entry["count"]) == ("it failed\nbadly", "test", "error", 1)
    assert entry["timestamp"].endswith("Z")
    assert "fail" in line
    assert "canario" not in line


def test_libraries_log_in_the_same_form(logging_left_alone: None, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logs(json=True)
    said = "mi contraseña es canario"

    def fail(text: str) -> None:
        raise ValueError

    try:
        fail(said)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("it failed\nbadly: %d", 1)
    logging.getLogger("httpx").info("no news")

    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["level"]) == ("it failed\nbadly: 1", "error")
    assert entry["timestamp"].endswith("Z")
    assert "ValueError" in line
    assert "canario" not in line


def test_people_get_lines_they_can_read(logging_left_alone: None, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logs(json=False)

    telemetry.logger("test").warning("something", number=3)

    line = capsys.readouterr().err
    assert "something" in line
    assert "number=3" in line
