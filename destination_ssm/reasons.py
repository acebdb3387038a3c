"""Why a record was not written, for a plain log, which holds no value of a record. Pure.

SSM's own words may quote a value, of the record or of another one. Of them only the names of fields and the words of a
fixed list get into the log; a value cannot be among them, in whatever form SSM quotes it. All of SSM's words are kept
with the refused record.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.ssm.errors import Forbidden, PassingError, QuotaExhausted, Rejected, SsmError

_WORD = re.compile(r"HTTP \d{3}\b|\w+")
_STATUS = re.compile(r"HTTP \d{3}")
_OMITTED = "…"
_SO_FEW_SAY_NOTHING = 3
_SAFE_WORDS = frozenset(
    _WORD.findall(
        "a access account active address again allowed already an and another any api are argument array as "
        "assigned at attempt attempts available back bad be been before blank body boolean branch but by cannot "
        "character characters clause client closed code column condition conflict constraint contact contacts "
        "contain contains correctly could country data database date decimal deleted denied disabled does domain "
        "duplicate duplicated e email empty enabled entered entity error exceeded exceeds exist exists expected "
        "expired external extid failed false field fields filled for forbidden foreign format found from gateway "
        "generated given greater has have hour http id in inactive incorrect incorrectly index integer internal "
        "invalid is it item json key larger later least length less licence license limit limited list locked "
        "longer mail maintenance malformed mandatory many match maximum message method minimum minute missing "
        "more most must no not null number object of on one only operation or out owner parameter per permission "
        "phone plan please positive primary provided query quota range reached read readonly record reference "
        "referenced references refers refused rejected request required resource retry right rights row save "
        "saved schema second server service session set short shorter should sign signed specified sql string "
        "subscription such suspended syntax table tenant text than that the this time to too true try type "
        "unavailable unexpected unique unknown update updated url used user valid validation value values "
        "violated was which while with wrong"
    )
)
"""Words in which an API speaks of fields and values."""
_MEANINGS: Mapping[int, str] = {
    900: "SSM does not reach its own database",
    901: "SSM does not understand the query",
    910: "there is no such row",
}
"""The vendor's error codes (docs/facts/ssm-api.md, "Errors")."""


def reason_of(error: SsmError, fields: Mapping[str, Any]) -> str:
    """Why SSM did not do a write.

    Example:
        "HTTP 400: The value of email … is not valid" where SSM quotes the address.

    Args:
        error: its refusal, or what else went wrong.
        fields: what was sent.
    """
    if isinstance(error, Rejected):
        codes = [f"code {code} ({_MEANINGS[code]})" if code in _MEANINGS else f"code {code}" for code in error.codes]
        return _sentence(", ".join([f"HTTP {error.status}", *codes]), error.detail, fields)
    if isinstance(error, Forbidden):
        beginning = f"The keys give no right to {error.resource} of Sage Sales Management (HTTP 403)"
        return _sentence(beginning, error.detail, fields)
    if isinstance(error, PassingError) and (_STATUS.match(error.detail) or isinstance(error, QuotaExhausted)):
        return _sentence(error.sentence, error.detail, fields)
    # All others are in our words alone.
    return str(error)


def failure(error: SsmError, beginning: str = "", *, configuration: bool = False) -> ConnectorError:
    """An error that ends the writing, in Airbyte's form, which is a plain log, too.

    Args:
        error: what went wrong.
        beginning: a sentence to begin with.
        configuration: whether only a change of the configuration mends it, beside the errors of which that is known.
    """
    sentence = f"{beginning} {reason_of(error, {}).removesuffix('.')}.".lstrip()
    mends = configuration or error.configuration
    return ConnectorError(error.code, sentence, configuration=mends, details=error.details)


def without_values(words: str, fields: Mapping[str, Any]) -> str:
    """SSM's words without what may be a value: names of fields, and words of a fixed list.

    Args:
        words: what SSM said.
        fields: what was sent.
    """
    names = {name.lower() for name in fields}
    plain = _SAFE_WORDS - {*_words_of(fields)} | names
    given = _WORD.findall(words)
    kept = [word for word in given if word.lower() in plain or _STATUS.fullmatch(word)]
    names_something = any(word.lower() in names or _STATUS.fullmatch(word) for word in kept)
    is_whole = all(word in kept or word.isdecimal() for word in given)
    if not is_whole and not names_something and len(kept) < _SO_FEW_SAY_NOTHING:
        return ""
    shown = (word if word in kept else _OMITTED for word in given)
    return " ".join(word for word, _ in groupby(shown)).strip(f"{_OMITTED} ")


def _sentence(beginning: str, words: str, fields: Mapping[str, Any]) -> str:
    plain = without_values(words, fields)
    return f"{beginning}: {plain}" if plain else beginning


def _words_of(value: Any) -> Iterator[str]:
    """The words in a value that was sent, and in those within it: a person's name may be one of the list."""
    match value:
        case Mapping():
            for inner in value.values():
                yield from _words_of(inner)
        case list() | tuple():
            for inner in value:
                yield from _words_of(inner)
        case _:
            yield from (word.lower() for word in _WORD.findall(str(value)))
