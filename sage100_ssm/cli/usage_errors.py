"""Errors of usage (an option that does not exist, an argument that is missing) in French, as typer words them."""

import re
from collections.abc import Mapping

_HOLE = re.compile(r"\\\{\d\\\}")


def in_french(text: str, french: Mapping[str, str]) -> str:
    """A sentence of typer's in French; as it is, where there is no translation.

    Args:
        text: the sentence; a part of it, such as the reason of an invalid value, may be a sentence itself.
        french: the translations. Both have their parts as ``{0}``; the first that matches counts.
    """
    for english, translation in french.items():
        pattern = _HOLE.sub("(.+?)", re.escape(english))
        if found := re.fullmatch(pattern, text, re.DOTALL):
            return translation.format(*(in_french(part, french) for part in found.groups()))
    return text
