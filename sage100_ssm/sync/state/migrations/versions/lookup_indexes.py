"""Indexes by which SQLite finds rows of SSM even where it knows nothing of how many there are."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the stream first: else SQLite reads all rows of the stream by the primary key."""
    for name in ("account_id", "company", "named"):
        op.drop_index(f"observations_{name}", "observations")
        indexed = sa.column(name).is_not(None)
        columns = ["stream", name]
        op.create_index(f"observations_{name}", "observations", columns, sqlite_where=indexed, postgresql_where=indexed)
