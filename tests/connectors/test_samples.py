"""Every recorded payload stands beside the events that it becomes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub import discovery
from hub.cli.preview import preview
from schemas.envelope import data_model
from tests.connectors import samples

RECORDED = list(samples.recorded())
IDS = [f"{name}-{path.stem}" for name, path in RECORDED]


@pytest.mark.parametrize(("name", "path"), RECORDED, ids=IDS)
def test_the_events_of_a_sample_are_current(name: str, path: Path) -> None:
    assert samples.beside(path).read_text(encoding="utf-8") == samples.expected(name, path), "run make samples"


@pytest.mark.parametrize(("name", "path"), RECORDED, ids=IDS)
def test_every_item_of_a_sample_is_accounted_for(name: str, path: Path) -> None:
    connector = discovery.connectors()[name]

    found = preview(connector, path.read_bytes())

    assert sum(found.items.values()) > 0 or found.refused
    for event in found.events:
        model = data_model(event["type"])
        assert model is not None
        model.model_validate(event["data"])


def test_no_events_stand_without_their_payload() -> None:
    known = {samples.beside(path) for _, path in RECORDED}

    assert {one for path in known for one in path.parent.glob(f"*{samples.SUFFIX}")} == known


def test_a_sample_reads_like_json() -> None:
    for _, path in RECORDED:
        assert set(json.loads(samples.beside(path).read_text(encoding="utf-8"))) == {"items", "others", "events"}
