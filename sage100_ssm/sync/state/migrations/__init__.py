"""How a state database comes to the present tables, release by release (Alembic)."""
