"""P4: who is the same contact on both sides, where no link says so yet."""

from dataclasses import dataclass, field

import pytest

from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.model import Intent, Side
from sage100_ssm.sync.rules.matching import Known, match
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
OURS, ORIGIN_SSM = "sage100:TEST:1", "ssm:TEST:1"
GONE = "sage100:TEST:77"


@dataclass(frozen=True)
class Case:
    """Contacts without a link, and what comes of matching them.

    Attributes:
        sage100: rows of Sage, as changes of Ada's, numbered from 1.
        ssm: contacts of SSM, as changes of Ada's, numbered from 501.
        pairs: Sage id, SSM id and origin.
        problems: code, Sage id and SSM id.
        linked: the Sage ids that have a link already.
        out_of_scope: the Sage ids that are read, but out of scope.
        origins: the origins that deleted SSM rows name, by ``cbMarq``.
        intents: creates that were not confirmed.
    """

    name: str
    sage100: list
    ssm: list
    pairs: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    linked: tuple = ()
    out_of_scope: tuple = ()
    origins: dict = field(default_factory=dict)
    intents: tuple = ()


BOB = {"CT_Nom": "Bobin", "CT_Prenom": "Bob", "CT_EMail": "bob@x.example"}
BOB_THERE = {"lastName": "Bobin", "firstName": "Bob"}
AMBIGUOUS, ORPHAN, DUPLICATE = Code.AMBIGUOUS_MATCH, Code.ORPHAN_EXT_ID, Code.DUPLICATE_EXT_ID

CASES = [
    Case("nobody", [], []),
    Case("Sage alone", [{}], []),
    Case("SSM alone", [], [{}]),
    # by extId
    Case("extId and all names", [{}], [{"extId": OURS}], [(1, 501, SAGE)]),
    Case("extId names the origin", [{}], [{"extId": ORIGIN_SSM}], [(1, 501, SSM)]),
    Case("extId and last name", [{}], [{"extId": OURS, "firstName": "Eva"}], [(1, 501, SAGE)]),
    Case("extId and first name", [{}], [{"extId": OURS, "lastName": "Martin"}], [(1, 501, SAGE)]),
    Case(
        "extId and e-mail",
        [{"CT_EMail": "ada@x.example"}],
        [{"extId": OURS, **BOB_THERE, "email": "ADA@x.example"}],
        [(1, 501, SAGE)],
    ),
    Case("extId goes before company", [{"CT_Num": "BETA"}], [{"extId": OURS}], [(1, 501, SAGE)]),
    Case("extId alone is not believed", [BOB], [{"extId": OURS}], problems=[(AMBIGUOUS, 1, 501)]),
    Case("two empty e-mails do not agree", [BOB | {"CT_EMail": ""}], [{"extId": OURS}], problems=[(AMBIGUOUS, 1, 501)]),
    Case(
        "two empty first names do not agree",
        [BOB | {"CT_Prenom": ""}],
        [{"extId": OURS, "firstName": ""}],
        problems=[(AMBIGUOUS, 1, 501)],
    ),
    Case(
        "our own unconfirmed create is believed",
        [BOB],
        [{"extId": OURS}],
        [(1, 501, SAGE)],
        intents=(Intent(SSM, 1, OURS),),
    ),
    Case(
        "another create is no reason",
        [BOB],
        [{"extId": OURS}],
        problems=[(AMBIGUOUS, 1, 501)],
        intents=(Intent(SSM, 2, OURS),),
    ),
    Case(
        "two have one extId",
        [{}],
        [{"extId": OURS}, {"extId": ORIGIN_SSM}],
        problems=[(AMBIGUOUS, 1, 501), (AMBIGUOUS, 1, 502)],
    ),
    Case("the linked one goes on", [{}], [{"extId": OURS}], problems=[(DUPLICATE, None, 501)], linked=(1,)),
    Case("the row has left the scope", [{}], [{"extId": OURS}], out_of_scope=(1,)),
    Case("the row is gone", [], [{"extId": GONE}], problems=[(ORPHAN, None, 501)]),
    Case("the row is gone, a namesake is there", [{}], [{"extId": GONE}], [(1, 501, SAGE)]),
    Case("the row is gone, a namesake is there, created in SSM", [{}], [{"extId": "ssm:TEST:77"}], [(1, 501, SSM)]),
    Case("a foreign extId is none", [{}], [{"extId": "sage100:OTHER:1"}], [(1, 501, SAGE)]),
    # by names
    Case("company and names", [{}], [{}], [(1, 501, SAGE)]),
    Case("case, accents and spacing aside", [{"CT_Nom": "ÀUBRELIN ", "CT_Prenom": "ada"}], [{}], [(1, 501, SAGE)]),
    Case("neither has a first name", [{"CT_Prenom": ""}], [{"firstName": ""}], [(1, 501, SAGE)]),
    Case("another company", [{"CT_Num": "BETA"}], [{}]),
    Case("another first name", [{}], [{"firstName": "Eva"}]),
    Case("no last name", [{"CT_Nom": ""}], [{"lastName": ""}]),
    Case("no company", [{"CT_Num": ""}], [{"accountId": None}]),
    Case("twins in SSM", [{}], [{}, {}], problems=[(AMBIGUOUS, 1, 501), (AMBIGUOUS, 1, 502)]),
    Case(
        "twins in Sage",
        [{}, {"CT_Nom": "AUBRELIN"}],
        [{}],
        problems=[(AMBIGUOUS, 1, None), (AMBIGUOUS, 2, None), (AMBIGUOUS, None, 501)],
    ),
    Case("twins whose other is linked", [{}, {"CT_Nom": "AUBRELIN"}], [{}], [(2, 501, SAGE)], linked=(1,)),
    Case("an extId parts twins", [{}], [{"extId": OURS}, {}], [(1, 501, SAGE)]),
    Case("twins on one side alone", [{}, {"CT_Nom": "AUBRELIN"}], []),
    Case("a deleted row names the origin", [{}], [{}], [(1, 501, SSM)], origins={1: SSM}),
    Case("its extId goes before that of a deleted row", [{}], [{"extId": OURS}], [(1, 501, SAGE)], origins={1: SSM}),
    # by an unconfirmed create in Sage
    Case("created under that CT_No", [{}], [{}], [(1, 501, SSM)], intents=(Intent(SAGE, 501, sage100_no=101),)),
    Case(
        "created under that CT_No, renamed since",
        [{"CT_Nom": "Martin"}],
        [{}],
        [(1, 501, SSM)],
        intents=(Intent(SAGE, 501, sage100_no=101),),
    ),
    Case("that CT_No went to somebody else", [BOB], [{}], intents=(Intent(SAGE, 501, sage100_no=101),)),
    Case(
        "created under that CT_No, moved since",
        [{"CT_Num": "BETA"}],
        [{}],
        [(1, 501, SSM)],
        intents=(Intent(SAGE, 501, sage100_no=101),),
    ),
    Case(
        "that CT_No is another company's, where somebody has the same first name",
        [{"CT_Num": "BETA", "CT_Nom": "Martin"}],
        [{}],
        intents=(Intent(SAGE, 501, sage100_no=101),),
    ),
    Case(
        "created under another CT_No: by name", [{}], [{}], [(1, 501, SSM)], intents=(Intent(SAGE, 501, sage100_no=9),)
    ),
]


def matched(case):
    known = worlds.mapper()
    rows = {n: known.read(Side.SAGE100, worlds.sage_row(n, **changes)) for n, changes in enumerate(case.sage100, 1)}
    contacts = [known.read(Side.SSM, worlds.ssm_row(n, **changes)) for n, changes in enumerate(case.ssm, 501)]
    linked = {n: worlds.linked(worlds.sage_row(n), worlds.ssm_row(900 + n)) for n in case.linked}
    free = [row for n, row in rows.items() if n not in case.linked + case.out_of_scope]
    return match(free, contacts, Known(worlds.DATABASE, rows, linked, case.origins, case.intents))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_matching(case):
    result = matched(case)
    pairs = [(m.sage100.id, m.ssm.id, m.origin) for m in result.matches]
    problems = [(p.code, p.subject.sage100_id, p.subject.ssm_id) for p in result.problems]
    assert (pairs, sorted(problems, key=str)) == (case.pairs, sorted(case.problems, key=str))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_who_is_matched_or_in_doubt_is_not_created_again(case):
    result = matched(case)
    pairs = {(SAGE, m.sage100.id) for m in result.matches} | {(SSM, m.ssm.id) for m in result.matches}
    about = [p.subject for p in result.problems]
    doubted = {(SAGE, s.sage100_id) for s in about if s.sage100_id} | {(SSM, s.ssm_id) for s in about if s.ssm_id}
    created = {(c.side, c.id) for side in Side for c in result.remaining[side]}
    assert (pairs | doubted).isdisjoint(created)


def test_the_order_of_contacts_does_not_matter():
    rows = [worlds.sage_row(n, CT_Nom=name) for n, name in enumerate(("Aubrelin", "Bobin", "Claudel"), 1)]
    there = [worlds.ssm_row(500 + n, lastName=row["CT_Nom"]) for n, row in enumerate(rows, 1)]
    known = worlds.mapper()
    for order in (1, -1):
        contacts = [known.read(Side.SSM, row) for row in there[::order]]
        result = match(
            [known.read(Side.SAGE100, row) for row in rows], contacts, Known(worlds.DATABASE, {}, {}, {}, ())
        )
        assert {(m.sage100.id, m.ssm.id) for m in result.matches} == {(1, 501), (2, 502), (3, 503)}
