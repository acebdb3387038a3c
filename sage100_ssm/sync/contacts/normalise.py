"""The normal forms in which values are compared (P8): what is equal in this form is never rewritten.

A form leaves out what a side may change by itself, or what users do not see: Sage cuts trailing spaces, texts copied
from the web have non-breaking ones, SSM may reformat phone numbers, mail systems ignore case.
"""

import re
import unicodedata
from functools import lru_cache

import phonenumbers

_SPACES = re.compile(r"[^\S\n]+")
_AROUND_LINE_END = re.compile(r" *\n *")
_PHONE_SIGNS = re.compile(r"[\d\s+().\-/]+")
_CACHED = 65_536
"""How many values of each form are cached: codes, labels and switchboard numbers occur in many rows."""


@lru_cache(_CACHED)
def text(value: str | None) -> str | None:
    """Unicode NFC, single plain spaces, none around lines, line feeds as line ends; None for an empty text."""
    if value is None:
        return None
    lines = unicodedata.normalize("NFC", value).replace("\r\n", "\n").replace("\r", "\n")
    return _AROUND_LINE_END.sub("\n", _SPACES.sub(" ", lines)).strip() or None


@lru_cache(_CACHED)
def email(value: str | None) -> str | None:
    """The normal form of a text, without case."""
    plain = text(value)
    return plain.casefold() if plain else None


@lru_cache(_CACHED)
def phone(value: str | None, country: str) -> str | None:
    """A number as ``+33123456789``; a value that is more than a number is compared as a text without case.

    Args:
        value: the number as typed.
        country: ISO code of the country of numbers without a prefix (``FR``).
    """
    plain = text(value)
    if plain is None or not _PHONE_SIGNS.fullmatch(plain):
        return plain.casefold() if plain else None
    digits = "".join(c for c in plain if c.isdecimal())
    try:
        number = phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException:
        return digits or plain
    # Of `01… / 06…` the parser takes the first number only, and two values that differ in the second would be equal.
    if not digits.endswith(phonenumbers.national_significant_number(number)):
        return digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(_CACHED)
def name(value: str | None) -> str:
    """A name or label without case, accents and extra spaces, as they are matched (P4)."""
    plain = unicodedata.normalize("NFKD", text(value) or "")
    bare = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(bare.casefold().split())


def caseless(value: object) -> object:
    """The normal form of a text without case: a side may write all in capitals. Any other value itself."""
    return (text(value) or "").casefold() if isinstance(value, str) else value


def letters_and_digits(value: str) -> str:
    """The letters and digits of a text without case and accents: what a side keeps however it rewrites a text."""
    return "".join(c for c in name(value) if c.isalnum())


@lru_cache(_CACHED)
def company_code(value: str | None) -> str:
    """A code as Sage's collation compares it: without case and trailing spaces."""
    return (text(value) or "").casefold()
