"""P8, P4: whoever respells a value, on either side, nothing is written; with or without a base."""

import unicodedata
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from sage100_ssm.sync.contacts.fields import COMPANY, STANDARD, Field
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.policy import ConflictPolicy, Policy
from sage100_ssm.sync.rules.merge import merge
from sage100_ssm.sync.rules.pair import ShownPair
from tests.support import worlds

REMARK = Field("remark", "Remarque", "Z_remark")
FIELDS = (*STANDARD, REMARK)
TYPED = {
    "last_name": "d'Aumont-L\u00e9vy",
    "first_name": "Jean-Pierre No\u00ebl",
    "phone": "0590 12 34 56",
    "mobile": "+33 6 12 34 56 78",
    "fax": "01 23 45 67 89 poste 12",
    "email": "jean-pierre@x.example",
    "linkedin": "in/jean-pierre",
    "skype": "live:jean",
    "remark": "Rappeler l'apr\u00e8s-midi\nBureau 12",
}

Respelling = Callable[[str, int], str]


def _with_sign(sign: str) -> Respelling:
    return lambda text, at: text[: at % (len(text) + 1)] + sign + text[at % (len(text) + 1) :]


def _replaced(old: str, new: str) -> Respelling:
    return lambda text, at: text.replace(old, new)


UNSEEN: tuple[Respelling, ...] = (
    *map(_with_sign, "\u200b\ufeff\u00ad\u202a\u202c\x07\u2060\u034f"),
    *(_replaced(" ", space) for space in ("\u00a0", "\u202f", "  ", "\t", "\u2009")),
    *(_replaced("-", dash) for dash in "\u2010\u2011\u2013\u2212"),
    *(_replaced("'", apostrophe) for apostrophe in "\u2019\u02bc\u00b4`"),
    lambda text, _: text.replace("\r", "").replace("\n", "\r\n"),
    lambda text, _: unicodedata.normalize("NFD", text),
    lambda text, _: f" {text} ",
)
FOLDED: tuple[Respelling, ...] = (
    lambda text, _: text.upper(),
    lambda text, _: "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)),
)
PHONES: tuple[Respelling, ...] = (
    _replaced("0590", "+590 590"),
    _replaced("0590", "+590 (0)590"),
    _replaced("+33 ", "0"),
    _replaced(" ", "."),
    _replaced(" ", ""),
)
names = st.sampled_from(sorted(TYPED))
positions = st.integers(0, 40)
respelt = st.lists(st.tuples(names, st.sampled_from(UNSEEN), positions), max_size=8)
retyped = st.lists(st.tuples(st.sampled_from(("phone", "mobile")), st.sampled_from(PHONES), positions), max_size=2)
folded = st.lists(st.tuples(st.sampled_from(("last_name", "first_name", "remark")), st.sampled_from(FOLDED), positions))
MAPPER = worlds.mapper(FIELDS)


def rows_of(sage100: list, ssm: list) -> dict[Side, dict]:
    """Ada's rows with what was typed, respelt on each side."""
    rows = {}
    for side, changes in ((Side.SAGE100, sage100), (Side.SSM, ssm)):
        typed = dict(TYPED)
        for name, respell, at in changes:
            typed[name] = respell(typed[name], at)
        own = {f.name_on(side): typed[f.name] for f in FIELDS if f.name in typed}
        rows[side] = worlds.sage_row(**own) if side is Side.SAGE100 else worlds.ssm_row(**own)
    return rows


def decided(rows: dict[Side, dict], *, has_base: bool, conflict: ConflictPolicy) -> set[tuple]:
    """What becomes of the fields that are not simply agreed."""
    link = worlds.linked(*rows_of([], []).values(), using=MAPPER, without=() if has_base else tuple(TYPED))
    contacts = worlds.contacts_of(rows, MAPPER)
    pair = ShownPair(link, contacts[Side.SAGE100], contacts[Side.SSM])
    merged = merge(pair, MAPPER, Policy(conflict))
    return {(m.field.name, m.to, m.value) for m in merged if not m.agreed and m.field.name != COMPANY}


@settings(deadline=None, derandomize=True)
@given(sage100=respelt, ssm=respelt, phones=retyped, has_base=st.booleans(), conflict=st.sampled_from(ConflictPolicy))
def test_p8_a_value_that_is_spelt_another_way_is_never_rewritten(sage100, ssm, phones, has_base, conflict):
    for rows in (rows_of([*phones, *sage100], ssm), rows_of(sage100, [*phones, *ssm])):
        assert decided(rows, has_base=has_base, conflict=conflict) == set()


@settings(deadline=None, derandomize=True)
@given(sage100=respelt, ssm=respelt, capitals=folded, conflict=st.sampled_from(ConflictPolicy))
def test_p4_without_a_base_capitals_and_missing_accents_are_never_rewritten(sage100, ssm, capitals, conflict):
    for rows in (rows_of([*capitals, *sage100], ssm), rows_of(sage100, [*capitals, *ssm])):
        assert decided(rows, has_base=False, conflict=conflict) == set()
