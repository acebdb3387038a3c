"""What a run does about one linked contact: the whole table, every combination decided by exactly one row.

Ada is linked, and every row is about her e-mail, a field like any other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.contacts.fields import EMAIL
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import World
from sage100_ssm.sync.policy import ConflictPolicy, Policy, RefusedDeletion
from tests.support import worlds

BASE = "ada@alpha.example"
FROM_SAGE = "sage@alpha.example"
FROM_SSM = "ssm@alpha.example"
EXT_ID = {"sage100": "sage100:TEST:1", "ssm": "ssm:TEST:1"}

BASES = ("known", "none")
SAGE = ("unchanged", "edited", "cleared", "deleted", "out of scope")
SSM = ("unchanged", "edited same", "edited other", "deleted", "not visible")
ORIGINS = ("sage100", "ssm")
CONFLICTS = ("sage100", "ssm", "newest", "manual")
REFUSED = ("restore", "leave")
Combination = tuple[str, str, str, str, str, str]

_IN_SAGE = {"unchanged": BASE, "edited": FROM_SAGE, "cleared": "", "deleted": BASE, "out of scope": BASE}
_STAMP_IN_SAGE = {"edited": "2026-03-02T10:00:00+01:00", "cleared": "2026-03-02T10:00:00+01:00"}
_EDITED_IN_SSM = "2026-03-02T11:00:00Z"


@dataclass(frozen=True)
class Row:
    """One line of the table. A dimension lists its values, parted by ``|``; ``*`` is any.

    Attributes:
        name: the rule, and what it comes to.
        base: whether the e-mail has a base.
        sage100: what became of the contact in Sage.
        ssm: what became of it in SSM; ``edited same`` says what Sage says, spelt otherwise.
        origin: where it was created.
        conflict: the setting of P1.
        refused: the setting of P5.
        writes: side, action and e-mail written, where it is.
        status: the link's status once the plan is saved.
        problems: code and field.
        notices: code and field.
    """

    name: str
    base: str = "*"
    sage100: str = "*"
    ssm: str = "*"
    origin: str = "*"
    conflict: str = "*"
    refused: str = "*"
    writes: tuple[str, ...] = ()
    status: LinkStatus = LinkStatus.ACTIVE
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def combinations(self) -> Iterator[Combination]:
        """The combinations that this line decides."""
        given = (self.base, self.sage100, self.ssm, self.origin, self.conflict, self.refused)
        domains = (BASES, SAGE, SSM, ORIGINS, CONFLICTS, REFUSED)
        yield from product(*(d if g == "*" else g.split("|") for g, d in zip(given, domains, strict=True)))


TO_SSM = f"ssm update email={FROM_SAGE}"
TO_SSM_CLEARED = "ssm update email=None"
TO_SAGE = f"sage100 update email={FROM_SSM}"
SETTLED = ("conflict_settled email",)
CONFLICT = ("conflict email",)
REFUSAL = ("deletion_refused",)
DELETED = ("deleted_in_sage",)

TABLE = [
    # live on both sides, the e-mail's base known
    Row("R5: nothing changed, nothing is written", "known", "unchanged", "unchanged"),
    Row("P8: another spelling is no change", "known", "unchanged", "edited same"),
    Row("R5: a change in SSM reaches Sage", "known", "unchanged", "edited other", writes=(TO_SAGE,)),
    Row("R5: a change in Sage reaches SSM", "known", "edited", "unchanged", writes=(TO_SSM,)),
    Row("R5: what is cleared in Sage is cleared in SSM", "known", "cleared", "unchanged", writes=(TO_SSM_CLEARED,)),
    Row("P1: equal values are no conflict", "known", "edited|cleared", "edited same"),
    Row("P1: Sage wins", "*", "edited", "edited other", conflict="sage100", writes=(TO_SSM,), notices=SETTLED),
    Row("P1: SSM wins", "*", "edited", "edited other", conflict="ssm", writes=(TO_SAGE,), notices=SETTLED),
    Row("P1: the newer one wins", "*", "edited", "edited other", conflict="newest", writes=(TO_SAGE,), notices=SETTLED),
    Row("P1: nobody wins", "*", "edited", "edited other", conflict="manual", problems=CONFLICT),
    Row(
        "P1: clearing in Sage wins",
        "known",
        "cleared",
        "edited other",
        conflict="sage100",
        writes=(TO_SSM_CLEARED,),
        notices=SETTLED,
    ),
    Row(
        "P1: clearing in Sage loses",
        "known",
        "cleared",
        "edited other",
        conflict="ssm|newest",
        writes=(TO_SAGE,),
        notices=SETTLED,
    ),
    Row("P1: clearing against a change", "known", "cleared", "edited other", conflict="manual", problems=CONFLICT),
    # live on both sides, the e-mail without a base
    Row("P4: equal without a base", "none", "unchanged", "unchanged|edited same"),
    Row("P4: equal without a base, both changed", "none", "edited|cleared", "edited same"),
    Row("P4: filled over empty", "none", "cleared", "unchanged", writes=(f"sage100 update email={BASE}",)),
    Row("P4: filled over empty, SSM edited", "none", "cleared", "edited other", writes=(TO_SAGE,)),
    Row(
        "P4, P1: two values, Sage wins, SSM changed",
        "none",
        "unchanged",
        "edited other",
        conflict="sage100",
        writes=(f"ssm update email={BASE}",),
        notices=SETTLED,
    ),
    Row(
        "P4, P1: two values, SSM wins, SSM changed",
        "none",
        "unchanged",
        "edited other",
        conflict="ssm|newest",
        writes=(TO_SAGE,),
        notices=SETTLED,
    ),
    Row(
        "P4, P1: two values, nobody wins, SSM changed",
        "none",
        "unchanged",
        "edited other",
        conflict="manual",
        problems=CONFLICT,
    ),
    Row(
        "P4, P1: two values, Sage wins, Sage changed",
        "none",
        "edited",
        "unchanged",
        conflict="sage100|newest",
        writes=(TO_SSM,),
        notices=SETTLED,
    ),
    Row(
        "P4, P1: two values, SSM wins, Sage changed",
        "none",
        "edited",
        "unchanged",
        conflict="ssm",
        writes=(f"sage100 update email={BASE}",),
        notices=SETTLED,
    ),
    Row(
        "P4, P1: two values, nobody wins, Sage changed",
        "none",
        "edited",
        "unchanged",
        conflict="manual",
        problems=CONFLICT,
    ),
    # deleted in SSM
    Row(
        "R7: created and deleted in SSM",
        "known",
        "unchanged",
        "deleted",
        "ssm",
        writes=("sage100 delete",),
        notices=DELETED,
    ),
    Row(
        "R7: the same, nothing to lose in Sage",
        "none",
        "cleared",
        "deleted",
        "ssm",
        writes=("sage100 delete",),
        notices=DELETED,
    ),
    Row(
        "P3: edited in Sage since",
        "known",
        "edited",
        "deleted",
        "ssm",
        refused="restore",
        writes=(f"ssm create email={FROM_SAGE}",),
        notices=REFUSAL,
    ),
    Row(
        "P3: cleared in Sage since",
        "known",
        "cleared",
        "deleted",
        "ssm",
        refused="restore",
        writes=("ssm create",),
        notices=REFUSAL,
    ),
    Row(
        "P3: a value whose base is unknown counts as edited",
        "none",
        "unchanged",
        "deleted",
        "ssm",
        refused="restore",
        writes=(f"ssm create email={BASE}",),
        notices=REFUSAL,
    ),
    Row(
        "R8: restored",
        "*",
        "unchanged",
        "deleted",
        "sage100",
        refused="restore",
        writes=(f"ssm create email={BASE}",),
        notices=REFUSAL,
    ),
    Row(
        "R8: restored with Sage's change",
        "known",
        "edited",
        "deleted",
        "sage100",
        refused="restore",
        writes=(f"ssm create email={FROM_SAGE}",),
        notices=REFUSAL,
    ),
    Row(
        "R8: restored without what Sage cleared",
        "known",
        "cleared",
        "deleted",
        "sage100",
        refused="restore",
        writes=("ssm create",),
        notices=REFUSAL,
    ),
    Row(
        "R8, P4: restored, filled over empty",
        "none",
        "cleared",
        "deleted",
        "sage100",
        refused="restore",
        writes=(f"sage100 update email={BASE}", f"ssm create email={BASE}"),
        notices=REFUSAL,
    ),
    *(
        Row(
            f"P5: left deleted, created in {origin}, {base}",
            base,
            sage100,
            "deleted",
            origin,
            refused="leave",
            status=LinkStatus.ASLEEP,
            notices=REFUSAL,
        )
        for origin, base, sage100 in (
            ("sage100", "*", "unchanged|edited|cleared"),
            ("ssm", "known", "edited|cleared"),
            ("ssm", "none", "unchanged|edited"),
        )
    ),
    *(
        Row(
            f"{rule}, P4: restored with two values and no base, {settled}",
            "none",
            "edited",
            "deleted",
            origin,
            conflict,
            "restore",
            writes,
            problems=problems,
            notices=(*REFUSAL, *notices),
        )
        for rule, origin in (("P3", "ssm"), ("R8", "sage100"))
        for settled, conflict, writes, problems, notices in (
            ("Sage wins", "sage100|newest", (f"ssm create email={FROM_SAGE}",), (), SETTLED),
            ("SSM wins", "ssm", (f"sage100 update email={BASE}", f"ssm create email={BASE}"), (), SETTLED),
            ("nobody wins", "manual", (f"ssm create email={BASE}",), CONFLICT, ()),
        )
    ),
    # deleted in Sage
    Row("R9: deleted in Sage", "known", "deleted", "unchanged|edited same", writes=("ssm delete",)),
    *(
        Row(f"P2: {name}", base, "deleted", ssm, writes=("ssm delete",), notices=("deletion_overrode_edit email",))
        for name, base, ssm in (
            ("the deletion goes over an edit", "known", "edited other"),
            ("what may never have reached Sage is kept in the journal", "none", "unchanged|edited same|edited other"),
        )
    ),
    Row("R9: gone on both sides", "*", "deleted", "deleted", status=LinkStatus.ENDED),
    # not seen, out of scope
    Row(
        "P10: SSM shows it no longer",
        "*",
        "unchanged|edited|cleared|deleted",
        "not visible",
        status=LinkStatus.ASLEEP,
        problems=("not_visible_in_ssm",),
    ),
    Row(
        "P13: its company is no client any more",
        "*",
        "out of scope",
        "*",
        status=LinkStatus.ASLEEP,
        problems=("out_of_scope",),
    ),
]


def staged(combination: Combination) -> World:
    base, sage100, ssm, origin, conflict, refused = combination
    ext_id = EXT_ID[origin]
    before = worlds.sage_row(CT_EMail=BASE), worlds.ssm_row(email=BASE, extId=ext_id)
    link = worlds.linked(*before, origin=Side(origin), without=() if base == "known" else (EMAIL,))
    here = before[0] | {"CT_EMail": _IN_SAGE[sage100]}
    here |= {"cbModification": _STAMP_IN_SAGE.get(sage100, before[0]["cbModification"])}
    there = before[1]
    if ssm.startswith("edited"):
        says = _IN_SAGE[sage100].upper() or None if ssm == "edited same" else FROM_SSM
        there = there | {"email": says, "dateUpdated": _EDITED_IN_SSM}
    if ssm == "deleted":
        there = there | {"deleted": True}
    clients = [c for c in worlds.CLIENTS if not (sage100 == "out of scope" and c["CT_Num"] == "ALPHA")]
    return worlds.world(
        [] if sage100 == "deleted" else [here],
        [] if ssm == "not visible" else [there],
        [link],
        using=worlds.mapper(known=worlds.companies(clients)),
        policy=Policy(ConflictPolicy(conflict), RefusedDeletion(refused)),
    )


def shown(made: Plan) -> list[str]:
    names = {Side.SAGE100: "CT_EMail", Side.SSM: "email"}
    lines = []
    for write in made.writes:
        others = write.values.keys() - {"CT_EMail", "email"} if write.action is Action.UPDATE else ()
        assert not others, "nothing else is written"
        name = names[write.side]
        told = (
            f" email={write.values[name]}"
            if name in write.values and (write.action is Action.UPDATE or write.values[name])
            else ""
        )
        lines.append(f"{write.side} {write.action}{told}")
    return sorted(lines)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_one_linked_contact(row):
    for combination in row.combinations():
        before = staged(combination)
        made = decide(before)
        (link,) = before.links
        after = next((saved for saved in made.links if saved.id == link.id), link)
        problems, notices = worlds.told(made)
        came = shown(made), after.status, tuple(problems), sorted(notices)
        expected = sorted(row.writes), row.status, row.problems, sorted(row.notices)
        assert came == expected, combination
        assert (after.origin, after.sage100_id, after.ssm_id) == (link.origin, link.sage100_id, link.ssm_id)


def test_every_combination_is_decided_by_exactly_one_row():
    decided = sorted(combination for row in TABLE for combination in row.combinations())
    assert decided == sorted(product(BASES, SAGE, SSM, ORIGINS, CONFLICTS, REFUSED))
