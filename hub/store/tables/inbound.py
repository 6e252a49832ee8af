"""What came in: raw deliveries with how far they are worked off."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary

from hub.store.tables.columns import keyed, log, required
from hub.store.types import Instant, Json, Text

deliveries = log(
    "deliveries",
    required("id", Text, unique=True),
    required("journal", Text),
    required("connector", Text),
    required("app", Text),
    required("received_at", Instant, index=True),
    required("method", Text),
    required("path", Text),
    required("headers", Json),
    required("body", LargeBinary),
    required("sha256", Text),
    required("state", Text),
    required("items", Integer),
    required("published", Integer),
    required("ignored", Integer),
    required("duplicate", Integer),
    required("quarantined", Integer),
    required("waiting", Integer),
    Column("ingested_at", Instant),
)
journal_cursors = keyed(
    "journal_cursors",
    Column("journal", Text, primary_key=True),
    required("segment", Integer),
    required("segment_id", Text),
    required("row", Integer),
    required("item", Integer),
    required("ingested", Integer),
    required("token", Text),
)
journals = keyed(
    "journals",
    Column("journal", Text, primary_key=True),
    required("host", Text),
    required("pending", Integer),
    Column("pending_since", Instant),
    required("reports", Integer),
    required("seen_at", Instant),
)
waiting_items = log(
    "waiting_items",
    required("id", Text, unique=True),
    required("connector", Text),
    required("asset", Text),
    required("target", Text),
    required("delivery_id", Text),
    required("item", Integer),
    required("body", Json),
    required("received_at", Instant),
    Index("waiting_items_by_target", "connector", "asset", "target"),
)
