"""The company of a contact: which account SSM has to show (R6, P6), and which accounts do not do (R4)."""

from dataclasses import replace

import pytest

from sage100_ssm.sync.contacts.fields import COMPANY
from sage100_ssm.sync.journal import Code, CompanyMissing, CompanyNotInSage, Entry, Subject
from sage100_ssm.sync.model import Side, ValuePair
from sage100_ssm.sync.rules.links import Move, company_in_ssm, company_problem
from sage100_ssm.sync.rules.pair import ShownPair
from tests.support import worlds

SAGE, SSM = Side.SAGE100, Side.SSM
ALPHA, BETA = worlds.ACCOUNTS
BOTH = (ALPHA, BETA)
DELETED, AGAIN = {**ALPHA, "deleted": True}, {**ALPHA, "id": 13}
NOT_IN_SSM, AMBIGUOUS = Code.COMPANY_NOT_IN_SSM, Code.AMBIGUOUS_COMPANY
IN_ALPHA = ValuePair("ALPHA", "ALPHA")


@pytest.mark.parametrize(
    ("base", "sage100", "account", "accounts", "move"),
    [
        pytest.param(IN_ALPHA, "ALPHA", 11, BOTH, None, id="both sides agree"),
        pytest.param(IN_ALPHA, "alpha", 11, BOTH, None, id="both agree, in another spelling"),
        pytest.param(None, "ALPHA", 11, BOTH, None, id="both agree without a base"),
        pytest.param(IN_ALPHA, "BETA", 11, BOTH, Move(12), id="P6: moved in Sage, SSM follows"),
        pytest.param(IN_ALPHA, "BETA", 11, (ALPHA,), Move(problem=NOT_IN_SSM), id="P6: to a company without account"),
        pytest.param(
            IN_ALPHA,
            "BETA",
            11,
            (*BOTH, {**BETA, "id": 14}),
            Move(problem=AMBIGUOUS),
            id="P6: into two accounts",
        ),
        pytest.param(IN_ALPHA, "ALPHA", 12, BOTH, Move(11, refused=True), id="R6: moved in SSM, it is put back"),
        pytest.param(IN_ALPHA, "ALPHA", None, BOTH, Move(11, refused=True), id="R6: taken out of its account"),
        pytest.param(
            ValuePair("ALPHA", None), "ALPHA", 12, BOTH, Move(11, refused=True), id="R6: into a first account"
        ),
        pytest.param(
            IN_ALPHA,
            "ALPHA",
            12,
            (BETA,),
            Move(refused=True, problem=NOT_IN_SSM),
            id="R6: its own company has no account to put it back to",
        ),
        pytest.param(
            IN_ALPHA, "ALPHA", 12, (*BOTH, AGAIN), Move(refused=True, problem=AMBIGUOUS), id="R6: or has two of them"
        ),
        pytest.param(None, "ALPHA", 12, BOTH, Move(11), id="P4: they differ without a base: Sage decides"),
        pytest.param(IN_ALPHA, "ALPHA", 11, (DELETED,), Move(problem=NOT_IN_SSM), id="P13: its account was deleted"),
        pytest.param(IN_ALPHA, "ALPHA", 11, (DELETED, AGAIN), Move(13), id="P13: deleted, and there is a new one"),
    ],
)
def test_r6_p6_which_account_ssm_has_to_show(base, sage100, account, accounts, move):
    companies = worlds.companies(accounts=accounts)
    known = worlds.mapper(known=companies)
    link = worlds.linked()
    link = replace(link, base={**link.base, COMPANY: base} if base else {})
    here = known.read(SAGE, worlds.sage_row(CT_Num=sage100))
    there = known.read(SSM, worlds.ssm_row(accountId=account))
    assert company_in_ssm(ShownPair(link, here, there), companies) == move


ADA = Subject(None, None, 501, "Ada Aubrelin")
ADA_OF_ALPHA = replace(ADA, company="ALPHA")
NAMELESS = {**ALPHA, "extId": "GAMMA", "name": None}


@pytest.mark.parametrize(
    ("account", "accounts", "problem"),
    [
        pytest.param(11, BOTH, None, id="a client"),
        pytest.param(12, BOTH, None, id="a prospect"),
        pytest.param(None, BOTH, Entry(ADA, CompanyMissing()), id="no account"),
        pytest.param(11, (DELETED,), Entry(ADA_OF_ALPHA, CompanyMissing()), id="a deleted account"),
        pytest.param(
            11, ({**ALPHA, "extId": None},), Entry(ADA, CompanyNotInSage("Alpha", 11)), id="an account without a code"
        ),
        pytest.param(
            11,
            ({**ALPHA, "extId": "GAMMA"},),
            Entry(replace(ADA, company="GAMMA"), CompanyNotInSage("Alpha", 11), ssm_value="GAMMA"),
            id="a code that is no client or prospect",
        ),
        pytest.param(
            11,
            (NAMELESS,),
            Entry(replace(ADA, company="GAMMA"), CompanyNotInSage("11", 11), ssm_value="GAMMA"),
            id="the same, of an account without a name: its id stands in",
        ),
        pytest.param(99, BOTH, Entry(ADA, CompanyNotInSage("99", 99)), id="an account that SSM does not show"),
    ],
)
def test_r4_why_the_company_of_an_ssm_contact_does_not_do(account, accounts, problem):
    companies = worlds.companies(accounts=accounts)
    contact = worlds.mapper(known=companies).read(SSM, worlds.ssm_row(accountId=account))
    assert company_problem(contact, companies) == problem
