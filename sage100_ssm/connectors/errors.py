"""How errors reach Airbyte: one sentence for people, a stable code, and whose task it is to mend it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from pydantic import BaseModel, ValidationError

from sage100_ssm.connectors.spec import connection_specification, invalid_fields
from sage100_ssm.exchange.failure import SideError

ModelT = TypeVar("ModelT", bound=BaseModel)


class ConnectorError(AirbyteTracedException):
    """An error in Airbyte's form.

    Args:
        code: its stable name; the protocol has room for it in the internal message.
        sentence: what is wrong, for people, without secrets.
        configuration: whether only a change of the configuration mends it; else it is passing.
        details: what else a sentence for people may name.

    Attributes:
        code: as above.
        configuration: as above.
        details: as above.
    """

    def __init__(
        self, code: str, sentence: str, *, configuration: bool, details: Mapping[str, Any] | None = None
    ) -> None:
        kind = FailureType.config_error if configuration else FailureType.transient_error
        super().__init__(message=sentence, internal_message=code, failure_type=kind)
        self.code, self.configuration, self.details = code, configuration, details or {}

    @classmethod
    def of(cls, error: SideError) -> "ConnectorError":
        """The same error in Airbyte's form."""
        return cls(error.code, str(error), configuration=error.configuration, details=error.details)


@contextmanager
def connector_errors(*, configuration: type[SideError] | tuple[()] = ()) -> Iterator[None]:
    """Raise a side's errors in Airbyte's form.

    Args:
        configuration: errors that are a matter of configuration here, beside those that always are: in a check, an
            address where nothing answers.
    """
    try:
        yield
    except SideError as error:
        mends = error.configuration or isinstance(error, configuration)
        raise ConnectorError(error.code, str(error), configuration=mends, details=error.details) from error


def parse_configuration(model: type[ModelT], config: Mapping[str, Any]) -> ModelT:
    """Read a configuration.

    Raises:
        ConnectorError: a setting is wrong; the message names it and not its value.
    """
    try:
        return model.model_validate(config)
    except ValidationError as error:
        wrong = invalid_fields(error, connection_specification(model))
        sentence = f"The configuration is wrong: {wrong}."
        raise ConnectorError("configuration", sentence, configuration=True) from None
