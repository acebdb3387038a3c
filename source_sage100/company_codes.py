"""The codes of companies by `cbMarq`, as part of a state: what is gone from Sage is known elsewhere by them."""

import json
from collections.abc import Mapping

from source_sage100.key_set import Keys, compressed, decompressed

Codes = Mapping[int, str]
"""The `CT_Num` of companies, by `cbMarq`."""


def packed(codes: Codes, keys: Keys) -> str:
    """Write codes in the order of the keys, which stand beside them in a state: three to seven bytes each."""
    return compressed(json.dumps([codes.get(key, "") for key in keys], separators=(",", ":")).encode())


def unpacked(text: str, keys: Keys) -> Codes:
    """Read what `packed` wrote.

    Raises:
        ValueError: it did not write that, or for other keys.
    """
    codes = json.loads(decompressed(text))
    return {key: str(code) for key, code in zip(keys, codes, strict=True) if code}


def followed(before: Codes, now: Codes, known: Keys) -> Codes:
    """The codes of all rows known, those that are gone included.

    A code that another row bears now is no longer the former one's: who keeps companies by their codes would lose
    one that was entered anew, or all of them where Sage has renumbered its rows.

    Args:
        before: the codes that were known.
        now: those of all companies that are there, suppliers too.
        known: the rows that the reader may have.
    """
    taken = set(now.values())
    left = {key: code for key, code in before.items() if code not in taken}
    return {key: code for key, code in {**left, **now}.items() if key in known}
