"""What each journal holds by its own word; since when the database is one out of a back-up."""

import sqlalchemy as sa
from alembic import op

import hub.store.types

revision = "0003"
down_revision = "0002"
OLDEST_CODE = 1


def upgrade() -> None:
    """Apply the step."""
    op.add_column("store_info", sa.Column("restored_at", hub.store.types.Instant(), nullable=True))
    op.create_table(
        "journals",
        sa.Column("journal", hub.store.types.Text(), nullable=False),
        sa.Column("host", hub.store.types.Text(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("pending_since", hub.store.types.Instant(), nullable=True),
        sa.Column("reports", sa.Integer(), nullable=False),
        sa.Column("seen_at", hub.store.types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("journal"),
        sqlite_with_rowid=False,
    )
