"""${message}."""

from alembic import op
import sqlalchemy as sa
import hub.store.types

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
OLDEST_CODE = 1


def upgrade() -> None:
    """Apply the step."""
    ${upgrades if upgrades else "pass"}
