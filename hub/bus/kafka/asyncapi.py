"""Describes for subscribers what is on the Kafka topics, as an AsyncAPI document that FastStream exports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from schemas import catalogue, publish
from schemas.envelope import CloudEvent, EventData, schema_address
from schemas.topics import LOG, Topic

Json = dict[str, Any]

VERSION: Final = "1"
"""Of the published language: the major of every event type."""

_TITLE: Final = "Hub events"
_ABOUT: Final = (
    "CloudEvents 1.0 in binary mode: attributes are ce_ headers, the value is the data alone. In order per key. "
    "A copy can come twice under the same ce_id: drop it by that id. Readers ignore fields that they do not know."
)
_NOTICE: Final = "notice"
_OF_A_NOTICE: Final = ("specversion", "id", "source", "type")


def document(prefix: str = "") -> Json:
    """Return the AsyncAPI 3.0 document of every topic with its key, its event types, their schemas.

    Args:
        prefix: What stands before each topic's name at the broker.
    """
    exported = _exported(prefix)
    messages = exported["components"]["messages"]
    channels: Json = {}
    operations: Json = {}
    for topic, every in catalogue.types_by_topic().items():
        models = [] if topic is LOG else _published(every)
        names = [model.TYPE for model in models] or ([_NOTICE] if topic is LOG else [])
        channels[topic.name] = _channel(prefix + topic.name, topic, names)
        if names:
            operations[topic.name] = _operation(topic, names)
    # FastStream makes a channel of each type, with a header that our records do not have.
    told = {model.TYPE: _message(model, messages[f"{model.TYPE}:Message"]) for model in _all_published()}
    schemas = dict(sorted(exported["components"]["schemas"].items()))
    return {
        "asyncapi": exported["asyncapi"],
        "info": exported["info"],
        "defaultContentType": exported["defaultContentType"],
        "channels": channels,
        "operations": operations,
        "components": {"messages": {_NOTICE: _notice(), **told}, "schemas": schemas},
    }


def _exported(prefix: str) -> Json:
    broker = KafkaBroker("127.0.0.1:9092", allow_auto_create_topics=False, apply_types=False)
    for model in _all_published():
        broker.publisher(prefix + model.TOPIC.name, schema=model, title=model.TYPE)
    licence = {"name": "Apache-2.0"}
    app = AsyncAPI(broker, title=_TITLE, version=VERSION, description=_ABOUT, license=licence, schema_version="3.0.0")
    found: Json = app.to_specification().to_jsonable()
    return found


def _all_published() -> list[type[EventData]]:
    """Return the types that subscribers get; what is on the log alone concerns our own groups."""
    return [
        model for topic, every in catalogue.types_by_topic().items() if topic is not LOG for model in _published(every)
    ]


def _published(models: Iterable[type[EventData]]) -> list[type[EventData]]:
    known = publish.declared()
    return [model for model in models if model.TYPE in known]


def _channel(address: str, topic: Topic, names: Iterable[str]) -> Json:
    return {
        "address": address,
        "title": topic.name,
        "description": topic.meaning,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": {"topic": address, "bindingVersion": "0.5.0"}},
        "x-key": topic.key,
        "x-owner": topic.owner,
        "x-retention-days": topic.retention_days,
    }


def _operation(topic: Topic, names: Iterable[str]) -> Json:
    place = f"#/channels/{topic.name}"
    return {
        "action": "send",
        "channel": {"$ref": place},
        "messages": [{"$ref": f"{place}/messages/{name}"} for name in names],
    }


def _message(model: type[EventData], exported: Json) -> Json:
    attributes = [name for name in CloudEvent.model_fields if name not in {"data", "datacontenttype"}]
    given = {
        "ce_type": {"const": model.TYPE},
        "ce_dataschema": {"const": schema_address(model.TYPE)},
        "content-type": {"const": "application/json"},
    }
    return {
        "name": model.TYPE,
        "title": model.__name__,
        "summary": publish.meaning(model),
        "contentType": "application/json",
        "headers": _headers(attributes, given),
        "payload": exported["payload"],
        "bindings": _key(model.TOPIC),
    }


def _notice() -> Json:
    return {
        "name": _NOTICE,
        "title": "Notice",
        "summary": "A word that an event was stated, for the hub's own groups; it has no value.",
        "headers": _headers(_OF_A_NOTICE, {}),
        "payload": {"type": "null"},
        "bindings": _key(LOG),
    }


def _headers(names: Iterable[str], given: Json) -> Json:
    envelope = CloudEvent[Any].model_json_schema(mode="serialization")
    known = {f"ce_{name}": _as_text(envelope["properties"][name]) for name in names}
    required = [f"ce_{name}" for name in names if name in CloudEvent.model_fields and _is_always_there(name)]
    return {"type": "object", "properties": {**known, **given}, "required": required}


def _as_text(schema: Json) -> Json:
    """Return an attribute as the text that a header holds; one without a value has no header."""
    kept: Json = {name: schema[name] for name in ("const", "description", "format") if name in schema}
    return {"type": "string", **kept}


def _is_always_there(name: str) -> bool:
    field = CloudEvent.model_fields[name]
    return field.is_required() or field.default is not None


def _key(topic: Topic) -> Json:
    key = {"type": "string", "description": f"The {topic.key}; the same as ce_partitionkey."}
    return {"kafka": {"key": key, "bindingVersion": "0.5.0"}}
