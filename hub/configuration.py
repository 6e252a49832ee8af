"""Holds everything that is set against what is known, before anything starts."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Mapping

from hub import discovery, kafka_settings
from hub.contracts import Connector
from hub.errors import Misconfigured
from hub.kafka_settings import KafkaSettings
from hub.settings import PREFIX, HubSettings, load


def configure(environ: Mapping[str, str], *, played: frozenset[str] | None = None, **given: object) -> HubSettings:
    """Read the process's own wiring, holding everything else that is set against what is known.

    Args:
        environ: The environment.
        played: Connectors that are simulated, empty for all, None for no sandbox; theirs is not looked at.
        given: Values from the command line; None means not given.

    Raises:
        Misconfigured: Naming every wrong variable of hub, of every connector, every unknown one, at once.
    """
    connectors = discovery.connectors()
    problems = _unknown_names(environ, connectors)
    settings: HubSettings | None = None
    try:
        settings = load(environ, **given)
    except Misconfigured as error:
        problems += error.problems
    with collecting(problems):
        kafka = kafka_settings.load(environ)
        if settings is not None:
            _needs_kafka(settings, kafka)
    for name, connector in connectors.items():
        if played is None or (played and name not in played):
            with collecting(problems):
                connector.connect(environ)
    if settings is None or problems:
        raise Misconfigured(problems)
    return settings


def _needs_kafka(settings: HubSettings, kafka: KafkaSettings | None) -> None:
    if settings.database_url is not None and kafka is None and not settings.postgresql_without_kafka:
        msg = "HUB_DATABASE_URL names PostgreSQL, where Kafka spreads the work over processes; set "
        raise Misconfigured([f"{msg}HUB_KAFKA_BOOTSTRAP_SERVERS, or leave HUB_DATABASE_URL out"])


@contextlib.contextmanager
def collecting(problems: list[str]) -> Iterator[None]:
    """Add what is misconfigured to a list instead of stopping at it."""
    try:
        yield
    except Misconfigured as error:
        problems += error.problems


def _unknown_names(environ: Mapping[str, str], connectors: Mapping[str, Connector]) -> list[str]:
    """Return a sentence for each variable that nothing reads: a slip of the pen must not pass for a default."""
    kafka = {f"kafka_{name}" for name in KafkaSettings.model_fields}
    known = {*HubSettings.model_fields, *kafka, *connectors, "test"}
    found = []
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        first = name.removeprefix(PREFIX).partition("__")[0].lower()
        if first in known or first.startswith("test_"):
            continue
        near = difflib.get_close_matches(first, known, n=1)
        hint = f"did you mean {PREFIX}{near[0].upper()}?" if near else "remove it"
        found.append(f"{name}: there is no such setting; {hint}")
    return found
