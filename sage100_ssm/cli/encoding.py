"""What is printed where the output cannot hold every character: a pipe in cp1252, a terminal in ASCII."""

import codecs
import sys
import unicodedata
from io import TextIOWrapper

_NEAREST = "sage100_ssm.nearest"

_SIGNS = {
    "→": "->", "⇄": "<->", "✓": "+", "✗": "x", "∅": "-", "…": "...", "—": "-", "–": "-", "‑": "-", "·": "-", "•": "-",
    "«": '"', "»": '"', "“": '"', "”": '"', "‘": "'", "’": "'", "›": ">", "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE",
    "ß": "ss", "°": "o", "€": "EUR", "×": "x", "│": "|", "─": "-",
}  # fmt: skip
"""The signs that decompose to none that every output has."""


def accept_every_character() -> None:
    """Let the standard streams print the nearest they have of what their encoding cannot hold, and never fail."""
    codecs.register_error(_NEAREST, _nearest)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_NEAREST)


def holds_every_character(encoding: str | None) -> bool:
    """Whether an output of this encoding holds every text."""
    return (encoding or "").lower().replace("-", "").startswith("utf")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    """The nearest text for the characters at which encoding failed, as a handler of ``codecs``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    nearest = (_nearest_to(character, error.encoding) for character in error.object[error.start : error.end])
    return "".join(nearest), error.end


def _nearest_to(character: str, encoding: str) -> str:
    for candidate in (_SIGNS.get(character, ""), unicodedata.normalize("NFKD", character)):
        # A letter keeps what is left of it without its accents.
        if found := candidate.encode(encoding, "ignore").decode(encoding):
            return found
    return "?"
