"""What `retry` says became of a contact."""

import pytest

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.exchange.receipt import Action
from sage100_ssm.sync.journal import Code, CompanyMissing, Entry, RejectedBySsm, Subject
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.plan import Plan, Withheld
from sage100_ssm.sync.planning.writes import Write
from sage100_ssm.sync.run.report import Counts, Tally
from sage100_ssm.sync.run.retried import Became, retried
from sage100_ssm.sync.state.records import JournalEntry
from tests.support.memory_play import NOON

SAGE, SSM = Side.SAGE100, Side.SSM
ADA = Subject("ALPHA", 1, 501, "Ada")
REFUSED, WAITS = Entry(ADA, RejectedBySsm("no")), Entry(ADA, CompanyMissing())
WRITE = Write(SSM, Action.UPDATE, ADA)


def counted(sage100=None, ssm=None, **more):
    return Tally({SAGE: sage100 or Counts(), SSM: ssm or Counts()}, **more)


@pytest.mark.parametrize(
    ("tally", "problems", "plan", "became"),
    [
        (counted(), [], Plan(), Became.UNCHANGED),
        (counted(ssm=Counts(created=1)), [], Plan(), Became.CREATED),
        (counted(Counts(created=1), Counts(updated=1)), [], Plan(), Became.CREATED),
        (counted(Counts(updated=1)), [], Plan(), Became.UPDATED),
        (counted(ssm=Counts(deleted=1)), [], Plan(), Became.DELETED),
        (counted(ssm=Counts(failed=1), refusals=[(REFUSED, WRITE)]), [REFUSED], Plan(), Became.REFUSED),
        (counted(ssm=Counts(updated=1)), [WAITS], Plan(), Became.WAITING),
        (counted(), [], Plan(withheld=(Withheld(WRITE, Code.DELETION_GUARD),)), Became.WAITING),
        (counted(ssm=Counts(failed=1)), [], Plan(), Became.UNDECIDED),
        (counted(postponed=[WRITE]), [], Plan(), Became.UNDECIDED),
        (counted(failures={SSM: Failure("unreachable", "gone")}), [], Plan(), Became.UNDECIDED),
        (counted(), [Entry(Subject("ALPHA", 2, 502), CompanyMissing())], Plan(), Became.UNCHANGED),
    ],
)
def test_r10_what_became_of_a_contact(tally, problems, plan, became):
    known = [JournalEntry(number, entry, NOON, NOON) for number, entry in enumerate(problems, 1)]
    assert retried((ADA,), plan, tally, known).became is became
