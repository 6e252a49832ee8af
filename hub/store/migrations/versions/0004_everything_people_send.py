"""Files, edits, reactions, threads, alerts: what comes in beside plain text."""

from typing import Any

import sqlalchemy as sa
from alembic import op

import hub.store.types

revision = "0004"
down_revision = "0003"
OLDEST_CODE = 1

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = hub.store.types.Instant
_JSON = hub.store.types.Json
_TEXT = hub.store.types.Text
_KEPT = "position, id, channel, connector, asset, contact_id, reply_to, opened_at, last_inbound_at"


def upgrade() -> None:
    """Apply the step."""
    op.add_column("contacts", sa.Column("merged_into", _TEXT(), nullable=True))
    op.add_column("cases", sa.Column("left_to_people_at", _INSTANT(), nullable=True))
    for column in (
        sa.Column("quoted_provider_id", _TEXT(), nullable=True),
        sa.Column("attachments", _JSON(), nullable=True),
        sa.Column("content", _JSON(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("edit_rank", _TEXT(), nullable=True),
        sa.Column("deleted_at", _INSTANT(), nullable=True),
        sa.Column("hidden", _JSON(), nullable=True),
        sa.Column("reactions", _JSON(), nullable=True),
        sa.Column("pricing", _JSON(), nullable=True),
        sa.Column("sent_at", _INSTANT(), nullable=True),
    ):
        op.add_column("messages", column)
    _conversations()
    _attachments()
    op.create_table(
        "preferences",
        sa.Column("contact_id", _TEXT(), nullable=False),
        sa.Column("category", _TEXT(), nullable=False),
        sa.Column("allowed", sa.Integer(), nullable=False),
        sa.Column("told_at", _INSTANT(), nullable=False),
        sa.Column("event_id", _TEXT(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "category"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "channel_alerts",
        sa.Column("connector", _TEXT(), nullable=False),
        sa.Column("asset", _TEXT(), nullable=False),
        sa.Column("alert", _TEXT(), nullable=False),
        sa.Column("severity", _TEXT(), nullable=False),
        sa.Column("explanation_es", _TEXT(), nullable=False),
        sa.Column("told_at", _INSTANT(), nullable=False),
        sa.Column("event_id", _TEXT(), nullable=False),
        sa.PrimaryKeyConstraint("connector", "asset", "alert"),
        sqlite_with_rowid=False,
    )


def _conversations() -> None:
    """Add the new columns; threads widen what a conversation is unique by, which SQLite takes a new table for."""
    if op.get_bind().dialect.name == "postgresql":
        for column in _added():
            op.add_column("conversations", column)
        op.drop_constraint("conversations_contact_id_connector_asset_key", "conversations", type_="unique")
        op.create_unique_constraint(None, "conversations", ["contact_id", "connector", "asset", "thread"])
        return
    op.rename_table("conversations", "conversations_before")
    op.create_table(
        "conversations",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("channel", _TEXT(), nullable=False),
        sa.Column("connector", _TEXT(), nullable=False),
        sa.Column("asset", _TEXT(), nullable=False),
        sa.Column("contact_id", _TEXT(), nullable=False),
        sa.Column("reply_to", _JSON(), nullable=False),
        sa.Column("opened_at", _INSTANT(), nullable=False),
        sa.Column("last_inbound_at", _INSTANT(), nullable=False),
        *_added(),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("contact_id", "connector", "asset", "thread"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    # Both lists of columns are words of this file.
    op.execute(f"INSERT INTO conversations ({_KEPT}) SELECT {_KEPT} FROM conversations_before")  # noqa: S608
    op.drop_table("conversations_before")


def _added() -> list[sa.Column[Any]]:
    return [
        sa.Column("thread", _TEXT(), server_default="", nullable=False),
        sa.Column("window_opened_at", _INSTANT(), nullable=True),
        sa.Column("referred_at", _INSTANT(), nullable=True),
        sa.Column("delivered_until", _INSTANT(), nullable=True),
        sa.Column("read_until", _INSTANT(), nullable=True),
        sa.Column("holder", _TEXT(), nullable=True),
        sa.Column("holder_since", _INSTANT(), nullable=True),
    ]


def _attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("message_id", _TEXT(), nullable=False),
        sa.Column("conversation_id", _TEXT(), nullable=False),
        sa.Column("connector", _TEXT(), nullable=False),
        sa.Column("asset", _TEXT(), nullable=False),
        sa.Column("kind", _TEXT(), nullable=False),
        sa.Column("source", _JSON(), nullable=False),
        sa.Column("mime_type", _TEXT(), nullable=True),
        sa.Column("filename", _TEXT(), nullable=True),
        sa.Column("sha256", _TEXT(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(), nullable=True),
        sa.Column("wanted_at", _INSTANT(), nullable=False),
        sa.Column("useful_until", _INSTANT(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", _INSTANT(), nullable=True),
        sa.Column("stored_as", _TEXT(), nullable=True),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=True),
        sa.Column("stored_sha256", _TEXT(), nullable=True),
        sa.Column("stored_type", _TEXT(), nullable=True),
        sa.Column("settled_at", _INSTANT(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attachments_message_id"), "attachments", ["message_id"], unique=False)
    wanted = sa.text("state = 'wanted'")
    op.create_index(
        "attachments_wanted",
        "attachments",
        ["connector", "asset", "not_before", "position"],
        unique=False,
        sqlite_where=wanted,
        postgresql_where=wanted,
    )
