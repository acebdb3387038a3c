"""Which links sleep (P10, P13), and which contacts go on although their account was deleted."""

from dataclasses import dataclass

import pytest

from sage100_ssm.sync.contacts.companies import ContactScope, Scope
from sage100_ssm.sync.journal import Code, SleepReason
from sage100_ssm.sync.model import LinkStatus, Side
from sage100_ssm.sync.rules import links
from sage100_ssm.sync.rules.pair import LinkedPair
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
ALPHA, BETA = worlds.ACCOUNTS
DELETED_ACCOUNT = {**ALPHA, "deleted": True}
NEW_ACCOUNT, SECOND_ACCOUNT = {**ALPHA, "id": 13}, {**ALPHA, "id": 14}
NO_CLIENT = worlds.CLIENTS[1:]
EVERYBODY, WITHOUT_ALPHA = Scope(), Scope(exclude=("AL*",))
WITHOUT_SERVICE = Scope(contacts=ContactScope(({"N_Service": "4"},)))
OUT, INVISIBLE = Code.OUT_OF_SCOPE, Code.NOT_VISIBLE_IN_SSM


@dataclass(frozen=True)
class Case:
    """Ada of ALPHA, whose account is 11, is linked.

    Attributes:
        name: the rule, and what it comes to.
        why: why the link sleeps; None for a link that goes on.
        sage100: whether Sage has her.
        ssm: how SSM shows her: ``live``, ``deleted`` or ``not shown``.
        origin: where she was created.
        slept: why the link slept before; None for a link that was awake.
        clients: the companies of Sage.
        accounts: the accounts of SSM.
        scope: what the settings leave out.
    """

    name: str
    why: SleepReason | None
    sage100: bool = True
    ssm: str = "live"
    origin: Side = SAGE
    slept: Code | None = None
    clients: tuple = worlds.CLIENTS
    accounts: tuple = worlds.ACCOUNTS
    scope: Scope = EVERYBODY


CASES = [
    Case("P13: a contact whose company is a client with an account goes on", None),
    Case("P13: a link whose reason is gone wakes", None, slept=OUT),
    Case("P13: the settings leave out the company", SleepReason.LEFT_OUT, scope=WITHOUT_ALPHA),
    Case(
        "P13: the settings leave out a company that is no client any more",
        SleepReason.LEFT_OUT,
        scope=WITHOUT_ALPHA,
        clients=NO_CLIENT,
    ),
    Case("P13: the settings leave out the contact", SleepReason.LEFT_OUT, scope=WITHOUT_SERVICE),
    Case(
        "P13 before R8: the settings leave out the contact, and SSM shows it as deleted",
        SleepReason.LEFT_OUT,
        ssm="deleted",
        scope=WITHOUT_SERVICE,
    ),
    Case("R9: gone from Sage, no pattern leaves it out any more", None, sage100=False, scope=WITHOUT_SERVICE),
    Case(
        "P13: gone from Sage while it slept, perhaps left out, it sleeps on",
        SleepReason.LEFT_OUT,
        sage100=False,
        slept=OUT,
        scope=WITHOUT_SERVICE,
    ),
    Case("P13: its company is no client any more", SleepReason.NO_CLIENT, clients=NO_CLIENT),
    Case(
        "P13: its company is no client any more, and SSM shows it as deleted",
        SleepReason.NO_CLIENT,
        ssm="deleted",
        clients=NO_CLIENT,
    ),
    Case(
        "P13 before P10: its company is no client any more, and SSM does not show it",
        SleepReason.NO_CLIENT,
        ssm="not shown",
        clients=NO_CLIENT,
    ),
    Case("R9: gone from Sage together with its company, it is deleted", None, sage100=False, clients=NO_CLIENT),
    Case(
        "P13: gone from Sage while it slept out of scope, it sleeps on",
        SleepReason.NO_CLIENT,
        sage100=False,
        slept=OUT,
        clients=NO_CLIENT,
    ),
    Case(
        "R9: gone from Sage while SSM did not show it, and shown again, it is deleted",
        None,
        sage100=False,
        slept=INVISIBLE,
        clients=NO_CLIENT,
    ),
    Case("P10: SSM does not show it", SleepReason.NOT_VISIBLE, ssm="not shown"),
    Case("P10: neither Sage nor SSM shows it", SleepReason.NOT_VISIBLE, sage100=False, ssm="not shown"),
    Case("R9: deleted on both sides, it ends", None, sage100=False, ssm="deleted"),
    Case(
        "R9: deleted on both sides, it ends even if the settings leave out its company",
        None,
        sage100=False,
        ssm="deleted",
        scope=WITHOUT_ALPHA,
    ),
    Case("R8: deleted in SSM while its account is live, it does not sleep", None, ssm="deleted"),
    Case("P13: its account was deleted", SleepReason.ACCOUNT_DELETED, accounts=(DELETED_ACCOUNT, BETA)),
    Case(
        "P13: deleted with its account, of origin Sage",
        SleepReason.ACCOUNT_DELETED,
        ssm="deleted",
        accounts=(DELETED_ACCOUNT, BETA),
    ),
    Case(
        "P13: deleted with its account, of origin SSM",
        SleepReason.WENT_WITH_ACCOUNT,
        ssm="deleted",
        origin=SSM,
        accounts=(DELETED_ACCOUNT, BETA),
    ),
    Case(
        "P13: live, of origin SSM, its account was deleted",
        SleepReason.ACCOUNT_DELETED,
        origin=SSM,
        accounts=(DELETED_ACCOUNT, BETA),
    ),
    Case("P13: its account was deleted, and its company has a new one", None, accounts=(DELETED_ACCOUNT, NEW_ACCOUNT)),
    Case(
        "P13: deleted with its account, of origin SSM, and its company has a new one",
        SleepReason.WENT_WITH_ACCOUNT,
        ssm="deleted",
        origin=SSM,
        accounts=(DELETED_ACCOUNT, NEW_ACCOUNT),
    ),
    Case(
        "P13: gone from Sage, its account was deleted",
        SleepReason.ACCOUNT_DELETED,
        sage100=False,
        accounts=(DELETED_ACCOUNT, BETA),
    ),
]


def pair_and_companies(case):
    known = worlds.companies(case.clients, case.accounts, case.scope)
    mapper = worlds.mapper(known=known)
    status = LinkStatus.ASLEEP if case.slept else LinkStatus.ACTIVE
    link = worlds.linked(origin=case.origin, status=status, reason=case.slept)
    here = mapper.read(SAGE, worlds.sage_row()) if case.sage100 else None
    row = worlds.ssm_row(deleted=case.ssm == "deleted")
    there = None if case.ssm == "not shown" else mapper.read(SSM, row)
    return LinkedPair(link, here, there), known


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_why_a_link_sleeps(case):
    assert links.sleep_reason(*pair_and_companies(case)) is case.why


# --- P13: an account again


@pytest.mark.parametrize(
    ("sage100", "ssm", "origin", "returns"),
    [
        pytest.param(True, "live", SAGE, True, id="live on both sides, of origin Sage: it moves to the new account"),
        pytest.param(True, "live", SSM, True, id="live on both sides, of origin SSM: it moves too"),
        pytest.param(False, "live", SAGE, True, id="gone from Sage, live in SSM: its deletion goes on"),
        pytest.param(False, "live", SSM, True, id="the same, of origin SSM"),
        pytest.param(True, "deleted", SAGE, True, id="deleted with its account, of origin Sage: it is restored"),
        pytest.param(True, "deleted", SSM, False, id="deleted with its account, of origin SSM: nobody knows, it waits"),
        pytest.param(False, "deleted", SAGE, False, id="gone from both sides: nothing returns"),
        pytest.param(False, "deleted", SSM, False, id="the same, of origin SSM"),
    ],
)
def test_p13_whose_account_was_deleted_may_return_once_the_company_has_an_account(sage100, ssm, origin, returns):
    case = Case("", None, sage100, ssm, origin, accounts=(DELETED_ACCOUNT, NEW_ACCOUNT))
    pair, companies = pair_and_companies(case)
    assert links._may_return(pair, pair.ssm, companies) is returns


@pytest.mark.parametrize(
    ("accounts", "returns"),
    [
        pytest.param((DELETED_ACCOUNT,), False, id="no account"),
        pytest.param((DELETED_ACCOUNT, BETA), False, id="another company's account"),
        pytest.param((DELETED_ACCOUNT, NEW_ACCOUNT), True, id="one account"),
        pytest.param((DELETED_ACCOUNT, NEW_ACCOUNT, SECOND_ACCOUNT), False, id="two accounts: nobody knows which"),
    ],
)
def test_p13_it_returns_to_the_only_account_of_its_company(accounts, returns):
    pair, companies = pair_and_companies(Case("", None, accounts=accounts))
    assert links._may_return(pair, pair.ssm, companies) is returns


@pytest.mark.parametrize("origin", list(Side))
@pytest.mark.parametrize(
    ("columns", "without", "company", "returns"),
    [
        pytest.param({"CT_Num": "BETA"}, (), "ALPHA", True, id="moved to a company that has an account"),
        pytest.param({"CT_Num": "BETA"}, ("company",), "ALPHA", True, id="the same, before a first base"),
        pytest.param({"CT_Num": "GAMMA"}, (), "ALPHA", False, id="moved to a company without an account"),
    ],
)
def test_p13_whom_sage_moved_lives_though_the_old_account_was_deleted(origin, columns, without, company, returns):
    known = worlds.companies(accounts=(DELETED_ACCOUNT, BETA))
    mapper = worlds.mapper(known=known)
    here, there = mapper.read(SAGE, worlds.sage_row(**columns)), mapper.read(SSM, worlds.ssm_row(deleted=True))
    link = worlds.linked(using=mapper, origin=origin, without=without, company=company)
    assert links._may_return(LinkedPair(link, here, there), there, known) is returns


def test_p13_a_contact_that_ssm_moved_to_an_account_deleted_with_it_does_not_return():
    known = worlds.companies(accounts=(ALPHA, {**BETA, "deleted": True}))
    mapper = worlds.mapper(known=known)
    there = mapper.read(SSM, worlds.ssm_row(accountId=12, deleted=True))
    pair = LinkedPair(worlds.linked(using=mapper, origin=SSM), mapper.read(SAGE, worlds.sage_row()), there)
    assert not links._may_return(pair, there, known)
