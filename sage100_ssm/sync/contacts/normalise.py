"""Comparison after normalisation (P8): what is equal here is never rewritten.

Each form drops what one of the sides is known, or free, to change by itself: Sage trims and its users type
non-breaking spaces from the web; SSM reformats phone numbers; mail systems ignore case.
"""

import re
import unicodedata
from functools import lru_cache

import phonenumbers

_SPACES = re.compile(r"[^\S\n]+")
_AROUND_LINE_END = re.compile(r" *\n *")
_PHONE_SIGNS = re.compile(r"[\d\s+().\-/]+")
_CACHED = 65_536


@lru_cache(_CACHED)
def text(value: str | None) -> str | None:
    """Unicode NFC, single plain spaces, none around lines, line feeds as line ends; empty is None."""
    if value is None:
        return None
    lines = unicodedata.normalize("NFC", value).replace("\r\n", "\n").replace("\r", "\n")
    return _AROUND_LINE_END.sub("\n", _SPACES.sub(" ", lines)).strip() or None


@lru_cache(_CACHED)
def email(value: str | None) -> str | None:
    """As text, without case."""
    plain = text(value)
    return plain.casefold() if plain else None


@lru_cache(_CACHED)
def phone(value: str | None, country: str) -> str | None:
    """The digits with the country's prefix; a value that is more than a number is compared as text.

    Args:
        value: the number as typed.
        country: ISO code of the country of numbers written without prefix (``FR``).
    """
    plain = text(value)
    if plain is None or not _PHONE_SIGNS.fullmatch(plain):
        return plain.casefold() if plain else None
    digits = "".join(c for c in plain if c.isdecimal())
    try:
        number = phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException:
        return digits or plain
    # The parser stops at a second number after a slash; then all the digits count.
    if not digits.endswith(phonenumbers.national_significant_number(number)):
        return digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(_CACHED)
def name(value: str | None) -> str:
    """Case, accents and spacing aside, as names and labels are matched (P4)."""
    plain = unicodedata.normalize("NFKD", text(value) or "")
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(bare.casefold().split())


def letters(value: object) -> object:
    """A text without case: what is left of it where a side writes all in capitals; anything else as it is."""
    return (text(value) or "").casefold() if isinstance(value, str) else value


@lru_cache(_CACHED)
def company_code(value: str | None) -> str:
    """As Sage's collation compares codes: without case, trailing blanks aside."""
    return (text(value) or "").casefold()
