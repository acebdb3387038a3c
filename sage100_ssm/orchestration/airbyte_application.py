"""How flow runs log in to Airbyte, as a Prefect block: a form on the Prefect server, the secret encrypted."""

from typing import Literal
from zoneinfo import ZoneInfo

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, ValidationError

from sage100_ssm.orchestration.airbyte_api import Airbyte
from sage100_ssm.sync.failures import ConfigurationError


class AirbyteApplication(Block):
    """Airbyte : l'adresse de son API et une application. / The address of its API, and an application."""

    _block_type_name = "Sage 100 SSM Airbyte application"
    _block_type_slug = "sage100-ssm-airbyte-application"
    _description = (
        "Airbyte : l'adresse de son API et une application. / The address of Airbyte's API, and an application."
    )
    _code_example = "application: NAME"

    url: str = Field(
        title="Adresse de l'API / Address of the API",
        description="http://airbyte:8000/api/public/v1, ou / or https://api.airbyte.com/v1",
    )
    client_id: str = Field(
        title="Client ID", description="User settings > Applications, dans Airbyte / in Airbyte's user interface"
    )
    client_secret: SecretStr = Field(title="Client secret")
    language: Literal["fr", "en"] = Field(default="fr", title="Langue / Language")
    time_zone: str = Field(default="Europe/Paris", title="Fuseau horaire / Time zone")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the times that people read."""
        return ZoneInfo(self.time_zone)

    def opened(self) -> Airbyte:
        """Airbyte, with the rights of the application."""
        return Airbyte(self.url, self.client_id, self.client_secret.get_secret_value())


def load_application(name: str) -> AirbyteApplication:
    """The block of a name.

    Raises:
        ConfigurationError: there is none, or it is not filled in.
    """
    try:
        block = AirbyteApplication.load(name)
    except ValueError:
        raise ConfigurationError("airbyte_application_missing", name=name) from None
    except RuntimeError as error:  # Prefect's, where the form does not contain what the block demands
        if not isinstance(error.__cause__, ValidationError):
            raise
        raise ConfigurationError("airbyte_application_missing", name=name) from None
    assert isinstance(block, AirbyteApplication), "outside an event loop it loads at once"
    return block
