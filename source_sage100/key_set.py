"""Sets of `cbMarq`, small enough to be part of a state.

Sage gives out `cbMarq` consecutively and never twice: a set is a bitmap, one bit for each number up to the highest.
"""

import base64
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Self


@dataclass(frozen=True, slots=True)
class KeySet:
    """A set of positive integers.

    Attributes:
        bits: the bitmap; bit n of byte m stands for 8 m + n.
    """

    bits: bytes = b""

    @classmethod
    def of(cls, keys: Iterable[int]) -> Self:
        """The set of some keys."""
        bits = bytearray()
        for key in keys:
            place = key >> 3
            if place >= len(bits):
                bits.extend(bytes(place + 1 - len(bits)))
            bits[place] |= 1 << (key & 7)
        return cls(bytes(bits))

    @classmethod
    def unpacked(cls, text: str) -> Self:
        """Read what `packed` wrote.

        Raises:
            ValueError: the text is something else.
        """
        return cls(decompressed(text))

    def packed(self) -> str:
        """The set as a short text: a hundred thousand keys take some ten thousand characters."""
        return compressed(self.bits)

    def __contains__(self, key: int) -> bool:
        place = key >> 3
        return place < len(self.bits) and bool(self.bits[place] >> (key & 7) & 1)

    def __iter__(self) -> Iterator[int]:
        used = ((place, octet) for place, octet in enumerate(self.bits) if octet)
        return chain.from_iterable((8 * place + n for n in range(8) if octet >> n & 1) for place, octet in used)

    def __bool__(self) -> bool:
        return any(self.bits)

    def __len__(self) -> int:
        return self._number.bit_count()

    def __or__(self, other: Self) -> Self:
        return self._of_number(self._number | other._number)

    def __and__(self, other: Self) -> Self:
        return self._of_number(self._number & other._number)

    def __sub__(self, other: Self) -> Self:
        return self._of_number(self._number & ~other._number)

    # As one large integer, Python combines sets of a million keys in a millisecond.

    @property
    def _number(self) -> int:
        return int.from_bytes(self.bits, "little")

    def _of_number(self, number: int) -> Self:
        return type(self)(number.to_bytes(-(-number.bit_length() // 8), "little"))


def compressed(content: bytes) -> str:
    """Bytes as a text that can be part of a state."""
    return base64.b64encode(zlib.compress(content)).decode()


def decompressed(text: str) -> bytes:
    """Read what `compressed` wrote.

    Raises:
        ValueError: the text is something else.
    """
    try:
        return zlib.decompress(base64.b64decode(text, validate=True))
    except zlib.error as error:
        raise ValueError(str(error)) from error
