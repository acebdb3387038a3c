"""How a side's errors reach Airbyte: one sentence for people, a stable code, whose task it is to mend it."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException


def traced(error: Any, config_codes: Collection[str]) -> AirbyteTracedException:
    """Put a side's error into Airbyte's form.

    Args:
        error: an exception with a stable `code` whose text is one sentence.
        config_codes: the codes that only a change of the configuration mends; any other is passing.
    """
    kind = FailureType.config_error if error.code in config_codes else FailureType.transient_error
    return AirbyteTracedException(message=str(error), internal_message=error.code, failure_type=kind)


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
