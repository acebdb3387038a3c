"""The base that a write leaves if it is done, stored until its receipt comes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("links", sa.Column("unconfirmed", sa.Text))
    op.add_column("intents", sa.Column("base", sa.Text))
