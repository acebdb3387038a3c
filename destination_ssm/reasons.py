"""Why a record was not written, for a plain log, which holds no value of a record. Pure.

SSM's own words may quote a value, of the record or of another one. Of them only the names of fields and the words of a
fixed list get into the log; a value cannot be among them, in whatever form SSM quotes it. All of SSM's words are kept
with the refused record.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from typing import Any

from sage100_ssm.ssm.errors import Forbidden, PassingError, Rejected, SsmError

_WORD = re.compile(r"HTTP \d{3}\b|\w+")
_STATUS = re.compile(r"HTTP \d{3}")
_ELSEWHERE = "…"
_SAFE_WORDS = frozenset(
    _WORD.findall(
        "a access account active address allowed already an and another any api are argument array as assigned at "
        "bad be been before body boolean branch but by cannot character characters client closed code conflict "
        "contact contacts contain contains country data database date decimal deleted denied disabled does domain "
        "duplicate duplicated e email empty entity error exceeded exceeds exist exists expected expired external "
        "extid failed false field fields filled for forbidden format found from gateway greater has have http id "
        "in inactive incorrect integer internal invalid is it item json key larger least length less licence "
        "license list locked longer mail maintenance malformed mandatory many match maximum message method "
        "minimum missing more most must no not null number object of on one only operation or out owner parameter "
        "permission phone plan positive quota range read readonly record reference referenced references refers "
        "refused rejected request required resource retry right rights row save saved schema server service "
        "session short shorter string subscription such suspended syntax tenant text than that the this time to "
        "too true type unavailable unexpected unique unknown update updated url used user valid validation value "
        "values violated was which while with wrong"
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
        return _sentence("HTTP 403, the keys do not have the right", error.detail, fields)
    if isinstance(error, PassingError):
        return _sentence(error.sentence, error.detail, fields)
    return str(error)


def without_values(words: str, fields: Mapping[str, Any]) -> str:
    """SSM's words without what may be a value: names of fields, and words of a fixed list.

    Args:
        words: what SSM said.
        fields: what was sent.
    """
    names = {name.lower() for name in fields}
    plain = _SAFE_WORDS - {*_words_of(fields)} | names
    kept = (word if word.lower() in plain or _STATUS.fullmatch(word) else _ELSEWHERE for word in _WORD.findall(words))
    return " ".join(word for word, _ in groupby(kept)).strip(f"{_ELSEWHERE} ")


def _sentence(beginning: str, words: str, fields: Mapping[str, Any]) -> str:
    plain = without_values(words, fields)
    return f"{beginning}: {plain}" if plain else beginning


def _words_of(fields: Mapping[str, Any]) -> Iterator[str]:
    """The words in the values that were sent: a person's name may be one of the list."""
    values: Collection[Any] = fields.values()
    return (word.lower() for value in values for word in _WORD.findall(json.dumps(value, ensure_ascii=False)))
