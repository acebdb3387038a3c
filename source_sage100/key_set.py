"""Sets of `cbMarq`, small enough to be part of a state.

Sage gives `cbMarq` out one after the other and never again: a set is one bit for each number up to the highest.
"""

import base64
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Self


@dataclass(frozen=True, slots=True)
class Keys:
    """A set of positive integers.

    Attributes:
        bits: bit n of byte m stands for 8 m + n.
    """

    bits: bytes = b""

    @classmethod
    def of(cls, keys: Iterable[int]) -> Self:
        """Gather keys."""
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
            ValueError: it did not write that.
        """
        return cls(decompressed(text))

    def packed(self) -> str:
        """Write the set as a short text: a hundred thousand keys in some ten thousand characters."""
        return compressed(self.bits)

    def __contains__(self, key: int) -> bool:
        place = key >> 3
        return place < len(self.bits) and bool(self.bits[place] >> (key & 7) & 1)

    def __iter__(self) -> Iterator[int]:
        held = ((place, octet) for place, octet in enumerate(self.bits) if octet)
        return chain.from_iterable((8 * place + n for n in range(8) if octet >> n & 1) for place, octet in held)

    def __bool__(self) -> bool:
        return any(self.bits)

    def __len__(self) -> int:
        return self._number.bit_count()

    def __or__(self, other: Self) -> Self:
        return self._made(self._number | other._number)

    def __and__(self, other: Self) -> Self:
        return self._made(self._number & other._number)

    def __sub__(self, other: Self) -> Self:
        return self._made(self._number & ~other._number)

    @property
    def _number(self) -> int:
        return int.from_bytes(self.bits, "little")

    def _made(self, number: int) -> Self:
        return type(self)(number.to_bytes(-(-number.bit_length() // 8), "little"))


def compressed(content: bytes) -> str:
    """Write bytes as a text that is part of a state."""
    return base64.b64encode(zlib.compress(content)).decode()


def decompressed(text: str) -> bytes:
    """Read what `compressed` wrote.

    Raises:
        ValueError: it did not write that.
    """
    try:
        return zlib.decompress(base64.b64decode(text, validate=True))
    except zlib.error as error:
        raise ValueError(str(error)) from error
