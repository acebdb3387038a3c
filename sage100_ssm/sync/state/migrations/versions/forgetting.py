"""From when it counts how long names and values are kept (P17), and when they were forgotten."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; for what is ended or closed already it counts from now."""
    for table, since in (("links", "ended_at"), ("journal", "settled_at")):
        op.add_column(table, sa.Column(since, sa.String(32)))
        op.add_column(table, sa.Column("forgotten_at", sa.String(32)))
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    links = sa.table("links", sa.column("status"), sa.column("ended_at"))
    op.execute(links.update().where(links.c.status == "ended").values(ended_at=now))
    journal = sa.table("journal", sa.column("kind"), sa.column("closed_at"), sa.column("settled_at"))
    is_settled = sa.or_(journal.c.kind == "notice", journal.c.closed_at.is_not(None))
    op.execute(journal.update().where(is_settled).values(settled_at=now))
    _create_indexes()


def _create_indexes() -> None:
    is_kept = sa.column("forgotten_at").is_(None)
    for name, table, columns, condition in (
        ("links_ended", "links", ["ssm_id", "ended_at"], sa.column("status") == "ended"),
        ("journal_settled", "journal", ["settled_at"], sa.column("settled_at").is_not(None)),
    ):
        kept = sa.and_(condition, is_kept)
        op.create_index(name, table, columns, sqlite_where=kept, postgresql_where=kept)
