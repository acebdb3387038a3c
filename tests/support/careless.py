"""People who type the same contacts on two sides, each in a careless way of their own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support import worlds

_LAST = (
    "d'Aumont", "Lecœur", "Le Garrec", "Hérisvaux", "Roussel", "Briand", "L'Hermine", "Saint-Cyr", "Vidal", "N'Guessan",
    "de La Tour", "Müller", "Strauß", "Lefèvre", "Ængström", "Mc Carthy", "O'Brien", "Zeller", "Petit", "Garnier",
)  # fmt: skip
_FIRST = (
    "Éloïse", "Jean-Pierre", "Marc", "Anne Sophie", "J.P.", "Chloé", "Zoë", "François", "Marie-Hélène", "Noël", "Léa",
    "Abdel Karim", "Inès", "Théo", "Aïcha", "Loïc", "Gaëlle", "Raphaël", "Maëlys", "Yves",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as the company knows them.

    Attributes:
        last: the last name.
        first: the first name.
        email: the e-mail; the company's own where the person has none.
        mobile: the mobile number; empty for none.
    """

    last: str
    first: str
    email: str
    mobile: str


Name = tuple[str, str]


def _bare(text: str) -> str:
    return text.translate(str.maketrans("éèêëàâïîôöûüçÉÈÀœŒæÆß", "eeeeaaiioouucEEAoOaAs"))


SPELLINGS: dict[str, Callable[[Name], Name]] = {
    "as it is": lambda name: name,
    "capitals": lambda name: (name[0].upper(), name[1].upper()),
    "typographic": lambda name: (name[0].replace("'", "’"), name[1].replace("-", "‑")),
    "no hyphens": lambda name: (name[0].replace("-", " "), name[1].replace("-", " ")),
    "no full stops": lambda name: (name[0], name[1].replace(".", " ").strip()),
    "joined": lambda name: (name[0].replace(" ", "").upper(), name[1]),
    "spaces": lambda name: (f"  {name[0]}", name[1].replace(" ", "\u00a0") + " "),
    "invisible": lambda name: (f"{name[0]}\u200b", f"\ufeff{name[1]}"),
    "decomposed": lambda name: (name[0].replace("é", "e\u0301").replace("è", "e\u0300"), name[1]),
    "entities": lambda name: (name[0].replace("'", "&#39;"), name[1]),
    "civility": lambda name: (f"M. {name[0]}", name[1]),
    "madame": lambda name: (f"Mme {name[0].upper()}", name[1]),
    "ligatures": lambda name: (name[0].replace("œ", "oe").replace("Æ", "Ae").replace("ß", "ss"), name[1]),
}
"""Spellings of one name, as P4.2 compares names."""

DOUBTFUL: dict[str, Callable[[Name], Name]] = {
    "exchanged": lambda name: (name[1], name[0]),
    "one field": lambda name: (f"{name[0]} {name[1]}", ""),
    "one field, first name first": lambda name: (f"{name[1]} {name[0]}", ""),
}
"""Ways to type a name that leave a doubt for a person (P4.3)."""

MISTAKES: dict[str, Callable[[Name], Name]] = {
    "a letter missing": lambda name: (name[0][:2] + name[0][3:] + "x", name[1]),
    "a nickname": lambda name: (name[0], f"{name[1][:1]}."),
    "married": lambda name: (f"{name[0]}-Martin", name[1]),
}
"""What only an e-mail or a mobile number still shows to be one person."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A company's contacts as both sides hold them.

    Attributes:
        sage100: rows of Sage.
        ssm: contacts of SSM.
        persons: who is who: side's id to the person's number.
        ways: how each person was typed, by the person's number; two that are the same where the names are equal.
    """

    sage100: list[dict[str, Any]]
    ssm: list[dict[str, Any]]
    in_sage100: dict[int, int]
    in_ssm: dict[int, int]
    ways: dict[int, str]


def people(random: Random, number: int) -> list[Person]:
    """So many people of one company, no two with the same names."""
    names = [(last, first) for last in _LAST for first in _FIRST]
    chosen = random.sample(names, number)
    return [Person(last, first, *_numbers(random, n)) for n, (last, first) in enumerate(chosen)]


def _numbers(random: Random, n: int) -> tuple[str, str]:
    email = f"person{n}@alpha.example" if random.random() < 0.7 else random.choice(("contact@alpha.example", ""))
    return email, f"06{n:08}" if random.random() < 0.5 else ""


def typed(random: Random, persons: list[Person]) -> Typed:
    """The same people typed on both sides, a few on one side only."""
    found = Typed([], [], {}, {}, {})
    for number, person in enumerate(persons):
        where = random.random()
        kind = random.choices((SPELLINGS, DOUBTFUL, MISTAKES), (8, 1, 1))[0]
        way = random.choice(list(kind))
        name = (person.last, person.first)
        found.ways[number] = way
        if where < 0.85:
            row = worlds.sage_row(
                number + 1, CT_Nom=name[0], CT_Prenom=name[1], CT_EMail=person.email, CT_TelPortable=person.mobile
            )
            found.sage100.append(row)
            found.in_sage100[row["cbMarq"]] = number
        if where > 0.15:
            last, first = kind[way](name)
            mobile = person.mobile and f"+33 {person.mobile[1:]}"
            card = worlds.ssm_row(
                10_001 + number, lastName=last, firstName=first, email=person.email.upper(), phone2=mobile
            )
            found.ssm.append(card)
            found.in_ssm[card["id"]] = number
    return found


def pairs(found: Typed) -> Iterator[tuple[int, int]]:
    """The contacts that are one person, by their ids."""
    cards = {number: id_ for id_, number in found.in_ssm.items()}
    return ((marq, cards[number]) for marq, number in found.in_sage100.items() if number in cards)
