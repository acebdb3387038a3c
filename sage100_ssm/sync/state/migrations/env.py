"""What Alembic runs to migrate: on the caller's connection, in the caller's transaction."""

from alembic import context

from sage100_ssm.sync.state.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
