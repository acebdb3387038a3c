"""A ``LIKE`` pattern for a text that may be accented: for the state, the Sage database and SSM alike."""

import re

_VARYING = re.compile(r"[^b-df-hj-mp-rtvwxz0-9@.+-]+")
"""What accents, ligatures and JSON's escapes may write in another way: all but these signs."""


def like_pattern(text: str) -> str:
    """A pattern that finds a text however it is accented, and some others: whoever reads on compares again.

    Args:
        text: in small letters, without accents.
    """
    return f"%{_VARYING.sub('%', text)}%"


def digits_pattern(digits: str) -> str:
    """A pattern that finds digits whatever is typed between them."""
    return f"%{'%'.join(digits)}%"
