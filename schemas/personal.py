"""Tells which fields of an event hold personal data, to show the rest without them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from schemas.envelope import EventData, data_model


@cache
def personal_fields(model: type[EventData]) -> Mapping[str, str]:
    """Return the class of personal data (``identity``, ``content``, ``contact``) of each field that holds some."""
    found = {}
    for name, schema in model.model_json_schema().get("properties", {}).items():
        branches = [schema, *schema.get("anyOf", ())]
        marks = [branch["x-personal"] for branch in branches if "x-personal" in branch]
        if marks:
            found[name] = marks[0]
    return found


def masked(type_: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's data with each personal value replaced by its class with its length, what is empty as it is.

    Of a type that this code does not know nothing can be told apart, so every text is replaced.
    """
    model = data_model(type_)
    marks = {name: "unknown" for name, value in data.items() if isinstance(value, str)}
    if model is not None:
        marks = dict(personal_fields(model))
    return {
        name: f"«{marks[name]}, {len(str(value))}»" if name in marks and value else value
        for name, value in data.items()
    }
