"""P4: who is the same contact on both sides, where no link says so yet."""

from dataclasses import dataclass, field, replace

import pytest

from sage100_ssm.sync.contacts.contact import Marks
from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.model import Intent, Side
from sage100_ssm.sync.policy import PossibleDuplicates
from sage100_ssm.sync.rules.decisions import Decisions, Pair
from sage100_ssm.sync.rules.evidence import People
from sage100_ssm.sync.rules.matching import Known, match, who_may_be_same
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
        decisions: what people decided.
        possible_duplicate: the site's setting.
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
    decisions: Decisions = field(default_factory=Decisions)
    possible_duplicate: PossibleDuplicates = PossibleDuplicates.ASK


PAIR = frozenset({Pair(1, 501)})
BOB = {"CT_Nom": "Bobin", "CT_Prenom": "Bob", "CT_EMail": "bob@x.example"}
BOB_THERE = {"lastName": "Bobin", "firstName": "Bob"}
AMBIGUOUS, ORPHAN, DUPLICATE = Code.AMBIGUOUS_MATCH, Code.ORPHAN_EXT_ID, Code.DUPLICATE_EXT_ID
POSSIBLE = Code.POSSIBLE_DUPLICATE

CASES = [
    Case("nobody", [], []),
    Case("Sage alone", [{}], []),
    Case("SSM alone", [], [{}]),
    # by extId
    Case("extId and all names", [{}], [{"extId": OURS}], [(1, 501, SAGE)]),
    Case("extId names the origin", [{}], [{"extId": ORIGIN_SSM}], [(1, 501, SSM)]),
    Case(
        "extId and last name prove nothing",
        [{}],
        [{"extId": OURS, "firstName": "Eva"}],
        problems=[(AMBIGUOUS, 1, 501)],
    ),
    Case(
        "extId and first name prove nothing",
        [{}],
        [{"extId": OURS, "lastName": "Martin"}],
        problems=[(AMBIGUOUS, 1, 501)],
    ),
    Case(
        "extId and e-mail prove nothing",
        [{"CT_EMail": "ada@x.example"}],
        [{"extId": OURS, **BOB_THERE, "email": "ADA@x.example"}],
        problems=[(AMBIGUOUS, 1, 501)],
    ),
    Case(
        "extId, last name and e-mail",
        [{"CT_EMail": "ada@x.example"}],
        [{"extId": OURS, "firstName": "Adélaïde", "email": "ADA@x.example"}],
        [(1, 501, SAGE)],
    ),
    Case(
        "extId, last name and an e-mail that a colleague has, too",
        [{"CT_EMail": "contact@x.example"}, BOB | {"CT_EMail": "contact@x.example"}],
        [{"extId": OURS, "firstName": "Adélaïde", "email": "contact@x.example"}],
        problems=[(AMBIGUOUS, 1, 501)],
    ),
    Case(
        "an extId that is not believed, and a namesake",
        [BOB, {}],
        [{"extId": OURS}],
        [(2, 501, SAGE)],
    ),
    Case(
        "two extIds that an import crossed",
        [{}, BOB],
        [{"extId": "sage100:TEST:2"}, {"extId": OURS, **BOB_THERE}],
        [(1, 501, SAGE), (2, 502, SAGE)],
    ),
    Case(
        "of two with one extId only one is believed",
        [{}],
        [{"extId": OURS}, {"extId": OURS, **BOB_THERE}],
        [(1, 501, SAGE)],
        problems=[(DUPLICATE, None, 502)],
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
    Case("a foreign extId is none", [{}], [{"extId": "C-0001"}], [(1, 501, SAGE)]),
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
    Case(
        "twins whom their mobiles part",
        [{"CT_TelPortable": "0612345678"}, {"CT_Nom": "AUBRELIN", "CT_TelPortable": "0687654321"}],
        [{"phone2": "+33 6 87 65 43 21"}, {"phone2": "06 12 34 56 78"}],
        [(1, 502, SAGE), (2, 501, SAGE)],
    ),
    Case(
        "twins of whom one has an e-mail opposite",
        [{"CT_EMail": "ada@x.example"}, {"CT_Nom": "AUBRELIN"}],
        [{}, {"email": "ada@x.example"}],
        [(1, 502, SAGE)],
        problems=[(AMBIGUOUS, 2, 501)],
    ),
    Case(
        "twins with the company's e-mail",
        [{"CT_EMail": "contact@x.example"}, {"CT_Nom": "AUBRELIN", "CT_EMail": "contact@x.example"}],
        [{"email": "contact@x.example"}],
        problems=[(AMBIGUOUS, 1, None), (AMBIGUOUS, 2, None), (AMBIGUOUS, None, 501)],
    ),
    # likely the same person
    Case(
        "the same e-mail",
        [{"CT_EMail": "ada@x.example"}],
        [{"lastName": "Martin", "email": "ada@x.example"}],
        problems=[(POSSIBLE, 1, 501)],
    ),
    Case(
        "the same mobile number",
        [BOB | {"CT_TelPortable": "0612345678"}],
        [{"phone2": "+33612345678"}],
        problems=[(POSSIBLE, 1, 501)],
    ),
    Case("the same switchboard", [BOB | {"CT_Telephone": "0112345678"}], [{"phone1": "0112345678"}]),
    Case(
        "the same e-mail, in another company",
        [{"CT_Num": "BETA", "CT_EMail": "ada@x.example"}],
        [{"lastName": "Martin", "email": "ada@x.example"}],
    ),
    Case(
        "an e-mail that a linked colleague has, too",
        [BOB, {"CT_EMail": "bob@x.example"}],
        [{"lastName": "Martin", "email": "bob@x.example"}],
        linked=(2,),
    ),
    Case("names exchanged", [{}], [{"lastName": "Ada", "firstName": "Aubrelin"}], problems=[(POSSIBLE, 1, 501)]),
    Case(
        "the whole name in one field",
        [{"CT_Nom": "Aubrelin Ada", "CT_Prenom": ""}],
        [{}],
        problems=[(POSSIBLE, 1, 501)],
    ),
    Case(
        "the whole name in one field of SSM",
        [{}],
        [{"lastName": "Ada Aubrelin", "firstName": None}],
        problems=[(POSSIBLE, 1, 501)],
    ),
    Case("no first name, and nobody else of that name", [{"CT_Prenom": ""}], [{}], problems=[(POSSIBLE, 1, 501)]),
    Case("no first name, and a namesake", [{"CT_Prenom": ""}, {"CT_Prenom": "Eva"}], [{}]),
    Case("the same last name, and two first names", [{"CT_Prenom": "Eva"}], [{}]),
    Case(
        "likely the same person, and a person said that they are not",
        [{"CT_EMail": "ada@x.example"}],
        [{"lastName": "Martin", "email": "ada@x.example"}],
        decisions=Decisions(different=PAIR),
    ),
    Case(
        "likely the same person, and the site wants no question",
        [{"CT_EMail": "ada@x.example"}],
        [{"lastName": "Martin", "email": "ada@x.example"}],
        possible_duplicate=PossibleDuplicates.CREATE,
    ),
    Case(
        "a contact without any name, and the same e-mail",
        [{"CT_EMail": "ada@x.example"}],
        [{"lastName": "", "firstName": "", "email": "ada@x.example"}],
        problems=[(POSSIBLE, 1, 501)],
    ),
    Case(
        "a row without any name, and the same e-mail",
        [{"CT_Nom": "", "CT_Prenom": "", "CT_EMail": "ada@x.example"}],
        [{"email": "ada@x.example"}],
        problems=[(POSSIBLE, 1, 501)],
    ),
    # a person decided
    Case("a person said that they are the same", [BOB], [{}], [(1, 501, SAGE)], decisions=Decisions(same=PAIR)),
    Case("and one of them is linked since", [BOB], [{}], decisions=Decisions(same=PAIR), linked=(1,)),
    Case("namesakes of whom a person said that they are two people", [{}], [{}], decisions=Decisions(different=PAIR)),
    Case(
        "an extId of whom a person said that they are two people",
        [BOB],
        [{"extId": OURS}],
        decisions=Decisions(different=PAIR),
    ),
    Case(
        "twins, and a person said that one of them is another",
        [{}, {"CT_Nom": "AUBRELIN"}],
        [{}],
        [(2, 501, SAGE)],
        decisions=Decisions(different=PAIR),
    ),
    Case(
        "namesakes whom a person parted again",
        [{}],
        [{"extId": OURS}],
        problems=[(POSSIBLE, 1, 501)],
        decisions=Decisions(separated=PAIR),
    ),
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
    return match(*sides_of(case))


def sides_of(case):
    """The contacts without a link of each side, and what matching may rely on."""
    known = worlds.mapper()
    rows = {n: known.read(Side.SAGE100, worlds.sage_row(n, **changes)) for n, changes in enumerate(case.sage100, 1)}
    contacts = [known.read(Side.SSM, worlds.ssm_row(n, **changes)) for n, changes in enumerate(case.ssm, 501)]
    linked = {n: worlds.linked(worlds.sage_row(n), worlds.ssm_row(900 + n)) for n in case.linked}
    free = [row for n, row in rows.items() if n not in case.linked + case.out_of_scope]
    people = People((*rows.values(), *contacts), "FR")
    marks = Marks(worlds.DATABASE)
    settings = (case.decisions, case.possible_duplicate)
    return free, contacts, Known(marks, people, rows, linked, case.origins, case.intents, *settings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_matching(case):
    result = matched(case)
    pairs = [(m.sage100.id, m.ssm.id, m.origin) for m in result.matches]
    problems = [(p.code, p.subject.sage100_id, p.subject.ssm_id) for p in result.problems]
    assert (pairs, sorted(problems, key=str)) == (case.pairs, sorted(case.problems, key=str))


@pytest.mark.parametrize(("setting", "pairs"), [(PossibleDuplicates.ASK, [(1, 501)]), (PossibleDuplicates.CREATE, [])])
def test_whom_the_site_does_not_want_to_be_asked_about_is_no_candidate(setting, pairs):
    case = Case("the same e-mail", [{"CT_EMail": "ada@x.example"}], [{"lastName": "Martin", "email": "ada@x.example"}])
    rows, contacts, known = sides_of(replace(case, possible_duplicate=setting))
    assert [(row.id, contact.id) for row, contact in who_may_be_same(rows, contacts, known)] == pairs


def test_p13_whom_we_created_from_a_contact_that_is_deleted_since_is_nobodys_where_it_left_the_scope():
    intents = (Intent(SAGE, 501, sage100_no=101),)
    rows, contacts, known = sides_of(Case("created", [{}], [{"deleted": True}], out_of_scope=(1,), intents=intents))
    result = match(rows, (), known, deleted=contacts)
    assert (result.matches, result.problems, result.out_of_scope) == ([], [], [])


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
            [known.read(Side.SAGE100, row) for row in rows],
            contacts,
            Known(Marks(worlds.DATABASE), People((), "FR"), {}, {}, {}, ()),
        )
        assert {(m.sage100.id, m.ssm.id) for m in result.matches} == {(1, 501), (2, 502), (3, 503)}
