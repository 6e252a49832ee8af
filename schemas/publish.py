"""Writes what subscribers read: one JSON Schema with one sample a type, beside the catalogue of topics."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from schemas import catalogue
from schemas.envelope import CloudEvent, EventData, event_types, schema_address
from schemas.samples import samples

PUBLISHED: Final = Path(__file__).parent / "published"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def declared() -> dict[str, type[EventData]]:
    """Return the types of the published language, leaving out those that a test declares for itself."""
    return {type_: model for type_, model in event_types().items() if model.__module__.startswith("schemas.")}


def files() -> dict[str, str]:
    """Return the text of every published file by its name, the same for the same code."""
    found: dict[str, Any] = {"envelope.schema.json": _envelope_schema(), "topics.json": _topics()}
    examples = samples()
    for type_, model in declared().items():
        found[f"{type_}.schema.json"] = _data_schema(type_, model)
        found[f"{type_}.sample.json"] = examples[type_].model_dump(mode="json")
    return {name: json.dumps(value, ensure_ascii=False, indent=2) + "\n" for name, value in sorted(found.items())}


def stale(wanted: Mapping[str, str], directory: Path = PUBLISHED) -> list[str]:
    """Return one sentence for each published file that is not what the code says."""
    there = {path.name: path.read_text(encoding="utf-8") for path in directory.iterdir()} if directory.exists() else {}
    problems = [f"{name}: belongs to no declared type; remove it" for name in sorted(set(there) - set(wanted))]
    problems += [f"{name}: is missing" for name in sorted(set(wanted) - set(there))]
    problems += [
        f"{name}: differs from the code" for name in sorted(there) if there[name] != wanted.get(name, there[name])
    ]
    return problems


def write(wanted: Mapping[str, str], directory: Path = PUBLISHED) -> None:
    """Write every published file; what belongs to no type goes."""
    directory.mkdir(exist_ok=True)
    for path in directory.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (directory / name).write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with ``--check`` say what is stale; 1 when something is."""
    parser = argparse.ArgumentParser(prog="python -m schemas.publish", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a file is stale")
    given = parser.parse_args(arguments)
    without = sorted(set(declared()) - set(samples()))
    if without:
        sys.stderr.write("".join(f"schemas/samples.py has no example of {type_}\n" for type_ in without))
        return 1
    if not given.check:
        write(files())
        return 0
    problems = stale(files())
    sys.stderr.write("".join(f"schemas/published/{problem}\n" for problem in problems))
    if problems:
        sys.stderr.write("run python -m schemas.publish, then look at what changed\n")
    return 1 if problems else 0


def _data_schema(type_: str, model: type[EventData]) -> dict[str, Any]:
    # Validation mode: what a reader may count on. A field with a default is optional, so adding one breaks nobody.
    schema = model.model_json_schema(mode="validation")
    return {"$schema": DIALECT, "$id": schema_address(type_), "x-topic": model.TOPIC.name, **schema}


def _envelope_schema() -> dict[str, Any]:
    schema = CloudEvent[Any].model_json_schema(mode="validation")
    schema["title"] = "CloudEvent"
    return {"$schema": DIALECT, "$id": schema_address("envelope"), **schema}


def _topics() -> dict[str, Any]:
    known = declared()
    return {
        "topics": [
            {
                "name": topic.name,
                "key": topic.key,
                "retention_days": topic.retention_days,
                "owner": topic.owner,
                "meaning": topic.meaning,
                "types": [
                    {
                        "type": model.TYPE,
                        "meaning": meaning(model),
                        "schema": f"{model.TYPE}.schema.json",
                        "sample": f"{model.TYPE}.sample.json",
                    }
                    for model in models
                    if model.TYPE in known
                ],
            }
            for topic, models in catalogue.types_by_topic().items()
        ]
    }


def meaning(model: type[EventData]) -> str:
    """Return what an event of a type says, in one line."""
    return (model.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    raise SystemExit(main())
