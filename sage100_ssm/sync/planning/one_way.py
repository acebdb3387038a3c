"""P18: a plan that leaves Sage as it is."""

from dataclasses import dataclass, replace
from enum import StrEnum

from sage100_ssm.sync.journal import Code, Entry, ValueMissing, ValueUnknown
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.planning.plan import Plan

_OF_WRITING_SAGE = frozenset(
    {
        Code.COMPANY_MISSING,
        Code.COMPANY_NOT_IN_SAGE,
        Code.DUPLICATE_IN_SAGE,
        Code.VALUE_TOO_LONG,
        Code.VALUE_NOT_REPRESENTABLE,
    }
)
"""The problems that only hold back what would be written into Sage."""


class Reason(StrEnum):
    """Why nothing is written into Sage."""

    SETTING = "setting"
    READ_ONLY = "read_only"
    """The login may only read contacts."""


@dataclass(frozen=True, slots=True)
class OneWay:
    """A synchronisation from Sage to SSM alone.

    Attributes:
        reason: why.
        left: how many changes of SSM are not carried over.
    """

    reason: Reason
    left: int = 0


def left_in_ssm(plan: Plan) -> int:
    """How many contacts the plan would change in Sage."""
    return len(plan.of(Side.SAGE100))


def to_ssm_alone(plan: Plan) -> Plan:
    """The plan without what it would write into Sage, and without the problems that only hold that back (P18).

    What was edited in SSM keeps its base: it is carried over once both ways are open again.
    """
    return replace(
        plan,
        writes=tuple(plan.of(Side.SSM)),
        problems=tuple(problem for problem in plan.problems if not _holds_back_sage_alone(problem)),
        # P9: edits in SSM pile up, since they stay there, and endanger nothing in Sage.
        edits={**plan.edits, Side.SSM: 0},
        renamed={**plan.renamed, Side.SSM: 0},
    )


def _holds_back_sage_alone(problem: Entry) -> bool:
    match problem.facts:
        case ValueMissing(side=side) | ValueUnknown(side=side):
            return side is Side.SAGE100
    return problem.code in _OF_WRITING_SAGE
