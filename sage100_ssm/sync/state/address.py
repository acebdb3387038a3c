"""The address of a state database, so that no part of its password is taken for anything else."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError


class AtInPasswordError(ArgumentError):
    """The password contains ``@`` as it is, so that the rest of it would be shown as part of the server's name."""


def parse_address(address: str) -> URL:
    """The parts of an address.

    Raises:
        ArgumentError: it is no address. The error contains no part of it.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        # SQLAlchemy's own errors quote the port, which ends with the password where that contains @.
        if "@" in address.rpartition("@")[0]:
            raise AtInPasswordError("an @ in the password is written %40") from None
        raise ArgumentError("no database URL") from None
    if "@" in (url.host or ""):
        raise AtInPasswordError("an @ in the password is written %40")
    return url
