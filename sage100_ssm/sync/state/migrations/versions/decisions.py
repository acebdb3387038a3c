"""What people decide about pairs of contacts, fields and problems (P16)."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("problem_id", sa.Integer),
        sa.Column("choice", sa.String(16), nullable=False),
        sa.Column("sage100_id", sa.BigInteger),
        sa.Column("ssm_id", sa.BigInteger),
        sa.Column("field", sa.Text),
        sa.Column("sage100_value", sa.Text),
        sa.Column("ssm_value", sa.Text),
        sa.Column("fingerprint", sa.String(16)),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("decided_at", sa.String(32), nullable=False),
        sa.Column("taken_back_at", sa.String(32)),
    )
