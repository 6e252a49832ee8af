"""What subscribers read says what the code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas import publish
from schemas.envelope import CloudEvent, data_model
from schemas.messages import MessageReceived
from schemas.personal import masked, personal_fields
from schemas.samples import samples

TYPES = sorted(publish.declared())


def published(name: str) -> Any:
    return json.loads((publish.PUBLISHED / name).read_text(encoding="utf-8"))


def test_the_published_files_are_current() -> None:
    assert publish.stale(publish.files()) == []


def test_a_stale_missing_or_foreign_file_is_named(tmp_path: Path) -> None:
    publish.write(publish.files(), tmp_path)
    (tmp_path / "hub.message.received.v1.sample.json").write_text("{}")
    (tmp_path / "topics.json").unlink()
    (tmp_path / "hub.message.sung.v1.schema.json").write_text("{}")

    assert publish.stale(publish.files(), tmp_path) == [
        "hub.message.sung.v1.schema.json: belongs to no declared type; remove it",
        "topics.json: is missing",
        "hub.message.received.v1.sample.json: differs from the code",
    ]

    publish.write(publish.files(), tmp_path)
    assert publish.stale(publish.files(), tmp_path) == []


@pytest.mark.parametrize("type_", TYPES)
def test_a_sample_is_an_event_of_its_type(type_: str) -> None:
    sample = published(f"{type_}.sample.json")

    model = data_model(type_)
    assert model is not None
    event = CloudEvent[Any].model_validate(sample)
    data = model.model_validate(sample["data"])

    assert event.type == type_
    assert event.dataschema == published(f"{type_}.schema.json")["$id"]
    assert data == samples()[type_].data
    assert set(sample["data"]) == set(model.model_fields)


@pytest.mark.parametrize("type_", TYPES)
def test_an_event_survives_its_envelope(type_: str) -> None:
    event = samples()[type_]

    again = CloudEvent[Any].model_validate_json(event.model_dump_json())

    assert again.model_dump(mode="json") == event.model_dump(mode="json")
    assert again.time.utcoffset() is not None


@pytest.mark.parametrize("type_", TYPES)
def test_a_reader_ignores_what_it_does_not_know(type_: str) -> None:
    event = samples()[type_]
    model = type(event.data)
    newer = event.model_dump(mode="json") | {"traceflags": "01", "data": {**event.data.model_dump(), "added_later": 1}}

    read = CloudEvent[model].model_validate(newer)  # type: ignore[valid-type]

    assert read.data == event.data


@pytest.mark.parametrize("type_", TYPES)
def test_a_type_is_named_after_its_topic(type_: str) -> None:
    model = publish.declared()[type_]
    word, noun, fact, version = type_.split(".")

    assert word == "hub"
    assert noun
    assert fact
    assert version == "v1"
    assert (model.__doc__ or "").strip()


def test_instants_without_a_zone_are_refused() -> None:
    sample = published("hub.message.received.v1.sample.json") | {"time": "2026-11-23T16:30:00"}

    with pytest.raises(ValidationError):
        CloudEvent[MessageReceived].model_validate(sample)


def test_every_topic_is_in_the_catalogue_with_its_types() -> None:
    topics = published("topics.json")["topics"]

    assert {one["type"] for topic in topics for one in topic["types"]} == set(TYPES)
    assert all(topic["owner"] and topic["retention_days"] and topic["meaning"] for topic in topics)


def test_personal_values_are_masked_by_class() -> None:
    parts = ("attachments", "choice", "contact_cards", "form", "location", "order", "referral", "share", "text")
    assert personal_fields(MessageReceived) == dict.fromkeys(parts, "content") | {"sender_name": "identity"}

    shown = masked(MessageReceived.TYPE, {"text": "todas las facturas", "sender_name": None, "asset": "2234"})

    assert shown == {"text": "«content, 18»", "sender_name": None, "asset": "2234"}


def test_of_an_unknown_type_no_text_is_shown() -> None:
    assert masked("hub.song.sung.v1", {"words": "la la", "verses": 3}) == {"words": "«unknown, 5»", "verses": 3}
