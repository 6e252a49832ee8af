"""What the database says of itself, the locks that work takes in it."""

from __future__ import annotations

from sqlalchemy import Column, Integer

from hub.store.tables.columns import keyed, required
from hub.store.types import Instant, Text

schema = keyed("schema", Column("version", Text, primary_key=True), required("oldest_code", Integer))
store_info = keyed(
    "store_info",
    Column("id", Text, primary_key=True),
    required("created_at", Instant),
    required("clean", Integer),
    Column("restored_at", Instant),
)
leases = keyed(
    "leases",
    Column("name", Text, primary_key=True),
    required("holder", Text),
    required("expires_at", Instant),
)
counters = keyed("counters", Column("name", Text, primary_key=True), required("value", Integer))
