"""Every table of the hub's database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint, text

from hub.store.types import Instant, Json, Position

metadata = MetaData()


def _log(name: str, *columns: Any) -> Table:
    """Declare a table whose rows have a position that is never used again."""
    position = Column("position", Position, primary_key=True, autoincrement=True)
    return Table(name, metadata, position, *columns, sqlite_autoincrement=True)


def _keyed(name: str, *columns: Any) -> Table:
    """Declare a table that is stored by its primary key."""
    return Table(name, metadata, *columns, sqlite_with_rowid=False)


def _required(name: str, type_: Any, **more: Any) -> Column[Any]:
    return Column(name, type_, nullable=False, **more)


schema = _keyed("schema", Column("version", Text, primary_key=True), _required("oldest_code", Integer))
store_info = _keyed(
    "store_info",
    Column("id", Text, primary_key=True),
    _required("created_at", Instant),
    _required("clean", Integer),
)

deliveries = _log(
    "deliveries",
    _required("id", Text, unique=True),
    _required("journal", Text),
    _required("connector", Text),
    _required("app", Text),
    _required("received_at", Instant, index=True),
    _required("method", Text),
    _required("path", Text),
    _required("headers", Json),
    _required("body", LargeBinary),
    _required("sha256", Text),
    _required("state", Text),
    _required("items", Integer),
    _required("published", Integer),
    _required("ignored", Integer),
    _required("duplicate", Integer),
    _required("quarantined", Integer),
    _required("waiting", Integer),
    Column("ingested_at", Instant),
)
journal_cursors = _keyed(
    "journal_cursors",
    Column("journal", Text, primary_key=True),
    _required("segment", Integer),
    _required("segment_id", Text),
    _required("row", Integer),
    _required("item", Integer),
    _required("ingested", Integer),
    _required("token", Text),
)
waiting_items = _log(
    "waiting_items",
    _required("id", Text, unique=True),
    _required("connector", Text),
    _required("asset", Text),
    _required("target", Text),
    _required("delivery_id", Text),
    _required("item", Integer),
    _required("body", Json),
    _required("received_at", Instant),
    Index("waiting_items_by_target", "connector", "asset", "target"),
)

events = _log(
    "events",
    _required("id", Text, unique=True),
    _required("type", Text),
    _required("key", Text),
    Column("subject", Text),
    _required("source", Text),
    _required("time", Instant),
    _required("receivedat", Instant),
    _required("actor", Text),
    Column("causation", Text, index=True),
    Column("traceparent", Text),
    _required("data", Text),
    Index("events_by_key", "key", "position"),
)
groups = _keyed(
    "groups",
    Column("name", Text, primary_key=True),
    _required("start", Position),
    _required("floor", Position),
    _required("state", Text),
    Column("reason", Text),
    Column("probe_at", Instant),
    _required("probe_wait_seconds", Integer),
)
group_keys = _keyed(
    "group_keys",
    Column("group", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    _required("position", Position),
    _required("attempts", Integer),
    Column("held_until", Instant),
    Column("history", Json),
    Index("group_keys_held", "group", "held_until", sqlite_where=text("held_until IS NOT NULL")),
)
suspects = _keyed(
    "suspects",
    Column("scope", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    _required("crashes", Integer),
)
dead_letters = _log(
    "dead_letters",
    _required("id", Text, unique=True),
    _required("scope", Text),
    _required("group", Text),
    _required("item", Text),
    _required("item_index", Integer),
    _required("key", Text),
    _required("type", Text),
    _required("origin", Text),
    _required("reason_class", Text),
    _required("reason", Text),
    _required("owner", Text),
    _required("next_step_es", Text),
    _required("attempts", Json),
    _required("state", Text),
    _required("added_at", Instant),
    Column("settled_at", Instant),
    Column("settled_by", Text),
    _required("version", Integer),
    Index("dead_letters_open", "state", "position"),
    Index("dead_letters_by_item", "item", "item_index"),
)

timers = _keyed(
    "timers",
    Column("group", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    _required("key", Text),
    _required("generation", Integer),
    _required("due", Instant),
    Column("not_after", Instant),
    _required("state", Text),
    _required("cause", Text),
    Index("timers_armed", "due", sqlite_where=text("state = 'armed'")),
)
effects = _log(
    "effects",
    _required("id", Text, unique=True),
    _required("kind", Text),
    _required("connector", Text),
    _required("asset", Text),
    _required("key", Text),
    _required("reply_to", Json),
    _required("payload", Json),
    _required("state", Text),
    _required("attempts", Integer),
    Column("not_before", Instant),
    _required("useful_until", Instant),
    _required("cause", Text),
    Column("traceparent", Text),
    Column("provider_id", Text),
    Column("code", Text),
    Column("explanation_es", Text),
    _required("requested_at", Instant),
    Column("settled_at", Instant),
    _required("version", Integer),
    Index("effects_open", "connector", "asset", "position", sqlite_where=text("state IN ('intent','sending','unknown')")),
    Index("effects_open_by_key", "key", "position", sqlite_where=text("state IN ('intent','sending','unknown')")),
    Index("effects_by_provider_id", "connector", "asset", "provider_id"),
)
leases = _keyed(
    "leases",
    Column("name", Text, primary_key=True),
    _required("holder", Text),
    _required("expires_at", Instant),
)

policies = _log(
    "policies",
    _required("kind", Text),
    _required("version", Integer),
    _required("body", Json),
    _required("valid_from", Instant),
    _required("author", Text),
    UniqueConstraint("kind", "version"),
)
commands = _keyed(
    "commands",
    Column("id", Text, primary_key=True),
    _required("name", Text),
    _required("actor", Text),
    _required("object", Text),
    _required("result", Json),
    _required("at", Instant),
)
audit = _log(
    "audit",
    _required("at", Instant),
    _required("actor", Text),
    _required("action", Text),
    _required("object", Text),
    _required("detail", Json),
)
counters = _keyed("counters", Column("name", Text, primary_key=True), _required("value", Integer))

contacts = _keyed(
    "contacts",
    Column("id", Text, primary_key=True),
    Column("display_name", Text),
    _required("tier", Text),
    _required("created_at", Instant),
)
identities = _keyed(
    "identities",
    Column("alias", Text, primary_key=True),
    _required("contact_id", Text, index=True),
    _required("added_at", Instant),
    _required("cause", Text),
)
conversations = _log(
    "conversations",
    _required("id", Text, unique=True),
    _required("channel", Text),
    _required("connector", Text),
    _required("asset", Text),
    _required("contact_id", Text),
    _required("reply_to", Json),
    _required("opened_at", Instant),
    _required("last_inbound_at", Instant),
    UniqueConstraint("contact_id", "connector", "asset"),
)
messages = _log(
    "messages",
    _required("id", Text, unique=True),
    _required("conversation_id", Text),
    Column("case_id", Text),
    _required("direction", Text),
    _required("connector", Text),
    _required("asset", Text),
    Column("provider_id", Text),
    _required("kind", Text),
    _required("text", Text),
    _required("state", Text),
    _required("time", Instant),
    _required("received_at", Instant),
    _required("event_id", Text),
    Index("messages_by_conversation", "conversation_id", "position"),
    Index("messages_by_provider_id", "connector", "asset", "provider_id"),
)
cases = _log(
    "cases",
    _required("id", Text, unique=True),
    _required("conversation_id", Text, index=True),
    _required("contact_id", Text),
    _required("state", Text),
    _required("kind", Text),
    _required("scope", Text),
    _required("summary", Text),
    _required("opened_at", Instant),
    _required("version", Integer),
)
tickets = _log(
    "tickets",
    _required("id", Text, unique=True),
    _required("folio", Text, unique=True),
    _required("case_id", Text, unique=True),
    _required("conversation_id", Text, index=True),
    _required("contact_id", Text),
    _required("channel", Text),
    _required("kind", Text),
    _required("title", Text),
    _required("state", Text),
    _required("asked_at", Instant),
    _required("opened_at", Instant),
    _required("version", Integer),
)
clocks = _keyed(
    "clocks",
    Column("id", Text, primary_key=True),
    _required("ticket_id", Text, index=True),
    _required("name", Text),
    _required("unit", Text),
    _required("started_at", Instant),
    _required("warn_at", Instant),
    _required("due_at", Instant),
    _required("state", Text),
    _required("policy_version", Integer),
)
