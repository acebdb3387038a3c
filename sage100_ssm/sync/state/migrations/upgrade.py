"""Bring a state's tables to this version."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def is_known(version: str) -> bool:
    """Whether a migration leads to this version."""
    scripts = ScriptDirectory.from_config(_config())
    return version in {script.revision for script in scripts.walk_revisions()}


def upgrade(connection: Connection) -> None:
    """Create the tables, or migrate them, in the connection's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "sage100_ssm.sync.state:migrations")
    return config
