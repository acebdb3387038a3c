"""What was written on the sides, one row per write; since when a link has been there."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, and add the column."""
    op.add_column("links", sa.Column("linked_at", sa.String(32)))
    op.create_table(
        "writes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("is_confirmed", sa.Boolean, nullable=False),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("company", sa.Text),
        sa.Column("sage100_id", sa.BigInteger),
        sa.Column("ssm_id", sa.BigInteger),
        sa.Column("contact", sa.Text),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("undo", sa.Text),
    )
    for name in ("at", "sage100_id", "ssm_id", "run_id"):
        op.create_index(f"writes_{name}", "writes", [name])
    to_undo = sa.column("undo").is_not(None)
    op.create_index("writes_to_undo", "writes", ["id"], sqlite_where=to_undo, postgresql_where=to_undo)
    in_doubt = sa.column("is_confirmed").is_(False)
    op.create_index("writes_in_doubt", "writes", ["id"], sqlite_where=in_doubt, postgresql_where=in_doubt)
