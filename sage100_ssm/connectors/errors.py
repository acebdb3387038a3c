"""How a side's errors reach Airbyte: one sentence for people, a stable code, whose task it is to mend it."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from pydantic import BaseModel, ValidationError

from sage100_ssm.connectors.spec import connection_specification, invalid_fields

ModelT = TypeVar("ModelT", bound=BaseModel)


def traced(error: Any, config_codes: Collection[str]) -> AirbyteTracedException:
    """Put a side's error into Airbyte's form.

    Args:
        error: an exception with a stable `code` whose text is one sentence.
        config_codes: the codes that only a change of the configuration mends; any other is passing.
    """
    kind = FailureType.config_error if error.code in config_codes else FailureType.transient_error
    return AirbyteTracedException(message=str(error), internal_message=error.code, failure_type=kind)


def misconfigured(code: str, sentence: str) -> AirbyteTracedException:
    """What only a change of the configuration mends, in Airbyte's form.

    Args:
        code: its stable name.
        sentence: what is wrong, for people.
    """
    return AirbyteTracedException(message=sentence, internal_message=code, failure_type=FailureType.config_error)


@contextmanager
def tracing(kind: type[Exception], config_codes: Collection[str]) -> Iterator[None]:
    """Raise a side's errors in Airbyte's form.

    Args:
        kind: the side's own error class, whose instances have a `code`.
        config_codes: the codes that only a change of the configuration mends.
    """
    try:
        yield
    except kind as error:
        raise traced(error, config_codes) from error


def parsed(model: type[ModelT], config: Mapping[str, Any]) -> ModelT:
    """Read a configuration.

    Raises:
        AirbyteTracedException: a setting is wrong; the message names it and not its value.
    """
    try:
        return model.model_validate(config)
    except ValidationError as error:
        wrong = invalid_fields(error, connection_specification(model))
        raise misconfigured("configuration", f"The configuration is wrong: {wrong}.") from None
