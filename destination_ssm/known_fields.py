"""Which fields SSM has. Senders may have others, and SSM silently ignores a field that it does not have."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from destination_ssm.decision import OWNED
from destination_ssm.value_forms import without_flat_ids
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import SsmError
from sage100_ssm.ssm.responses import SchemaField
from sage100_ssm.ssm.values import FLAT_ID, Row

logger = logging.getLogger("airbyte")


class KnownFields:
    """The fields of a resource: those that its rows show, and those that its schema names.

    Args:
        client: the client.
        resource: `contacts` or `accounts`.
    """

    def __init__(self, client: SsmClient, resource: str) -> None:
        self._client, self._resource = client, resource
        self._shown: set[str] = set(OWNED)
        self._unknown: set[str] = set()

    def without_unknown(self, requests: Sequence[WriteRequest], rows: Iterable[Row]) -> list[WriteRequest]:
        """The requests without fields that SSM does not have, whose names are logged once.

        Otherwise such a field would be sent again with every write, since no row ever holds it. A column with the id of
        a reference alone comes under the reference's name.

        Args:
            requests: what is to be written.
            rows: rows of the resource as SSM shows them.
        """
        self._shown.update(*rows)
        requests = [self._without_flat_ids(request) for request in requests]
        unsure = {field for request in requests for field in request.values} - self._shown
        unknown = unsure - self._schema.keys() if unsure and self._schema else set()
        if new := sorted(unknown - self._unknown):
            logger.warning("Not fields of %s in Sage Sales Management, ignored: %s.", self._resource, ", ".join(new))
            self._unknown |= unknown
        return [
            replace(request, values={field: v for field, v in request.values.items() if field not in unknown})
            for request in requests
        ]

    def _without_flat_ids(self, request: WriteRequest) -> WriteRequest:
        if not any(name.endswith(FLAT_ID) for name in (*request.values, *(request.expected or ()))):
            return request
        values = without_flat_ids(request.values, self._has)
        expected = request.expected and without_flat_ids(request.expected, self._has)
        return replace(request, values=values, expected=expected)

    def _has(self, field: str) -> bool:
        return field in self._shown or field in self._schema

    @property
    def required(self) -> frozenset[str]:
        """The fields without which this instance creates no row, as far as its schema says so."""
        return frozenset(name for name, field in self._schema.items() if field.required)

    @cached_property
    def _schema(self) -> Mapping[str, SchemaField]:
        """The fields that the schema names, asked for once and only where needed; none where there is no schema.

        Without a schema, every field is taken for one of SSM's.
        """
        try:
            return self._client.schema(self._resource)
        except SsmError:
            return {}
