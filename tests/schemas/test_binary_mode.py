"""Every event as a Kafka record, held against the official CloudEvents SDK in both directions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings import kafka as official
from cloudevents.core.v1.event import CloudEvent as OfficialEvent

from schemas.binary_mode import NotAnEvent, Record, decode, encode
from schemas.envelope import CloudEvent, event_types
from schemas.samples import samples

pytestmark = pytest.mark.feature("NC-03")

EVENTS = samples()
TYPES = sorted(EVENTS)


def an_event(type_: str) -> CloudEvent[Any]:
    return EVENTS[type_]


@pytest.mark.parametrize("type_", TYPES)
def test_the_official_sdk_reads_what_we_write(type_: str) -> None:
    event = an_event(type_)
    record = encode(event)

    read = official.from_binary_event(official.KafkaMessage(dict(record.headers), record.key, record.value))

    assert (read.get_id(), read.get_source(), read.get_type()) == (event.id, event.source, event.type)
    assert read.get_time() == event.time
    assert read.get_subject() == event.subject
    assert read.get_dataschema() == event.dataschema
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("partitionkey") == event.partitionkey == record.key.decode()
    assert read.get_extension("actor") == event.actor
    assert read.get_data() == json.loads(event.data.model_dump_json())


@pytest.mark.parametrize("type_", TYPES)
def test_we_read_what_the_official_sdk_writes(type_: str) -> None:
    event = an_event(type_)
    whole = json.loads(event.model_dump_json(exclude_none=True))
    data = whole.pop("data")
    attributes = whole | {"time": event.time}
    written = official.to_binary_event(OfficialEvent(attributes, data))

    assert decode(written.headers.items(), written.value) == event


@pytest.mark.parametrize("type_", TYPES)
def test_what_is_written_is_read_back_whole(type_: str) -> None:
    event = an_event(type_)
    record = encode(event)

    assert decode(record.headers, record.value) == event


def test_a_foreign_header_is_nobodys_attribute() -> None:
    event = an_event(TYPES[0])
    record = encode(event)

    assert decode([("correlation_id", b"\xff"), ("x", b""), *record.headers], record.value) == event


def _without(record: Record, name: str) -> Record:
    return Record(record.key, [(key, value) for key, value in record.headers if key != name], record.value)


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type", "ce_time", "ce_partitionkey"])
def test_what_lacks_an_attribute_is_no_event(name: str) -> None:
    record = _without(encode(an_event(TYPES[0])), name)

    with pytest.raises(NotAnEvent):
        decode(record.headers, record.value)


@pytest.mark.parametrize("value", [None, b"", b"no JSON", b"[]", b"{}", b"\xff"])
def test_what_lacks_its_data_is_no_event(value: bytes | None) -> None:
    record = encode(an_event("hub.message.received.v1"))

    with pytest.raises(NotAnEvent, match=r"do not fit hub\.message\.received\.v1"):
        decode(record.headers, value)


@pytest.mark.parametrize("raw", [b"\xff\xfe", None])
def test_a_header_that_is_no_text_makes_no_event(raw: Any) -> None:
    record = encode(an_event(TYPES[0]))

    with pytest.raises(NotAnEvent, match="no UTF-8"):
        decode([*record.headers, ("ce_subject", raw)], record.value)


def test_every_declared_type_has_a_sample_here() -> None:
    assert set(TYPES) == set(event_types())
