"""Which fields SSM has: what others send may hold more, and SSM passes over what it does not know without a word."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from destination_ssm.decision import OWNED
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import SsmError
from sage100_ssm.ssm.values import Row

logger = logging.getLogger("airbyte")


class Fields:
    """The fields of a resource: those that its rows show, and those that its schema names.

    A field that SSM lacks would be sent at each write again, and never hold what was sent.

    Args:
        client: the client.
        resource: `contacts` or `accounts`.
    """

    def __init__(self, client: SsmClient, resource: str) -> None:
        self._client, self._resource = client, resource
        self._shown: set[str] = set(OWNED)
        self._foreign: set[str] = set()

    def narrowed(self, requests: Sequence[WriteRequest], rows: Iterable[Row]) -> list[WriteRequest]:
        """Leave out of the requests what are no fields of SSM, and say once which.

        The schema is asked for once, when first a request holds a field that no row has shown.

        Args:
            requests: what is to be written.
            rows: rows of the resource as SSM shows them.
        """
        self._shown.update(*rows)
        unsure = {field for request in requests for field in request.values} - self._shown
        foreign = unsure - self._schema if unsure and self._schema else set()
        if new := sorted(foreign - self._foreign):
            logger.warning("Not fields of %s in Sage Sales Management, ignored: %s.", self._resource, ", ".join(new))
            self._foreign |= foreign
        return [
            replace(request, values={field: v for field, v in request.values.items() if field not in foreign})
            for request in requests
        ]

    @cached_property
    def _schema(self) -> frozenset[str]:
        """The fields that the instance names; empty where it does not tell: then each is believed to be one."""
        try:
            return self._client.field_names(self._resource)
        except SsmError:
            return frozenset()
