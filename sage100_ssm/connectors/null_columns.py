"""A warning before a column that is empty in every record clears that field in every row of a side.

Airbyte can add a new column of the source to a connection by itself ("propagate all columns"). As long as nobody fills
it, each of its nulls clears what the side holds there.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence

from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Action

logger = logging.getLogger("airbyte")

_SEVERAL = 2
"""One value that is cleared is an edit; so many of a field that no record fills may be a column without values."""


def empty_in_all(requests: Iterable[WriteRequest]) -> frozenset[str]:
    """The fields that each of the requests leaves empty, deletions apart."""
    each = [empty_fields(request) for request in requests if request.action is not Action.DELETE]
    return frozenset.intersection(*each) if each else frozenset()


def empty_fields(request: WriteRequest) -> frozenset[str]:
    """The fields that a request leaves empty."""
    return frozenset(field for field, value in request.values.items() if value in (None, ""))


class NullColumns:
    """Watches the records of a stream for fields that none of them fills.

    Args:
        stream: the side's name of the stream, for the log.

    Attributes:
        records: how many were looked at.
    """

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._filled: set[str] = set()
        self._warned: set[str] = set()
        self._clears: Counter[str] = Counter()
        self.records = 0
        self._last = -1

    def look(self, requests: Sequence[WriteRequest], cleared: Iterable[str]) -> None:
        """Log, before they are carried out, which fields the requests clear that no record has filled so far.

        Args:
            requests: the requests; those of an earlier call are not counted again.
            cleared: the fields that they clear, each once for every row that holds a value.
        """
        new = [request for request in requests if request.index > self._last and request.action is not Action.DELETE]
        self._last = max(self._last, *(request.index for request in requests), -1)
        self.records += len(new)
        for request in new:
            self._filled |= request.values.keys() - empty_fields(request)
        self._clears.update(cleared)
        several = {field for field, count in self._clears.items() if count >= _SEVERAL}
        if empty := sorted(several - self._filled - self._warned):
            self._warned |= {*empty}
            fields = ", ".join(f"{field} ({self._clears[field]} values)" for field in empty)
            logger.warning(
                "Empty in all of the first %d records of %s, and so about to be cleared here: %s. If the column is new "
                "and nobody has filled it yet, stop the sync and deselect it in the connection.",
                self.records,
                self._stream,
                fields,
            )
