"""Customers, what they say, the matters that come of it."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, UniqueConstraint

from hub.store.tables.columns import keyed, log, required
from hub.store.types import Instant, Json, Text

contacts = keyed(
    "contacts",
    Column("id", Text, primary_key=True),
    Column("display_name", Text),
    required("tier", Text),
    required("created_at", Instant),
)
identities = keyed(
    "identities",
    Column("alias", Text, primary_key=True),
    required("contact_id", Text, index=True),
    required("added_at", Instant),
    required("cause", Text),
)
conversations = log(
    "conversations",
    required("id", Text, unique=True),
    required("channel", Text),
    required("connector", Text),
    required("asset", Text),
    required("contact_id", Text),
    required("reply_to", Json),
    required("opened_at", Instant),
    required("last_inbound_at", Instant),
    UniqueConstraint("contact_id", "connector", "asset"),
)
messages = log(
    "messages",
    required("id", Text, unique=True),
    required("conversation_id", Text),
    Column("case_id", Text),
    required("direction", Text),
    required("connector", Text),
    required("asset", Text),
    Column("provider_id", Text),
    required("kind", Text),
    required("text", Text),
    required("state", Text),
    required("time", Instant),
    required("received_at", Instant),
    required("event_id", Text),
    Index("messages_by_conversation", "conversation_id", "position"),
    Index("messages_by_provider_id", "connector", "asset", "provider_id"),
)
cases = log(
    "cases",
    required("id", Text, unique=True),
    required("conversation_id", Text, index=True),
    required("contact_id", Text),
    required("state", Text),
    required("kind", Text),
    required("scope", Text),
    required("summary", Text),
    required("opened_at", Instant),
    required("version", Integer),
)
tickets = log(
    "tickets",
    required("id", Text, unique=True),
    required("folio", Text, unique=True),
    required("case_id", Text, unique=True),
    required("conversation_id", Text, index=True),
    required("contact_id", Text),
    required("channel", Text),
    required("kind", Text),
    required("title", Text),
    required("state", Text),
    required("asked_at", Instant),
    required("opened_at", Instant),
    required("version", Integer),
)
clocks = keyed(
    "clocks",
    Column("id", Text, primary_key=True),
    required("ticket_id", Text, index=True),
    required("name", Text),
    required("unit", Text),
    required("started_at", Instant),
    required("warn_at", Instant),
    required("due_at", Instant),
    required("state", Text),
    required("policy_version", Integer),
)
