"""What the company decided, by whom."""

from __future__ import annotations

from sqlalchemy import Column, Integer, UniqueConstraint

from hub.store.tables.columns import keyed, log, required
from hub.store.types import Instant, Json, Text

policies = log(
    "policies",
    required("kind", Text),
    required("version", Integer),
    required("body", Json),
    required("valid_from", Instant),
    required("author", Text),
    UniqueConstraint("kind", "version"),
)
commands = keyed(
    "commands",
    Column("id", Text, primary_key=True),
    required("name", Text),
    required("actor", Text),
    required("object", Text),
    required("result", Json),
    required("at", Instant),
)
audit = log(
    "audit",
    required("at", Instant),
    required("actor", Text),
    required("action", Text),
    required("object", Text),
    required("detail", Json),
)
channel_alerts = keyed(
    "channel_alerts",
    Column("connector", Text, primary_key=True),
    Column("asset", Text, primary_key=True),
    Column("alert", Text, primary_key=True),
    required("severity", Text),
    required("explanation_es", Text),
    required("told_at", Instant),
    required("event_id", Text),
)
