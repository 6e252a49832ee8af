"""What may leave when: templates, messages for later, who wrote each, windows of before they were kept."""

import sqlalchemy as sa
from alembic import op

import hub.store.types

revision = "0005"
down_revision = "0004"
OLDEST_CODE = 1

_TEXT = hub.store.types.Text
_INSTANT = hub.store.types.Instant


def upgrade() -> None:
    """Apply the step."""
    op.add_column("messages", sa.Column("written_by", _TEXT(), nullable=True))
    op.create_table(
        "templates",
        sa.Column("connector", _TEXT(), nullable=False),
        sa.Column("account", _TEXT(), nullable=False),
        sa.Column("name", _TEXT(), nullable=False),
        sa.Column("language", _TEXT(), nullable=False),
        sa.Column("intent", _TEXT(), nullable=False),
        sa.Column("category", _TEXT(), nullable=False),
        sa.Column("body", _TEXT(), nullable=False),
        sa.Column("variables", hub.store.types.Json(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.Column("provider_id", _TEXT(), nullable=True),
        sa.Column("reason", _TEXT(), nullable=True),
        sa.Column("told_at", _INSTANT(), nullable=False),
        sa.PrimaryKeyConstraint("connector", "account", "name", "language"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scheduled_messages",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("conversation_id", _TEXT(), nullable=False),
        sa.Column("body", hub.store.types.Json(), nullable=False),
        sa.Column("due", _INSTANT(), nullable=False),
        sa.Column("not_after", _INSTANT(), nullable=False),
        sa.Column("planned_at", _INSTANT(), nullable=False),
        sa.Column("state", _TEXT(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_scheduled_messages_conversation_id"), "scheduled_messages", ["conversation_id"], unique=False
    )
    # The release before 0004 knew messages only: each opened a window.
    op.execute(
        "UPDATE conversations SET window_opened_at = last_inbound_at WHERE window_opened_at IS NULL AND thread = ''"
    )
