"""The spine."""

import sqlalchemy as sa
from alembic import op

import hub.store.types

revision = "0001"
down_revision = None
OLDEST_CODE = 1


def upgrade() -> None:
    """Apply the step."""
    op.create_table(
        "audit",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", hub.store.types.Instant(), nullable=False),
        sa.Column("actor", hub.store.types.Text(), nullable=False),
        sa.Column("action", hub.store.types.Text(), nullable=False),
        sa.Column("object", hub.store.types.Text(), nullable=False),
        sa.Column("detail", hub.store.types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "cases",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("conversation_id", hub.store.types.Text(), nullable=False),
        sa.Column("contact_id", hub.store.types.Text(), nullable=False),
        sa.Column("state", hub.store.types.Text(), nullable=False),
        sa.Column("kind", hub.store.types.Text(), nullable=False),
        sa.Column("scope", hub.store.types.Text(), nullable=False),
        sa.Column("summary", hub.store.types.Text(), nullable=False),
        sa.Column("opened_at", hub.store.types.Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_cases_conversation_id"), "cases", ["conversation_id"], unique=False)
    op.create_table(
        "clocks",
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("ticket_id", hub.store.types.Text(), nullable=False),
        sa.Column("name", hub.store.types.Text(), nullable=False),
        sa.Column("unit", hub.store.types.Text(), nullable=False),
        sa.Column("started_at", hub.store.types.Instant(), nullable=False),
        sa.Column("warn_at", hub.store.types.Instant(), nullable=False),
        sa.Column("due_at", hub.store.types.Instant(), nullable=False),
        sa.Column("state", hub.store.types.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_clocks_ticket_id"), "clocks", ["ticket_id"], unique=False)
    op.create_table(
        "commands",
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("name", hub.store.types.Text(), nullable=False),
        sa.Column("actor", hub.store.types.Text(), nullable=False),
        sa.Column("object", hub.store.types.Text(), nullable=False),
        sa.Column("result", hub.store.types.Json(), nullable=False),
        sa.Column("at", hub.store.types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contacts",
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("display_name", hub.store.types.Text(), nullable=True),
        sa.Column("tier", hub.store.types.Text(), nullable=False),
        sa.Column("created_at", hub.store.types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "conversations",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("channel", hub.store.types.Text(), nullable=False),
        sa.Column("connector", hub.store.types.Text(), nullable=False),
        sa.Column("asset", hub.store.types.Text(), nullable=False),
        sa.Column("contact_id", hub.store.types.Text(), nullable=False),
        sa.Column("reply_to", hub.store.types.Json(), nullable=False),
        sa.Column("opened_at", hub.store.types.Instant(), nullable=False),
        sa.Column("last_inbound_at", hub.store.types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("contact_id", "connector", "asset"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "counters",
        sa.Column("name", hub.store.types.Text(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dead_letters",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("scope", hub.store.types.Text(), nullable=False),
        sa.Column("group", hub.store.types.Text(), nullable=False),
        sa.Column("item", hub.store.types.Text(), nullable=False),
        sa.Column("item_index", sa.Integer(), nullable=False),
        sa.Column("key", hub.store.types.Text(), nullable=False),
        sa.Column("type", hub.store.types.Text(), nullable=False),
        sa.Column("origin", hub.store.types.Text(), nullable=False),
        sa.Column("reason_class", hub.store.types.Text(), nullable=False),
        sa.Column("reason", hub.store.types.Text(), nullable=False),
        sa.Column("owner", hub.store.types.Text(), nullable=False),
        sa.Column("next_step_es", hub.store.types.Text(), nullable=False),
        sa.Column("attempts", hub.store.types.Json(), nullable=False),
        sa.Column("state", hub.store.types.Text(), nullable=False),
        sa.Column("added_at", hub.store.types.Instant(), nullable=False),
        sa.Column("settled_at", hub.store.types.Instant(), nullable=True),
        sa.Column("settled_by", hub.store.types.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("dead_letters_by_item", "dead_letters", ["item", "item_index"], unique=False)
    op.create_index("dead_letters_open", "dead_letters", ["state", "position"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("journal", hub.store.types.Text(), nullable=False),
        sa.Column("connector", hub.store.types.Text(), nullable=False),
        sa.Column("app", hub.store.types.Text(), nullable=False),
        sa.Column("received_at", hub.store.types.Instant(), nullable=False),
        sa.Column("method", hub.store.types.Text(), nullable=False),
        sa.Column("path", hub.store.types.Text(), nullable=False),
        sa.Column("headers", hub.store.types.Json(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", hub.store.types.Text(), nullable=False),
        sa.Column("state", hub.store.types.Text(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("published", sa.Integer(), nullable=False),
        sa.Column("ignored", sa.Integer(), nullable=False),
        sa.Column("duplicate", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("ingested_at", hub.store.types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deliveries_received_at"), "deliveries", ["received_at"], unique=False)
    op.create_table(
        "effects",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("kind", hub.store.types.Text(), nullable=False),
        sa.Column("connector", hub.store.types.Text(), nullable=False),
        sa.Column("asset", hub.store.types.Text(), nullable=False),
        sa.Column("key", hub.store.types.Text(), nullable=False),
        sa.Column("reply_to", hub.store.types.Json(), nullable=False),
        sa.Column("payload", hub.store.types.Json(), nullable=False),
        sa.Column("state", hub.store.types.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", hub.store.types.Instant(), nullable=True),
        sa.Column("useful_until", hub.store.types.Instant(), nullable=False),
        sa.Column("cause", hub.store.types.Text(), nullable=False),
        sa.Column("traceparent", hub.store.types.Text(), nullable=True),
        sa.Column("provider_id", hub.store.types.Text(), nullable=True),
        sa.Column("code", hub.store.types.Text(), nullable=True),
        sa.Column("explanation_es", hub.store.types.Text(), nullable=True),
        sa.Column("requested_at", hub.store.types.Instant(), nullable=False),
        sa.Column("settled_at", hub.store.types.Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("effects_by_provider_id", "effects", ["connector", "asset", "provider_id"], unique=False)
    op.create_index(
        "effects_open",
        "effects",
        ["connector", "asset", "state", "not_before", "position"],
        unique=False,
        postgresql_where=sa.text("state IN ('intent','sending','unknown')"),
        sqlite_where=sa.text("state IN ('intent','sending','unknown')"),
    )
    op.create_index(
        "effects_open_by_key",
        "effects",
        ["key", "position"],
        unique=False,
        postgresql_where=sa.text("state IN ('intent','sending','unknown')"),
        sqlite_where=sa.text("state IN ('intent','sending','unknown')"),
    )
    op.create_index(
        "effects_useful",
        "effects",
        ["connector", "asset", "useful_until", "position"],
        unique=False,
        postgresql_where=sa.text("state = 'intent'"),
        sqlite_where=sa.text("state = 'intent'"),
    )
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("type", hub.store.types.Text(), nullable=False),
        sa.Column("key", hub.store.types.Text(), nullable=False),
        sa.Column("subject", hub.store.types.Text(), nullable=True),
        sa.Column("source", hub.store.types.Text(), nullable=False),
        sa.Column("time", hub.store.types.Instant(), nullable=False),
        sa.Column("receivedat", hub.store.types.Instant(), nullable=False),
        sa.Column("actor", hub.store.types.Text(), nullable=False),
        sa.Column("causation", hub.store.types.Text(), nullable=True),
        sa.Column("traceparent", hub.store.types.Text(), nullable=True),
        sa.Column("data", hub.store.types.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_key", "events", ["key", "position"], unique=False)
    op.create_index(op.f("ix_events_causation"), "events", ["causation"], unique=False)
    op.create_table(
        "group_keys",
        sa.Column("group", hub.store.types.Text(), nullable=False),
        sa.Column("key", hub.store.types.Text(), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("held_until", hub.store.types.Instant(), nullable=True),
        sa.Column("history", hub.store.types.Json(), nullable=True),
        sa.PrimaryKeyConstraint("group", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "group_keys_held",
        "group_keys",
        ["group", "held_until"],
        unique=False,
        postgresql_where=sa.text("held_until IS NOT NULL"),
        sqlite_where=sa.text("held_until IS NOT NULL"),
    )
    op.create_table(
        "groups",
        sa.Column("name", hub.store.types.Text(), nullable=False),
        sa.Column("start", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("floor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", hub.store.types.Text(), nullable=False),
        sa.Column("reason", hub.store.types.Text(), nullable=True),
        sa.Column("probe_at", hub.store.types.Instant(), nullable=True),
        sa.Column("probe_wait_seconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "identities",
        sa.Column("alias", hub.store.types.Text(), nullable=False),
        sa.Column("contact_id", hub.store.types.Text(), nullable=False),
        sa.Column("added_at", hub.store.types.Instant(), nullable=False),
        sa.Column("cause", hub.store.types.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alias"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_identities_contact_id"), "identities", ["contact_id"], unique=False)
    op.create_table(
        "journal_cursors",
        sa.Column("journal", hub.store.types.Text(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.Column("segment_id", hub.store.types.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("ingested", sa.Integer(), nullable=False),
        sa.Column("token", hub.store.types.Text(), nullable=False),
        sa.PrimaryKeyConstraint("journal"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leases",
        sa.Column("name", hub.store.types.Text(), nullable=False),
        sa.Column("holder", hub.store.types.Text(), nullable=False),
        sa.Column("expires_at", hub.store.types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "messages",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("conversation_id", hub.store.types.Text(), nullable=False),
        sa.Column("case_id", hub.store.types.Text(), nullable=True),
        sa.Column("direction", hub.store.types.Text(), nullable=False),
        sa.Column("connector", hub.store.types.Text(), nullable=False),
        sa.Column("asset", hub.store.types.Text(), nullable=False),
        sa.Column("provider_id", hub.store.types.Text(), nullable=True),
        sa.Column("kind", hub.store.types.Text(), nullable=False),
        sa.Column("text", hub.store.types.Text(), nullable=False),
        sa.Column("state", hub.store.types.Text(), nullable=False),
        sa.Column("time", hub.store.types.Instant(), nullable=False),
        sa.Column("received_at", hub.store.types.Instant(), nullable=False),
        sa.Column("event_id", hub.store.types.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("messages_by_conversation", "messages", ["conversation_id", "position"], unique=False)
    op.create_index("messages_by_provider_id", "messages", ["connector", "asset", "provider_id"], unique=False)
    op.create_table(
        "policies",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", hub.store.types.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", hub.store.types.Json(), nullable=False),
        sa.Column("valid_from", hub.store.types.Instant(), nullable=False),
        sa.Column("author", hub.store.types.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("kind", "version"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "schema",
        sa.Column("version", hub.store.types.Text(), nullable=False),
        sa.Column("oldest_code", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "store_info",
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("created_at", hub.store.types.Instant(), nullable=False),
        sa.Column("clean", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "suspects",
        sa.Column("scope", hub.store.types.Text(), nullable=False),
        sa.Column("item", hub.store.types.Text(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "item"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tickets",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("folio", hub.store.types.Text(), nullable=False),
        sa.Column("case_id", hub.store.types.Text(), nullable=False),
        sa.Column("conversation_id", hub.store.types.Text(), nullable=False),
        sa.Column("contact_id", hub.store.types.Text(), nullable=False),
        sa.Column("channel", hub.store.types.Text(), nullable=False),
        sa.Column("kind", hub.store.types.Text(), nullable=False),
        sa.Column("title", hub.store.types.Text(), nullable=False),
        sa.Column("state", hub.store.types.Text(), nullable=False),
        sa.Column("asked_at", hub.store.types.Instant(), nullable=False),
        sa.Column("opened_at", hub.store.types.Instant(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("case_id"),
        sa.UniqueConstraint("folio"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_tickets_conversation_id"), "tickets", ["conversation_id"], unique=False)
    op.create_table(
        "timers",
        sa.Column("group", hub.store.types.Text(), nullable=False),
        sa.Column("name", hub.store.types.Text(), nullable=False),
        sa.Column("key", hub.store.types.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("due", hub.store.types.Instant(), nullable=False),
        sa.Column("not_after", hub.store.types.Instant(), nullable=True),
        sa.Column("state", hub.store.types.Text(), nullable=False),
        sa.Column("cause", hub.store.types.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group", "name"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "timers_armed",
        "timers",
        ["due"],
        unique=False,
        postgresql_where=sa.text("state = 'armed'"),
        sqlite_where=sa.text("state = 'armed'"),
    )
    op.create_table(
        "waiting_items",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", hub.store.types.Text(), nullable=False),
        sa.Column("connector", hub.store.types.Text(), nullable=False),
        sa.Column("asset", hub.store.types.Text(), nullable=False),
        sa.Column("target", hub.store.types.Text(), nullable=False),
        sa.Column("delivery_id", hub.store.types.Text(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("body", hub.store.types.Json(), nullable=False),
        sa.Column("received_at", hub.store.types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("waiting_items_by_target", "waiting_items", ["connector", "asset", "target"], unique=False)
