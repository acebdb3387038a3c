"""The rules about links: who may delete, who moves, who sleeps. One pure function per rule.

The rules about one field are in ``merge``, those about contacts without a link in ``matching``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.codecs import text_of
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import COMPANY, LAST_NAME, NAMES
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Code, CompanyMissing, CompanyNotInSage, Entry, SleepReason, Subject
from sage100_ssm.sync.model import Link, LinkStatus, Side
from sage100_ssm.sync.policy import Policy, RefusedDeletion
from sage100_ssm.sync.rules.merge import changed_sides, moment
from sage100_ssm.sync.rules.pair import LinkedPair, ShownPair

# --- P14: who is the same contact in Sage

_TO_THE_SECOND = len("2024-03-05T10:11:12")


def same_in_sage(
    link: Link, by_id: Mapping[int, Contact], by_number: Mapping[int, Contact], linked: Collection[tuple[int, int]]
) -> Contact | None:
    """P14: ``cbMarq`` and ``CT_No`` both equal, or one of them and the names; else the linked row is gone.

    A row that was created at another moment than the one remembered, under other names, is another one.

    Args:
        link: the link.
        by_id: the Sage contacts by ``cbMarq``.
        by_number: the Sage contacts by ``CT_No``.
        linked: ``cbMarq`` and ``CT_No`` of every live link; a row that has both of another link belongs to that one.
    """
    row = by_id.get(link.sage100_id)
    if row and (row.number or 0) == (link.sage100_no or 0) and not is_replacement(link, row):
        return row
    candidates = (row, by_number.get(link.sage100_no) if link.sage100_no else None)
    free = (c for c in candidates if c and (c.id, c.number or 0) not in linked)
    return next((c for c in free if _has_names_of(c, link)), None)


def is_replacement(link: Link, row: Contact) -> bool:
    """P14: whether a row under a link's ``cbMarq`` is another contact: a restored database gives a number twice."""
    return has_another_creation(link, row.row) and not _has_names_of(row, link)


def has_another_creation(link: Link, row: Mapping[str, Any]) -> bool:
    """Whether a row was created at another moment than the one remembered; older databases have no such moment."""
    remembered, created = link.sage100_created, row.get("cbCreation")
    # Compared as local times, since the zone of the settings may have changed between the two readings.
    return bool(remembered and created and remembered[:_TO_THE_SECOND] != created[:_TO_THE_SECOND])


def _has_names_of(contact: Contact, link: Link) -> bool:
    """Whether the names are those of the base; without a base the ``cbMarq`` decides."""
    if LAST_NAME not in link.base:
        return contact.id == link.sage100_id
    return contact.name_key == names_in_base(link)


def names_in_base(link: Link, side: Side = Side.SAGE100) -> tuple[str, str]:
    """Last and first name that a side last showed, as P4 compares them; empty without a base."""
    return normalise.name_key(*(text_of(pair.of(side)) if (pair := link.base.get(name)) else None for name in NAMES))


# --- P9: rows of a database that was restored from a backup

_WELL_BEFORE = timedelta(minutes=65)
"""More than the hour by which a local clock may seem to fall back."""


def is_outdated(link: Link, sage100: Contact, today: datetime | None) -> bool:
    """P9: whether a Sage row was last changed well before the version that was seen, or created at another moment.

    A row with another creation is another one: a database restored from a backup gave the same ids a second time.
    """
    if has_another_creation(link, sage100.row):
        return True
    seen, now = moment(link.sage100_stamp), moment(sage100.stamp)
    # A stamp in the future came from a wrong clock and proves nothing.
    if seen is None or now is None or (today and seen > today):
        return False
    return seen - now > _WELL_BEFORE


# --- P9: what counts towards a mass change


def moved_on(pair: ShownPair, move: "Move") -> Side | None:
    """P9: the side on which a contact left its company, where that moves it to another account or puts it back (R6).

    None for one that only waits (its company was recoded), and for one that never had a company on both sides.
    """
    base = pair.link.base.get(COMPANY)
    if move.account is None or base is None:
        return None
    moved_in_sage = normalise.company_code(pair.sage100.company) != normalise.company_code(str(base.sage100 or ""))
    return Side.SAGE100 if moved_in_sage else Side.SSM


def has_both_names_changed(pair: ShownPair, side: Side) -> bool:
    """P9: whether a side now shows another last name and another first name than the base, as P4 compares names."""
    names = zip(names_in_base(pair.link, side), pair.of(side).name_key, strict=True)
    return set(NAMES) <= pair.link.base.keys() and all(was != now for was, now in names)


# --- P13, P10: who sleeps


def sleep_reason(pair: LinkedPair, companies: Companies) -> SleepReason | None:
    """P13: a contact that leaves the scope without being deleted sleeps; P10: so does one that SSM no longer shows."""
    link, sage100, ssm = pair.link, pair.sage100, pair.ssm
    if sage100 is None and ssm and ssm.deleted:
        return None  # both contacts are gone: nothing is left to sleep
    if companies.is_left_out(pair.company) or (sage100 and companies.leaves_out_contact(sage100.row)):
        return SleepReason.LEFT_OUT
    # A row gone from Sage is a deletion, whatever happened to its company, unless the link already slept.
    slept = link.status is LinkStatus.ASLEEP and link.reason == Code.OUT_OF_SCOPE
    if (sage100 or slept) and not companies.is_in_scope(pair.company):
        return SleepReason.NO_CLIENT
    if ssm is None:
        return SleepReason.NOT_VISIBLE
    if companies.is_deleted(ssm.account) and not _may_return(pair, ssm, companies):
        with_account = ssm.deleted and link.origin is Side.SSM
        return SleepReason.WENT_WITH_ACCOUNT if with_account else SleepReason.ACCOUNT_DELETED
    # No pattern matches a row that is gone: what slept may have been left out by one, and sleeps on.
    return SleepReason.LEFT_OUT if slept and sage100 is None and companies.leaves_out_contacts else None


def _may_return(pair: LinkedPair, ssm: Contact, companies: Companies) -> bool:
    """P13: whether a contact whose account was deleted can go on, because its company has an account again.

    A live contact moves there; one that was deleted with its account is restored there if it was created in Sage and
    is live there, or if Sage moved it to another company, whatever its origin. Of another one created in SSM nobody can
    know whether it was meant to go with the account: it sleeps on.
    """
    lives_in_sage = pair.sage100 is not None and (pair.link.origin is Side.SAGE100 or _is_moved_in_sage(pair))
    return (lives_in_sage or not ssm.deleted) and len(companies.accounts_of(pair.company)) == 1


def _is_moved_in_sage(pair: LinkedPair) -> bool:
    """Whether Sage shows the contact in another company than when the base was set."""
    base = pair.link.base.get(COMPANY)
    before = pair.link.company if base is None else str(base.sage100 or "")
    return normalise.company_code(pair.company) != normalise.company_code(before)


# --- R7-R9, P2, P3: who may delete


class Fate(StrEnum):
    """What becomes of a linked contact that one side deleted."""

    DELETE_IN_SAGE = "delete_in_sage"
    DELETE_IN_SSM = "delete_in_ssm"
    RESTORE_IN_SSM = "restore_in_ssm"
    LEAVE_DELETED_IN_SSM = "leave_deleted_in_ssm"
    END = "end"


def fate_of_deleted(link: Link, sage100: Contact | None, ssm: Contact, mapper: Mapper, policy: Policy) -> Fate | None:
    """R7, R8, R9, P2, P3: who may delete depends on where the contact was created; None while both sides have it."""
    if sage100 is None:
        return Fate.END if ssm.deleted else Fate.DELETE_IN_SSM  # R9
    if not ssm.deleted:
        return None
    leave = policy.refused_deletion is RefusedDeletion.LEAVE
    if leave and link.reason == Code.DELETION_REFUSED:
        return Fate.LEAVE_DELETED_IN_SSM
    if link.origin is Side.SSM and not _is_edited_in_sage(ShownPair(link, sage100, ssm), mapper):
        return Fate.DELETE_IN_SAGE  # R7
    return Fate.LEAVE_DELETED_IN_SSM if leave else Fate.RESTORE_IN_SSM  # R8, P3


def _is_edited_in_sage(pair: ShownPair, mapper: Mapper) -> bool:
    """P3: whether any column of the Sage row that a user can edit has changed, mapped or not."""
    seen = pair.link.unmapped_digest
    is_unmapped_edited = seen is not None and seen != mapper.unmapped_digest(pair.sage100.row)
    return is_unmapped_edited or bool(edited_fields(pair, mapper, Side.SAGE100))


def edited_fields(pair: ShownPair, mapper: Mapper, side: Side) -> tuple[str, ...]:
    """The fields that a side changed since the base."""
    return tuple(f.name for f in mapper.fields if side in changed_sides(f, pair, mapper))


# --- R4, R6, P6: companies


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a contact's company in SSM.

    Attributes:
        account: the account that SSM has to show, where it must change.
        refused: whether a change made in SSM is put back (R6).
        problem: why the contact cannot follow, if it cannot (P6).
    """

    account: int | None = None
    refused: bool = False
    problem: Code | None = None


def company_in_ssm(pair: ShownPair, companies: Companies) -> Move | None:
    """R6, P6: Sage decides which company a contact belongs to; SSM follows, or is put back.

    None where both sides agree already.
    """
    code_in_ssm = normalise.company_code(pair.ssm.company)
    same = normalise.company_code(pair.sage100.company) == code_in_ssm
    if same and not companies.is_deleted(pair.ssm.account):
        return None
    base = pair.link.base.get(COMPANY)
    moved_in_ssm = base is not None and code_in_ssm != normalise.company_code(str(base.ssm or ""))
    accounts = companies.accounts_of(pair.sage100.company)
    if not accounts:
        return Move(refused=moved_in_ssm, problem=Code.COMPANY_NOT_IN_SSM)
    if len(accounts) > 1:
        return Move(refused=moved_in_ssm, problem=Code.AMBIGUOUS_COMPANY)
    return Move(account=accounts[0], refused=moved_in_ssm)


def company_problem(contact: Contact, companies: Companies) -> Entry | None:
    """R4: why the company of an SSM contact does not do; None where it is a client or prospect that exists in Sage."""
    if contact.account is None or companies.is_deleted(contact.account):
        return Entry(contact.subject, CompanyMissing())
    account = companies.account(contact.account)
    if account and companies.stored_code(account.code):
        return None
    return company_not_in_sage(contact.subject, contact, companies)


def company_not_in_sage(subject: Subject, contact: Contact, companies: Companies) -> Entry:
    """R4: the problem that the account of an SSM contact is no client or prospect of Sage."""
    account = companies.account(contact.account)
    facts = CompanyNotInSage((account.name if account else None) or str(contact.account), contact.account)
    return Entry(subject, facts, ssm_value=account.code if account else None)


def deleted_by(ssm: Contact) -> int | None:
    """The id of the user of SSM who deleted a contact, where SSM says it."""
    user = ssm.row.get("salesRepIdDeleted")
    # A reference reads as an object or as a bare id, whichever the instance sends (docs/facts/ssm-api.md).
    id_ = user.get("id") if isinstance(user, Mapping) else user
    return id_ if isinstance(id_, int) and id_ > 0 else None
