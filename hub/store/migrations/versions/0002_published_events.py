"""Which events subscribers have been sent."""

import sqlalchemy as sa
from alembic import op

import hub.store.types

revision = "0002"
down_revision = "0001"
OLDEST_CODE = 1


def upgrade() -> None:
    """Apply the step."""
    op.add_column("events", sa.Column("published_at", hub.store.types.Instant(), nullable=True))
    unsent = sa.text("published_at IS NULL")
    op.create_index(
        "events_unpublished", "events", ["position"], unique=False, sqlite_where=unsent, postgresql_where=unsent
    )
