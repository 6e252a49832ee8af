"""CloudEvents in binary mode on Kafka: attributes are headers, the record's value is the data alone.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md §3.2
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from schemas.envelope import CloudEvent, data_model

Headers = list[tuple[str, bytes]]

_PREFIX: Final = "ce_"
_CONTENT_TYPE: Final = ("content-type", b"application/json")


class NotAnEvent(ValueError):
    """A record that is no CloudEvent in binary mode of a type that this code knows."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event as a Kafka record, whichever client sends it."""

    key: bytes
    headers: Headers
    value: bytes


def encode(event: CloudEvent[Any]) -> Record:
    """Return an event as a record; its key is the event's, so that order holds within it."""
    attributes = {name: getattr(event, name) for name in CloudEvent.model_fields if name not in _NO_HEADER}
    return Record(event.partitionkey.encode(), headers(attributes), event.data.model_dump_json().encode())


def headers(attributes: Mapping[str, str | datetime | None]) -> Headers:
    """Return attributes as headers, without those that have no value; instants are RFC 3339 in UTC."""
    found = [
        ("ce_" + name, value.encode() if isinstance(value, str) else _instant(value))
        for name, value in attributes.items()
        if value is not None
    ]
    found.append(_CONTENT_TYPE)
    return found


def decode(given: Iterable[tuple[str, bytes]], value: bytes | None) -> CloudEvent[Any]:
    """Return the event that a record holds.

    Args:
        given: The record's headers; of a name that comes twice the last counts, other producers' own are ignored.
        value: The record's value.

    Raises:
        NotAnEvent: An attribute or the data is missing or malformed, or the type is unknown.
    """
    attributes: dict[str, Any] = {}
    try:
        for name, raw in given:
            if name.startswith(_PREFIX):
                attributes[name.removeprefix(_PREFIX)] = raw.decode()
            elif name == _CONTENT_TYPE[0]:
                attributes["datacontenttype"] = raw.decode().partition(";")[0].strip()
    except (UnicodeDecodeError, AttributeError):
        msg = "a header is no UTF-8 text"
        raise NotAnEvent(msg) from None
    model = data_model(attributes.get("type", ""))
    if model is None:
        msg = f"this code does not know events of type {attributes.get('type', '(none)')!r:.100}"
        raise NotAnEvent(msg)
    try:
        data = model.model_validate_json(value or b"")
        return CloudEvent[Any].model_validate({**attributes, "data": data})
    except ValidationError as error:
        wrong = sorted({str(problem["loc"][0]) if problem["loc"] else "data" for problem in error.errors()})
        msg = f"these do not fit {model.TYPE}: {', '.join(wrong)}"
        raise NotAnEvent(msg) from None


def _instant(value: datetime) -> bytes:
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return (utc.isoformat()[:-6] + "Z").encode()


_NO_HEADER: Final = frozenset({"data", "datacontenttype"})
