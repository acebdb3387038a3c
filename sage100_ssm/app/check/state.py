"""Findings about the state: whether a run can open it, and whether it belongs to these two sides."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from sage100_ssm.app.check.findings import Finding, Level, SideFindings
from sage100_ssm.app.check.sage100 import SageSnapshot
from sage100_ssm.app.check.ssm import SsmSnapshot
from sage100_ssm.app.endings import ending_after
from sage100_ssm.app.sides import SsmSide
from sage100_ssm.messages import Language, say_error
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.run.context import Site
from sage100_ssm.sync.run.observation import Remembered, compared_with_stored, contact_sample, remembered
from sage100_ssm.sync.run.same_system import (
    compare_ssm_rows,
    count_found,
    refuse_other_company,
    refuse_other_database,
    refuse_other_instance,
)
from sage100_ssm.sync.state.errors import StateDamaged, StateError, StateMissing, StateOutdated, StateUnavailable
from sage100_ssm.sync.state.store import stored_state

_SQLITE = "sqlite:///"


def recall(address: str, now: datetime, language: Language) -> tuple[Remembered | None, Finding | None]:
    """What earlier runs left in the state, if there is one; and what prevents a run from using it.

    Args:
        address: the state's URL.
        now: the time.
        language: the user's language.
    """
    try:
        return _remembered(address, now), None
    except StateError as error:
        code = "state_damaged" if isinstance(error, StateDamaged) else "state_unavailable"
        return None, Finding(Level.MEND, code, None, ending_after(error, language).message)


def _remembered(address: str, now: datetime) -> Remembered | None:
    """What earlier runs left in the state; None where the next run creates it, or brings it up to date.

    Raises:
        StateError: a run cannot use the state.
    """
    known = None
    with suppress(StateMissing, StateOutdated), stored_state(address) as transaction:
        known = remembered(transaction, now)
    if address.startswith(_SQLITE):
        _refuse_unwritable(Path(address.removeprefix(_SQLITE)))
    return known


def _refuse_unwritable(file: Path) -> None:
    """Check that a state's file, or the folder that is to contain it, can be written.

    Raises:
        StateUnavailable: it cannot.
    """
    if not file.parent.is_dir():
        raise StateUnavailable(str(file), os.strerror(errno.ENOENT))
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise StateUnavailable(str(file), os.strerror(errno.EACCES))


def recognition_of_sage100(
    known: Remembered, address: str, snapshot: SageSnapshot, site: Site, language: Language
) -> Iterator[Finding]:
    """Why a run would refuse this company database: the state was made with another one."""
    refuse_by_name = partial(
        refuse_other_company, known.database, site.database, site.formerly, has_links=known.has_links
    )
    yield from _refusal(refuse_by_name, language)

    def has_linked_contacts() -> bool:
        with stored_state(address) as transaction:
            links = transaction.links()
        return not links or count_found(snapshot.contacts, links) * 2 > len(links)

    compare = partial(refuse_other_database, known.companies, snapshot.companies, has_linked_contacts, complete=True)
    yield from _refusal(compare, language)


def recognition_of_ssm(
    known: Remembered, address: str, snapshot: SsmSnapshot, side: SsmSide, site: Site, language: Language
) -> Iterator[Finding]:
    """Why a run would refuse this instance of SSM: the state was made with another one."""
    with stored_state(address) as transaction:
        sample = contact_sample(transaction)
        accounts = compared_with_stored(transaction, "accounts", snapshot.accounts, site.own_databases)
    contacts = compare_ssm_rows(sample, side.find(list(sample)).rows if sample else (), site.own_databases)
    compare = partial(refuse_other_instance, contacts, accounts, expects_known_rows=known.has_rows)
    yield from _refusal(compare, language)


def quota_findings(known: Remembered, findings: SideFindings) -> Iterator[Finding]:
    """Whether SSM refused requests of the last run because there were too many."""
    if known.last_run and (too_fast := known.last_run.counts.get("too_fast")):
        yield findings.advice("too_fast", **too_fast)


def _refusal(compare: Callable[[], None], language: Language) -> Iterator[Finding]:
    try:
        compare()
    except ConfigurationError as error:
        side = Side(error.params["side"])
        yield Finding(Level.MEND, error.code, side, say_error(error.code, language, **error.params))
