"""The rules about links: who may delete, who moves, who sleeps. One pure function per rule.

The rules about one field are in ``merge``, those about contacts without a link in ``matching`` and ``plan``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.contacts.contact import Contact, ExtId
from sage100_ssm.sync.contacts.fields import COMPANY, FIRST_NAME, LAST_NAME
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.model import Code, Entry, Link, LinkStatus, Side
from sage100_ssm.sync.policy import Policy, RefusedDeletion
from sage100_ssm.sync.rules.merge import Views, changed_sides, moment


def same_in_sage(
    link: Link, by_id: Mapping[int, Contact], by_number: Mapping[int, Contact], held: Collection[tuple[int, int]]
) -> Contact | None:
    """P14: ``cbMarq`` and ``CT_No`` both equal, or one of them and the names; else the linked row is gone.

    Args:
        link: the link.
        by_id: the Sage contacts by ``cbMarq``.
        by_number: the Sage contacts by ``CT_No``.
        held: ``cbMarq`` and ``CT_No`` of every living link: a row that another one holds by both is not this one's.
    """
    row = by_id.get(link.sage100_id)
    if row and (row.number or 0) == (link.sage100_no or 0):
        return row
    candidates = (row, by_number.get(link.sage100_no) if link.sage100_no else None)
    free = (c for c in candidates if c and (c.id, c.number or 0) not in held)
    return next((c for c in free if _bears_names_of(c, link)), None)


def _bears_names_of(contact: Contact, link: Link) -> bool:
    """Whether the names are those of the base; without a base the ``cbMarq`` decides."""
    if LAST_NAME not in link.base:
        return contact.id == link.sage100_id
    known = tuple(
        normalise.name(str(pair.sage100)) if (pair := link.base.get(name)) and pair.sage100 else ""
        for name in (LAST_NAME, FIRST_NAME)
    )
    return contact.name_key == known


_WELL_BEFORE = timedelta(minutes=65)
"""More than the hour by which a local clock may seem to fall back."""


def turned_back(link: Link, sage100: Contact, today: datetime | None) -> bool:
    """P9: whether a Sage row was last changed well before the state of it that was seen, or created well after.

    The latter is another row, to which a database restored from a backup gave the same ids once more. A stamp seen
    that lies in the future tells nothing: the clock that gave it was wrong.
    """
    seen, now = moment(link.sage100_stamp), moment(sage100.stamp)
    if seen is None or now is None or (today and seen > today):
        return False
    return seen - now > _WELL_BEFORE or _born_after(sage100, seen)


def _born_after(sage100: Contact, seen: datetime) -> bool:
    """By the clock on the server's wall, whatever zone the settings gave it at the time."""
    born = moment(sage100.row.get("cbCreation"))
    return born is not None and born.replace(tzinfo=None) - seen.replace(tzinfo=None) > _WELL_BEFORE


class Sleep(StrEnum):
    """Why a link sleeps, for people to read (P10, P13)."""

    LEFT_OUT = "left_out"
    NO_CLIENT = "no_client"
    ACCOUNT_DELETED = "account_deleted"
    WENT_WITH_ACCOUNT = "went_with_account"
    NOT_VISIBLE = "not_visible"


def sleep_reason(link: Link, sage100: Contact | None, ssm: Contact | None, companies: Companies) -> Sleep | None:
    """P13: a contact that leaves the scope without being deleted sleeps; P10: so does one that SSM no longer shows.

    A row gone from Sage is a deletion, whatever became of its company, unless its link slept before. Where both
    contacts are gone there is nothing left to sleep.
    """
    if sage100 is None and ssm and ssm.deleted:
        return None
    if companies.left_out(sage100.company if sage100 else link.company):
        return Sleep.LEFT_OUT
    slept = link.status is LinkStatus.ASLEEP and link.reason == Code.OUT_OF_SCOPE
    if (sage100 or slept) and not companies.in_scope(sage100.company if sage100 else link.company):
        return Sleep.NO_CLIENT
    if ssm is None:
        return Sleep.NOT_VISIBLE
    if companies.is_deleted(ssm.account) and not _may_return(link, sage100, ssm, companies):
        return Sleep.WENT_WITH_ACCOUNT if ssm.deleted and link.origin is Side.SSM else Sleep.ACCOUNT_DELETED
    return None


def _may_return(link: Link, sage100: Contact | None, ssm: Contact, companies: Companies) -> bool:
    """P13: whether a contact whose account was deleted can go on, its company having an account, or one again.

    One that lives moves there. One that went with its account is restored there, if Sage says that it lives; of a
    contact born in SSM nobody can tell whether it was meant to go with the account: it sleeps on.
    """
    may = not ssm.deleted or (sage100 is not None and link.origin is Side.SAGE100)
    return may and len(companies.accounts_of(sage100.company if sage100 else link.company)) == 1


class Fate(StrEnum):
    """What becomes of a linked contact that one side deleted."""

    DELETE_IN_SAGE = "delete_in_sage"
    DELETE_IN_SSM = "delete_in_ssm"
    RESTORE_IN_SSM = "restore_in_ssm"
    LEAVE_DELETED_IN_SSM = "leave_deleted_in_ssm"
    END = "end"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A fate and the rule that decided it."""

    fate: Fate
    rule: str


def fate_of_deleted(
    link: Link, sage100: Contact | None, ssm: Contact, mapper: Mapper, policy: Policy
) -> Verdict | None:
    """R7, R8, R9, P2, P3: who may delete depends on where the contact was born; None while both sides live."""
    if sage100 is None:
        return Verdict(Fate.END, "R9") if ssm.deleted else Verdict(Fate.DELETE_IN_SSM, "R9")
    if not ssm.deleted:
        return None
    left = policy.refused_deletion is RefusedDeletion.LEAVE
    if left and link.reason == Code.DELETION_REFUSED:
        return Verdict(Fate.LEAVE_DELETED_IN_SSM, "R8" if link.origin is Side.SAGE100 else "P3")
    if link.origin is Side.SSM and not edited(Views(link, sage100, ssm), mapper, Side.SAGE100):
        return Verdict(Fate.DELETE_IN_SAGE, "R7")
    rule = "R8" if link.origin is Side.SAGE100 else "P3"
    return Verdict(Fate.LEAVE_DELETED_IN_SSM if left else Fate.RESTORE_IN_SSM, rule)


def edited(views: Views, mapper: Mapper, side: Side) -> tuple[str, ...]:
    """The fields that a side changed since the base."""
    return tuple(f.name for f in mapper.fields if side in changed_sides(f, views, mapper))


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a contact's company in SSM.

    Attributes:
        account: the account that SSM is to show, where it must change.
        refused: whether a change made in SSM is put back (R6).
        problem: why the contact cannot follow, if it cannot (P6).
    """

    account: int | None = None
    refused: bool = False
    problem: Code | None = None


def company_in_ssm(views: Views, companies: Companies) -> Move | None:
    """R6, P6: Sage says whose contact it is; SSM follows, or is put back. None where both agree already."""
    sage100, ssm = views.sage100, views.ssm
    same = normalise.company_code(sage100.company) == normalise.company_code(ssm.company)
    if same and not companies.is_deleted(ssm.account):
        return None
    base = views.link.base.get(COMPANY)
    moved_in_ssm = base is not None and normalise.company_code(ssm.company) != normalise.company_code(
        str(base.ssm or "")
    )
    accounts = companies.accounts_of(sage100.company)
    if not accounts:
        return Move(refused=moved_in_ssm, problem=Code.COMPANY_NOT_IN_SSM)
    if len(accounts) > 1:
        return Move(refused=moved_in_ssm, problem=Code.AMBIGUOUS_COMPANY)
    return Move(account=accounts[0], refused=moved_in_ssm)


def company_problem(contact: Contact, companies: Companies) -> Entry | None:
    """R4: a contact needs a client or prospect that exists in Sage; says what is amiss with an SSM contact's."""
    account = companies.account(contact.account)
    if contact.account is None or companies.is_deleted(contact.account):
        return Entry(Code.COMPANY_MISSING, contact.subject, "R4")
    if account and companies.stored_code(account.code):
        return None
    details = {"account": (account.name if account else None) or str(contact.account)}
    code = account.code if account else None
    return Entry(Code.COMPANY_NOT_IN_SAGE, contact.subject, "R4", ssm_value=code, details=details)


def ext_id_to_write(ssm: Contact, wanted: ExtId) -> str | None:
    """The ``extId`` that a linked live SSM contact still lacks; one that is not ours is never overwritten."""
    if ssm.ext_id is None:
        return str(wanted)
    ours = ExtId.parse(ssm.ext_id, wanted.database) is not None
    return str(wanted) if ours and ssm.ext_id != str(wanted) else None
