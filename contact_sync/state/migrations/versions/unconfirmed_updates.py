"""What an update leaves if it is done, kept with its link until its receipt has come."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("links", sa.Column("unconfirmed", sa.Text))
