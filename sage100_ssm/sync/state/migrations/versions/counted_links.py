"""An index of the live links by status and origin: they are counted without reading one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    live = sa.column("status") != "ended"
    op.create_index("links_live", "links", ["status", "origin"], sqlite_where=live, postgresql_where=live)
