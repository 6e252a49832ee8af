"""The AsyncAPI document says what is on the topics, no more, no less."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from hub.bus.kafka.asyncapi import document
from schemas import publish
from schemas.binary_mode import encode
from schemas.samples import samples
from schemas.topics import ALL, LOG
from tests.features.catalogue import ROOT

pytestmark = pytest.mark.feature("NC-03")

FILE = ROOT / "docs" / "asyncapi.json"
TYPES = sorted(type_ for type_, model in publish.declared().items() if model.TOPIC is not LOG)


def test_the_file_is_what_the_command_prints() -> None:
    without = {name: value for name, value in os.environ.items() if not name.startswith("HUB_KAFKA_")}
    command = [sys.executable, "-m", "hub", "topics", "asyncapi"]

    printed = subprocess.run(command, env=without, capture_output=True, text=True, check=True).stdout

    assert FILE.read_text(encoding="utf-8") == printed, "run make samples, then look at what changed"


def test_every_topic_is_there_with_its_key_with_every_type_once() -> None:
    told = json.loads(FILE.read_text())

    assert (told["asyncapi"], set(told["channels"])) == ("3.0.0", {topic.name for topic in ALL})
    for topic in ALL:
        channel = told["channels"][topic.name]
        wanted = [type_ for type_ in TYPES if publish.declared()[type_].TOPIC is topic]
        assert (channel["address"], channel["x-key"]) == (topic.name, topic.key)
        assert sorted(channel["messages"]) == (["notice"] if topic is LOG else wanted)
    assert {one["action"] for one in told["operations"].values()} == {"send"}


@pytest.mark.parametrize("type_", TYPES)
def test_a_record_fits_what_is_said_of_its_type(type_: str) -> None:
    told = json.loads(FILE.read_text())
    record = encode(samples()[type_])
    headers = {name: value.decode() for name, value in record.headers}
    message = told["components"]["messages"][type_]

    assert list(_problems(told, message["headers"], headers)) == []
    assert list(_problems(told, message["payload"], json.loads(record.value))) == []
    assert set(headers) <= set(message["headers"]["properties"])
    assert list(_problems(told, message["headers"], headers | {"ce_type": "hub.song.sung.v1"}))
    assert list(_problems(told, message["headers"], headers | {"ce_dataschema": "urn:another"}))
    assert list(_problems(told, message["payload"], {}))


def test_every_reference_leads_somewhere_each_schema_is_one() -> None:
    told = json.loads(FILE.read_text())

    for place in _references(told):
        found: Any = told
        for step in place.removeprefix("#/").split("/"):
            found = found[step]
    for schema in told["components"]["schemas"].values():
        Draft7Validator.check_schema(schema)


def test_a_prefix_stands_before_every_address_alone() -> None:
    plain, prefixed = document(), document("eu.")

    assert [one["address"] for one in prefixed["channels"].values()] == [f"eu.{topic.name}" for topic in ALL]
    assert prefixed["components"] == plain["components"]


def _problems(told: dict[str, Any], schema: Any, instance: Any) -> Iterator[Any]:
    yield from Draft7Validator({"components": told["components"], **schema}).iter_errors(instance)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "$ref":
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
