"""Files of company rules: read with every mistake named, written from what is in force."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import typer
from pydantic import ValidationError
from sqlalchemy import bindparam, func, select

from hub.domain.policies import KINDS
from hub.store import policies
from hub.store.tables import policies as table
from hub.store.transaction import Transaction
from schemas.operations import PolicyChanged

_NEWEST_VERSION: Final = select(func.coalesce(func.max(table.c.version), 0)).where(table.c.kind == bindparam("kind"))


def read(file: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the rules of a file by kind, with one sentence for each mistake.

    Raises:
        typer.BadParameter: The file cannot be read.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{file} cannot be read ({error.strerror})"
        raise typer.BadParameter(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return {}, [f"{file}: is no TOML: {error}"]
    bodies: dict[str, Any] = {}
    problems = []
    for kind, body in tables.items():
        if kind not in KINDS:
            problems.append(f"[{kind}]: there is no such kind of rule; known are {', '.join(KINDS)}")
            continue
        try:
            bodies[kind] = KINDS[kind].model_validate(body).model_dump(mode="json")
        except ValidationError as error:
            problems += [_sentence(kind, one) for one in error.errors(include_url=False, include_input=False)]
    return bodies, problems


def in_force(tx: Transaction) -> dict[str, Any]:
    """Return the rules in force, by kind."""
    return {kind: getattr(tx.policies, kind).model_dump(mode="json") for kind in KINDS}


def changed(tx: Transaction, bodies: Mapping[str, Any]) -> dict[str, int]:
    """Return the version that each rule would get that says something new."""
    current = in_force(tx)
    return {kind: _newest(tx, kind) + 1 for kind, body in bodies.items() if body != current[kind]}


def append_changed(tx: Transaction, bodies: Mapping[str, Any]) -> dict[str, int]:
    """Write each rule that says something new, then return its version."""
    versions = {kind: policies.append(tx, kind, bodies[kind]) for kind in changed(tx, bodies)}
    for kind, version in versions.items():
        tx.state(PolicyChanged(kind=kind, version=version, valid_from=tx.now), key=f"policy:{kind}", subject=kind)
    return versions


def as_toml(bodies: Mapping[str, Any]) -> str:
    """Return rules as TOML that reads back the same."""
    lines = ["# The company's rules in force when this was written."]
    for kind, body in bodies.items():
        lines += ["", f"[{kind}]"]
        lines += [f"{name} = {_value(value)}" for name, value in body.items() if value is not None]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_value(one)}" for name, one in value.items() if one is not None) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    # Strings, numbers, truth values are written in TOML as in JSON.
    return json.dumps(value, ensure_ascii=False)


def _sentence(kind: str, problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    return f"[{kind}] {place}: {problem['msg'].removeprefix('Value error, ')}"


def _newest(tx: Transaction, kind: str) -> int:
    row = tx.one(_NEWEST_VERSION, kind=kind)
    return 0 if row is None else int(row[0])
