"""The forms in which values are compared (P8), written (P8) and matched (P4).

The compared form leaves out what a side may change by itself, or what users do not see: Sage cuts trailing spaces,
word processors replace hyphens and apostrophes, texts copied from the web or from a telephone have invisible signs,
SSM may reformat phone numbers, mail systems ignore case.
"""

import html
import re
import unicodedata
from functools import lru_cache

import phonenumbers

_CACHED = 65_536
"""How many values of each form are cached: codes, labels and switchboard numbers occur in many rows."""

_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # control characters that are no white space
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f"  # zero width and direction marks
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "]+"
)
"""What Unicode calls default ignorable, control characters, and the mark of an object lost in copying."""

_SPACES = re.compile(r"[\s\u2800]+")
_SPACES_WITHIN_LINE = re.compile(r"(?:[^\S\n]|\u2800)+")
_AROUND_LINE_END = re.compile(r" *\n *")

_DASHES = (
    "\u058a\u05be\u1400\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u301c\u3030"
    "\u30a0\ufe31\ufe32\ufe58\ufe63\u02d7"
)
_APOSTROPHES = "\u2018\u2019\u201b\u02b9\u02bb\u02bc\u02bd\u02c8\u2032\u00b4\u0060\u055a\u05f3\ua78c"
_DOUBLE_QUOTES = "\u201f\u2033\u2036\u301d\u301e\u301f"
_LIGATURES = {"\u0133": "ij", "\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl"}
_PLAIN = str.maketrans(
    {
        **dict.fromkeys(_DASHES, "-"),
        **dict.fromkeys(_APOSTROPHES, "'"),
        **dict.fromkeys(_DOUBLE_QUOTES, '"'),
        **_LIGATURES,
        **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full width letters, digits, signs
        "\u2024": ".",
        "\u2044": "/",
        "\u2215": "/",
    }
)
"""Characters that mean the same as the one on every keyboard."""


# --- written


@lru_cache(_CACHED)
def one_line(value: str | None) -> str | None:
    """What is written to a field of one line: Unicode NFC, single plain spaces, no invisible sign; None if empty."""
    if value is None:
        return None
    return _SPACES.sub(" ", _visible(value)).strip() or None


@lru_cache(_CACHED)
def lines(value: str | None) -> str | None:
    """What is written to a field of several lines: as in one line, with line feeds and no spaces around them."""
    if value is None:
        return None
    feeds = _visible(value).replace("\r\n", "\n").replace("\r", "\n")
    return _AROUND_LINE_END.sub("\n", _SPACES_WITHIN_LINE.sub(" ", feeds)).strip() or None


def _visible(value: str) -> str:
    # Composed after the invisible signs are gone: one between a letter and its accent would keep the two apart.
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", value))


def in_code_page(value: str, encoding: str) -> str:
    """A text with plain characters of the same meaning for those that a code page does not contain.

    Args:
        value: the text.
        encoding: the code page by Python's name.
    """
    fitted = "".join(c if is_representable(c, encoding) else c.translate(_PLAIN) for c in value)
    return unicodedata.normalize("NFC", fitted)


def is_representable(character: str, encoding: str) -> bool:
    """Whether a code page contains a character."""
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


# --- compared


@lru_cache(_CACHED)
def text(value: str | None) -> str | None:
    """A text of one line as it is compared: with plain dashes and apostrophes; a placeholder (``.``, ``-``) is None."""
    plain = _plain(one_line(value))
    return plain if any(c.isalnum() for c in plain) else None


@lru_cache(_CACHED)
def free_text(value: str | None) -> str | None:
    """A text of a site's own field as it is compared: its lines count, and signs alone (``+++``) are a value."""
    return _plain(lines(value)) or None


@lru_cache(_CACHED)
def email(value: str | None) -> str | None:
    """A text as it is compared, without case."""
    return _without_case(text(value) or "") or None


def caseless(value: object) -> object:
    """The form of a text without case: a side may write all in capitals. Any other value itself."""
    return _without_case(free_text(value) or "") if isinstance(value, str) else value


def _plain(value: str | None) -> str:
    return unicodedata.normalize("NFC", (value or "").translate(_PLAIN))


def _without_case(value: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", value).casefold())


@lru_cache(_CACHED)
def company_code(value: str | None) -> str:
    """A code as Sage's collation compares it: without case and trailing spaces."""
    return _without_case(_plain(one_line(value)))


# --- phone numbers

_PHONE_SIGNS = re.compile(r"[\d\s+().\-/]+")
_SPACES_DOTS_BRACKETS = re.compile(r"[\s.()]+")
_TRUNK_ZERO = re.compile(r"^((?:\+|00)[\d\s.]*)\(0\)")
"""``+33 (0)1…``: the zero is dialled within the country only."""

_FRENCH_PLAN = frozenset({"FR", "GP", "GF", "MQ", "RE", "YT", "BL", "MF"})
"""France and the overseas places where the same ten digits are dialled."""

_OVERSEAS = {
    **dict.fromkeys(("590", "690", "691"), 590),  # Guadeloupe, Saint-Martin, Saint-Barthélemy
    **dict.fromkeys(("594", "694"), 594),  # Guyane
    **dict.fromkeys(("596", "696", "697"), 596),  # Martinique
    **dict.fromkeys(("262", "263", "692", "693"), 262),  # La Réunion
    **dict.fromkeys(("269", "639"), 262),  # Mayotte
}
"""The country code of an overseas number by its first digits: ``phonenumbers`` takes it for a mainland one."""


@lru_cache(_CACHED)
def phone(value: str | None, country: str) -> str | None:
    """A number as ``+33123456789``; a value that is more than a number is compared as a text without case and spaces.

    Args:
        value: the number as typed.
        country: ISO code of the country of numbers without a prefix (``FR``).
    """
    plain = text(value)
    if plain is None:
        return None
    if not _PHONE_SIGNS.fullmatch(plain):
        return _without_case(_SPACES_DOTS_BRACKETS.sub("", plain))
    digits = "".join(c for c in plain if c.isdecimal())
    try:
        number = phonenumbers.parse(plain, "FR" if country in _FRENCH_PLAN else country)
    except phonenumbers.NumberParseException:
        return digits or plain
    # Of `01… / 06…` the parser takes the first number only, and two values that differ in the second would be equal.
    national = phonenumbers.national_significant_number(number)
    if not digits.endswith(national):
        return digits
    is_french = number.country_code == phonenumbers.country_code_for_region("FR")
    code = _OVERSEAS.get(national[:3], number.country_code) if is_french else number.country_code
    return f"+{code}{national}"


def dense_phone(value: str) -> str:
    """A phone number as typed, without spaces, dots and brackets: the shortest form that can be dialled."""
    return _SPACES_DOTS_BRACKETS.sub("", _TRUNK_ZERO.sub(r"\1", value))


# --- matched

_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
_ACCENTS = re.compile("[\u0300-\u036f]+")
_LETTERS = str.maketrans(
    {"œ": "oe", "æ": "ae", "þ": "th", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "\u0131": "i"}
)
_CIVILITY = r"m ?\.|(?:mr|mme|mlle|melle|mle|monsieur|madame|mademoiselle)(?:\.| )"
# What remains must begin with a letter and contain a word: `M.C.` are initials, `M.-Claude` is Marie-Claude.
_NAME_FOLLOWS = r" *(?=[^\W\d_])(?=.*[^\W\d_]{2})"
_CIVILITY_OF_FIRST_NAME = re.compile(f"^(?:{_CIVILITY}){_NAME_FOLLOWS}", re.IGNORECASE)
# Before a first name a bare `M` is an initial.
_CIVILITY_OF_LAST_NAME = re.compile(f"^(?:{_CIVILITY}|m ){_NAME_FOLLOWS}", re.IGNORECASE)
_JOINTS = re.compile(r"(?<=[^\W\d_])(?:[-' .]+(?=[^\W\d_])|\.+)")


@lru_cache(_CACHED)
def name(value: str | None) -> str:
    """A label or a company's name without case, accents, ligatures and extra spaces, as they are matched."""
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text(value) or "").translate(_PLAIN))
    return " ".join(_ACCENTS.sub("", bare.casefold()).translate(_LETTERS).split())


def _letters(value: str | None) -> str:
    # The vowel signs of Indian scripts are marks, and part of the word.
    return "".join(c for c in name(value) if c.isalnum() or unicodedata.category(c)[0] == "M")


@lru_cache(_CACHED)
def letters_and_digits(value: str | None) -> str:
    """The letters and digits of a text without case and accents: what a side keeps however it rewrites a text."""
    return _letters(_without_entities(value))


@lru_cache(_CACHED)
def spelling(value: str | None) -> str:
    """A text without case, accents, and the signs and spaces that join words: what is left if it is only respelled."""
    return _JOINTS.sub("", name(_without_entities(value)))


@lru_cache(_CACHED)
def last_name_key(value: str | None) -> str:
    """A person's last name as it is matched: letters and digits, without a civility typed before it (P4)."""
    return _letters(_CIVILITY_OF_LAST_NAME.sub("", text(_without_entities(value)) or ""))


@lru_cache(_CACHED)
def first_name_key(value: str | None) -> str:
    """A person's first name as it is matched: letters and digits, without a civility typed before it (P4)."""
    return _letters(_CIVILITY_OF_FIRST_NAME.sub("", text(_without_entities(value)) or ""))


def without_civility(value: str) -> str:
    """A name as typed, without a civility before it."""
    return _CIVILITY_OF_LAST_NAME.sub("", value)


def name_key(last_name: str | None, first_name: str | None) -> tuple[str, str]:
    """A person's names as they are matched (P4); a placeholder is no name, and its key is empty."""
    return last_name_key(last_name), first_name_key(first_name)


def _without_entities(value: str | None) -> str | None:
    # Twice, for what was escaped twice on its way through a web form.
    for _ in range(2):
        if value and "&" in value:
            value = _ENTITY.sub(lambda match: html.unescape(match[0]), value)
    return value
