"""Templates of ours as the provider sees them: which it approved, filled in, counted (CO-01)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from hub.contracts import AccountItem
from hub.services import channels
from hub.store.tables import counters, templates
from hub.store.transaction import Transaction
from schemas import ids

WARN_AT: Final = 0.8
"""R-P8: the share of the month's allowance at which people are told."""

MAX_TEXT: Final = 1024
_PLACE: Final = re.compile(r"\{\{([a-z_]+)\}\}")
# Facts 3.3: no line break, tab, or long run of spaces inside a value.
_UNFIT: Final = re.compile(r"[\r\n\t]| {4}")

_NAMED: Final = (
    templates.c.connector == bindparam("of_connector"),
    templates.c.name == bindparam("of_name"),
    templates.c.language == bindparam("of_language"),
)
_OF_INTENT: Final = (
    select(templates)
    .where(templates.c.connector == bindparam("of_connector"), templates.c.intent == bindparam("of_intent"))
    .order_by(templates.c.account, templates.c.name, templates.c.language)
)
_OF_CONNECTOR: Final = (
    select(templates)
    .where(templates.c.connector == bindparam("of_connector"))
    .order_by(templates.c.account, templates.c.name, templates.c.language)
)
_KNOWN: Final = select(templates).where(*_NAMED, templates.c.account == bindparam("of_account"))
_INSERT: Final = insert(templates)
_KEEP: Final = _INSERT.on_conflict_do_update(
    index_elements=["connector", "account", "name", "language"],
    set_={
        name: getattr(_INSERT.excluded, name)
        for name in ("intent", "category", "body", "variables", "state", "provider_id", "reason", "told_at")
    },
)
_COUNTED: Final = insert(counters).values(name=bindparam("counter"), value=1)
_COUNT: Final = _COUNTED.on_conflict_do_update(index_elements=["name"], set_={"value": counters.c.value + 1}).returning(
    counters.c.value
)
_VALUE: Final = select(counters.c.value).where(counters.c.name == bindparam("counter"))


class Filled(NamedTuple):
    """A template with its variables: what the sender needs, how it reads."""

    parts: dict[str, Any]
    text: str


def fill(tx: Transaction, connector: str, intent: str, variables: Mapping[str, str]) -> Filled | str:
    """Return the approved template of an intent with its variables, or why there is none, in Spanish."""
    found = tx.all(_OF_INTENT, of_connector=connector, of_intent=intent)
    if not found:
        return f"no hay plantilla para «{intent}»"
    row = next((one for one in found if one.state == "approved"), None)
    if row is None:
        return f"la plantilla {found[0].name} está {found[0].state}, no aprobada"
    wrong = unfit(row.body, row.variables, variables)
    if wrong is not None:
        return f"la plantilla {row.name} no se puede llenar: {wrong}"
    given = {name: variables[name].strip() for name in row.variables}
    return Filled({"name": row.name, "language": row.language, "variables": given}, read(row.body, given))


def unfit(body: str, wanted: Sequence[str], given: Mapping[str, str]) -> str | None:
    """Return what is wrong with the values for a template's variables, in Spanish; None when they fit."""
    missing, extra = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
    if missing or extra:
        return f"faltan {', '.join(missing) or 'ninguna'}; sobran {', '.join(extra) or 'ninguna'}"
    for name in wanted:
        if not given[name].strip() or _UNFIT.search(given[name].strip()):
            return f"«{name}» está vacía o tiene saltos de línea, tabuladores o espacios de más"
    return f"con sus variables pasa de {MAX_TEXT} caracteres" if len(read(body, given)) > MAX_TEXT else None


def read(body: str, given: Mapping[str, str]) -> str:
    """Return a template's text as the customer reads it."""
    return _PLACE.sub(lambda place: given.get(place.group(1), place.group(0)), body)


def keep(tx: Transaction, row: Mapping[str, Any]) -> None:
    """Write a template down as it stands at the provider."""
    tx.run(_KEEP, **{**row, "told_at": tx.now})


def keep_all(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> int:
    """Write templates down as they stand at the provider; return how many."""
    for row in rows:
        keep(tx, row)
    return len(rows)


def told(tx: Transaction, connector: str, item: AccountItem, at: datetime) -> None:
    """Keep what the provider says of a template of ours; the latest word counts, of others nothing is kept."""
    if item.template is None:
        return
    about = {"of_connector": connector, "of_account": item.asset, "of_name": item.template.name}
    tx.lock("template", [f"{connector}/{item.asset}/{item.template.name}"])
    row = tx.one(_KNOWN, **about, of_language=item.template.language)
    if row is None or row.told_at > at:
        return
    changed = {**row._mapping, "state": item.template.state, "reason": item.template.reason, "told_at": at}  # noqa: SLF001 - as SQLAlchemy names it
    tx.run(_KEEP, **changed)


def listing(tx: Transaction, connector: str) -> Sequence[Row[Any]]:
    """Return the templates that were submitted through a connector."""
    return tx.all(_OF_CONNECTOR, of_connector=connector)


def count(tx: Transaction, connector: str, asset: str) -> None:
    """Count one template message of a number in this month; tell people when the allowance runs short (R-P8)."""
    month = tx.now.astimezone(ZoneInfo(tx.policies.attendance.zone)).strftime("%Y-%m")
    name = _counter(connector, asset, month)
    row = tx.one(_COUNT, counter=name)
    many = 1 if row is None else int(row.value)
    allowance = tx.policies.answers.templates_a_month
    if many in {max(1, int(allowance * WARN_AT)), allowance}:
        _warn(tx, connector, asset, month, (many, allowance))


def counted(tx: Transaction, connector: str, asset: str, month: str) -> int:
    """Return how many template messages a number sent in a month, e.g. ``2026-11``."""
    row = tx.one(_VALUE, counter=_counter(connector, asset, month))
    return 0 if row is None else int(row.value)


def _counter(connector: str, asset: str, month: str) -> str:
    return f"templates:{connector}:{asset}:{month}"


def _warn(tx: Transaction, connector: str, asset: str, month: str, used: tuple[int, int]) -> None:
    many, allowance = used
    words = (
        f"Este mes salieron {many} de las {allowance} plantillas previstas del número. "
        "Revisa qué se envía solo, o sube templates_a_month en las políticas."
    )
    item = AccountItem(
        asset=asset,
        provider_id=f"templates:{month}:{many}",
        time=tx.now,
        field="templates",
        change=f"{many}/{allowance}",
        severity="critical" if many >= allowance else "warning",
        explanation_es=words,
        alert=f"templates:{month}",
    )
    channels.changed(
        tx, connector, item, tx.now, ids.derived_event_id(_counter(connector, asset, month), "templates", str(many), 0)
    )
