"""The codes of companies by `cbMarq`, as part of a state: other systems know a deleted company by its code."""

import json
from collections.abc import Mapping

from source_sage100.key_set import KeySet, compressed, decompressed

Codes = Mapping[int, str]
"""The `CT_Num` of companies, by `cbMarq`."""


def packed(codes: Codes, keys: KeySet) -> str:
    """Codes as a text, in the order of the keys, which are beside them in a state: three to seven bytes each."""
    return compressed(json.dumps([codes.get(key, "") for key in keys], separators=(",", ":")).encode())


def unpacked(text: str, keys: KeySet) -> Codes:
    """Read what `packed` wrote.

    Raises:
        ValueError: the text is something else, or was written for other keys.
    """
    codes = json.loads(decompressed(text))
    return {key: str(code) for key, code in zip(keys, codes, strict=True) if code}


def updated(before: Codes, now: Codes, known: KeySet) -> Codes:
    """The codes of all known rows, deleted ones included.

    Args:
        before: the codes that were known.
        now: those of all companies that exist, suppliers too.
        known: the rows that the reader may have.
    """
    # A code that another row has now is dropped from the deleted one: whoever keeps companies by their codes would
    # delete one that was entered anew, or all of them where Sage has renumbered its rows.
    taken = set(now.values())
    deleted = {key: code for key, code in before.items() if code not in taken}
    return {key: code for key, code in {**deleted, **now}.items() if key in known}
