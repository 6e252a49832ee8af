"""Redrives the dead letters that a command names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import typer

from hub import discovery
from hub.cli.opening import Opened, actor
from hub.errors import NotFound
from hub.pipeline.redrive import Redriver
from hub.services import dead_letters
from hub.store.transaction import Transaction

REFUSED_AGAIN: Final = "refused again"
_MOST: Final = 100_000
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Wanted:
    """Which letters a command is about."""

    ids: tuple[str, ...]
    every: bool
    group: str | None
    reason_class: str | None
    newer_than: timedelta | None


def age(text: str | None) -> timedelta | None:
    """Return the age that a text such as ``36h`` names.

    Raises:
        typer.BadParameter: It is none.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if match is None:
        msg = f"{text!r} is not an age; write a whole number and m, h or d, such as 36h"
        raise typer.BadParameter(msg)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


async def redrive(hub: Opened, wanted: Wanted, *, really: bool) -> list[dict[str, Any]]:
    """Redrive the wanted letters, or only say which those are.

    Raises:
        NotFound: A letter that was named does not exist.
        typer.BadParameter: None was named, nor was ``--all`` given.
    """
    if bool(wanted.ids) == wanted.every:
        msg = "name the letters by their ids, or give --all with filters, not both"
        raise typer.BadParameter(msg)
    letters = await hub.store.read(lambda tx: _letters(tx, wanted))
    if not really:
        return [
            _outcome(letter, "would be redriven" if letter.state == "open" else "already settled") for letter in letters
        ]
    redriver = Redriver(hub.store, discovery.connectors(), discovery.handlers())
    outcomes = []
    for letter in letters:
        if letter.state != "open":
            outcomes.append(_outcome(letter, "already settled"))
            continue
        try:
            why = await redriver.redrive(letter.id, actor())
        except NotFound as gone:
            why = str(gone)
        outcomes.append(_outcome(letter, "redriven") if why is None else _outcome(letter, REFUSED_AGAIN, why))
    return outcomes


def _letters(tx: Transaction, wanted: Wanted) -> list[Any]:
    if wanted.ids:
        return [dead_letters.get(tx, one) for one in wanted.ids]
    oldest = None if wanted.newer_than is None else tx.now - wanted.newer_than
    return [
        row
        for row in dead_letters.listing(tx, "open", _MOST)
        if (wanted.group is None or row.group == wanted.group)
        and (wanted.reason_class is None or row.reason_class == wanted.reason_class)
        and (oldest is None or row.added_at >= oldest)
    ]


def _outcome(letter: Any, outcome: str, reason: str | None = None) -> dict[str, Any]:
    return {"id": letter.id, "group": letter.group, "outcome": outcome, "reason": reason or letter.reason}
