"""What makes a deletion and a repeated creation certain: a row's other columns and creation time, an intent's age."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("links", sa.Column("unmapped_digest", sa.String(16)))
    op.add_column("links", sa.Column("sage100_created", sa.Text))
    op.add_column("intents", sa.Column("target_id", sa.BigInteger))
    op.add_column("intents", sa.Column("begun_at", sa.String(32)))
