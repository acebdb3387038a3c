"""What lets a run look at those companies alone of which something has changed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns by which rows of SSM are looked up, and the companies that are at rest: none so far.

    The columns are filled by the next run, which knows the account field that contains the code.
    """
    columns = {"account_id": sa.BigInteger, "company": sa.Text, "named": sa.BigInteger, "is_live": sa.Boolean}
    for name, kind in columns.items():
        op.add_column("observations", sa.Column(name, kind))
    for name in ("account_id", "company", "named"):
        indexed = sa.column(name).is_not(None)
        op.create_index(f"observations_{name}", "observations", [name], sqlite_where=indexed, postgresql_where=indexed)
    op.create_table(
        "companies",
        sa.Column("company", sa.Text, primary_key=True),
        sa.Column("digest", sa.BigInteger),
    )
    is_numbered = sa.and_(sa.column("status") != "ended", sa.column("sage100_no").is_not(None))
    op.create_index(
        "links_living_number", "links", ["sage100_no"], sqlite_where=is_numbered, postgresql_where=is_numbered
    )
