"""The settings of an installation as a Prefect block: on the Prefect server, secrets encrypted, and in no file."""

from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field
from sqlalchemy.engine import make_url

from sage100_ssm.app.settings import Settings, SettingsError, load_settings

PREFIX = "block:"
"""The prefix of the flow's parameter ``config`` where it names a block instead of a file."""


class SynchronisationSettings(Block):
    """The settings of an installation, by the same models as ``sync.yaml``; paths in it are absolute.

    Attributes:
        settings: what the file would contain. Passwords and keys are masked, and stored encrypted.
    """

    _block_type_name = "Sage 100 SSM settings"
    _block_type_slug = "sage100-ssm-settings"
    _description = "Contacts of Sage 100 and Sage Sales Management, both ways: the settings of one company."

    settings: Settings = Field(title="Settings")


def save_settings(settings: Settings, name: str) -> None:
    """Store settings as a block, in place of one of the same name; the flow takes ``block:NAME`` as its ``config``.

    Raises:
        ValueError: the address of the state contains a password, which Prefect would show. PostgreSQL takes it from
            ``PGPASSWORD`` or a password file instead.
    """
    if make_url(settings.state).password is not None:
        raise ValueError("the address of the state contains a password: give it by PGPASSWORD instead")
    SynchronisationSettings(settings=settings).save(name, overwrite=True)


def load_settings_for_flow(config: str) -> Settings:
    """The settings that the flow's parameter names: ``block:NAME``, or the path of a file.

    Raises:
        SettingsError: there is no such block or file, or something in the file is wrong.
    """
    if not config.startswith(PREFIX):
        return load_settings(Path(config))
    try:
        block = SynchronisationSettings.load(config.removeprefix(PREFIX))
    except ValueError:
        raise SettingsError("settings_missing", Path(config)) from None
    assert isinstance(block, SynchronisationSettings), "outside an event loop it loads at once"
    return block.settings
