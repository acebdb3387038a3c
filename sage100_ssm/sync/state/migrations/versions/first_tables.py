"""The first tables, and the one row of the lease."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    _create_lease()
    _create_links()
    _create_observations()
    _create_journal()
    _create_runs()


def _create_lease() -> None:
    lease = op.create_table(
        "lease",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("expires_at", sa.String(32)),
    )
    op.bulk_insert(lease, [{"id": 1, "number": 0}])


def _create_links() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sage100_id", sa.BigInteger, nullable=False),
        sa.Column("sage100_no", sa.BigInteger),
        sa.Column("ssm_id", sa.BigInteger, nullable=False),
        sa.Column("company", sa.Text, nullable=False),
        sa.Column("contact", sa.Text, nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("sage100_stamp", sa.Text),
        sa.Column("ssm_stamp", sa.Text),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64)),
    )
    living = sa.column("status") != "ended"
    for name in ("sage100_id", "ssm_id"):
        op.create_index(
            f"links_living_{name}", "links", [name], unique=True, sqlite_where=living, postgresql_where=living
        )


def _create_observations() -> None:
    op.create_table(
        "intents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("source_id", sa.BigInteger, nullable=False),
        sa.Column("ext_id", sa.Text),
        sa.Column("sage100_no", sa.BigInteger),
        sa.Column("names", sa.Text),
    )
    op.create_table(
        "observations",
        sa.Column("stream", sa.String(64), primary_key=True),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_table(
        "facts",
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("value", sa.Text),
    )


def _create_journal() -> None:
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("rule", sa.String(8)),
        sa.Column("company", sa.Text),
        sa.Column("sage100_id", sa.BigInteger),
        sa.Column("ssm_id", sa.BigInteger),
        sa.Column("contact", sa.Text),
        sa.Column("field", sa.Text),
        sa.Column("sage100_value", sa.Text),
        sa.Column("ssm_value", sa.Text),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("first_seen", sa.String(32), nullable=False),
        sa.Column("last_seen", sa.String(32), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("closed_at", sa.String(32)),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.String(32)),
        sa.Column("fingerprint", sa.Text),
    )
    standing = sa.and_(sa.column("kind") == "problem", sa.column("closed_at").is_(None))
    op.create_index("journal_standing", "journal", ["id"], sqlite_where=standing, postgresql_where=standing)
    for name in ("sage100_id", "ssm_id", "run_id"):
        op.create_index(f"journal_{name}", "journal", [name])


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("finished_at", sa.String(32)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("exit_code", sa.Integer),
    )
    op.create_index("runs_started_at", "runs", ["started_at"])
