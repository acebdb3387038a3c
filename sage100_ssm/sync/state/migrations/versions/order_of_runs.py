"""The order in which runs began, which no clock that was put back can change."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the runs so far are in the order of their times."""
    op.add_column("runs", sa.Column("number", sa.Integer))
    runs = sa.table("runs", sa.column("run_id"), sa.column("started_at"), sa.column("number"))
    connection = op.get_bind()
    in_order = sa.select(runs.c.run_id).order_by(runs.c.started_at, runs.c.run_id)
    for number, run_id in enumerate(connection.scalars(in_order).all(), start=1):
        connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(number=number))
    op.create_index("runs_number", "runs", ["number"])
