"""A look at both sides for a contact that somebody asks for: reads few rows, and never writes."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sage100_ssm.app.search.found import Look
from sage100_ssm.app.search.query import Query
from sage100_ssm.app.settings import Settings
from sage100_ssm.app.sides import SageSide, both_sides, failure_of
from sage100_ssm.exchange.failure import Failure, SideError, SideFailedError
from sage100_ssm.exchange.reading import Row
from sage100_ssm.like_pattern import digits_pattern, like_pattern
from sage100_ssm.sage100.searching import contacts_like, is_client, third_parties
from sage100_ssm.ssm import where
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.model import Side

_ROWS_AT_MOST = 500
"""What is read of a side for one search. SSM may ignore a condition, and show every row that it has."""
_IMPATIENT = RetryPolicy(
    attempts=2, pause_max=5.0, connect_timeout=5.0, answer_timeout=15.0, whole_timeout=20.0, reading_timeout=20.0
)
_NAMES, _PHONES = ("lastName", "firstName"), ("phone1", "phone2", "fax")


def look(settings: Settings, asked: Query, known: Mapping[Side, Collection[int]], accounts: Iterable[int]) -> Look:
    """Ask both sides.

    Args:
        settings: the settings of the installation.
        asked: what is asked for.
        known: per side, the ids of contacts that the state knows already.
        accounts: the accounts whose contacts may be meant, too.
    """
    # The client is one of its own: somebody waits for the answer.
    with both_sides(settings.sage100, settings.ssm) as (sage100, _), SsmClient(settings.ssm, _IMPATIENT) as ssm:
        in_ssm = _asked(lambda: _in_ssm(ssm, asked, known[Side.SSM], accounts))
        codes = {code for row in in_ssm.accounts if (code := _code(row, settings))}
        in_sage = _asked(lambda: _in_sage(sage100, asked, known[Side.SAGE100], codes))
        missing = {str(row["CT_Num"]) for row in in_sage.contacts} - codes
        others = _asked(lambda: _Rows(accounts=_accounts_with(ssm, settings, missing))) if missing else _Rows()
    in_ssm = replace(in_ssm, accounts=[*in_ssm.accounts, *others.accounts], failure=in_ssm.failure or others.failure)
    asked_sides = {Side.SAGE100: in_sage, Side.SSM: in_ssm}
    return Look(
        {side: rows.contacts for side, rows in asked_sides.items() if rows.failure is None},
        [row for row in in_sage.companies if is_client(row)],
        {normalise.company_code(row["CT_Num"]): str(row.get("CT_Intitule") or "") for row in in_sage.companies},
        in_ssm.accounts,
        {side: rows.failure for side, rows in asked_sides.items() if rows.failure},
    )


@dataclass(frozen=True, slots=True)
class _Rows:
    """What one side shows, or why it could not be asked."""

    contacts: Sequence[Row] = ()
    companies: Sequence[Row] = ()
    accounts: Sequence[Row] = ()
    failure: Failure | None = None


def _asked(look_at: Callable[[], _Rows]) -> _Rows:
    try:
        return look_at()
    except SideFailedError as error:
        return _Rows(failure=error.failure)
    except SideError as error:
        return _Rows(failure=failure_of(error))


def _in_ssm(ssm: SsmClient, asked: Query, known: Collection[int], accounts: Iterable[int]) -> _Rows:
    contacts = list(_ssm_contacts(ssm, asked, known, accounts))
    references = (row.get("accountId") for row in contacts)
    ids = {one.get("id") if isinstance(one, Mapping) else one for one in references}
    of_contacts = [id_ for id_ in ids if isinstance(id_, int)]
    return _Rows(contacts, accounts=list(ssm.find("accounts", of_contacts)) if of_contacts else [])


def _in_sage(sage100: SageSide, asked: Query, known: Collection[int], codes: Collection[str]) -> _Rows:
    database = sage100.database
    contacts = contacts_like(
        database,
        words=asked.words,
        email=asked.email,
        digits=asked.digits,
        ids={*asked.ids(Side.SAGE100), *known},
        limit=_ROWS_AT_MOST,
    )
    return _Rows(contacts, third_parties(database, {*codes, *(str(row["CT_Num"]) for row in contacts)}))


def _ssm_contacts(ssm: SsmClient, asked: Query, known: Collection[int], accounts: Iterable[int]) -> Iterator[Row]:
    ids = {*asked.ids(Side.SSM), *known}
    marks = [asked.ext_id] if asked.ext_id else []
    if ids or marks:
        yield from ssm.find("contacts", ids, marks)
    for condition in _conditions(asked, accounts):
        for row in islice(ssm.rows("contacts", condition), _ROWS_AT_MOST):
            if row["id"] not in ids:
                ids.add(row["id"])
                yield row


def _conditions(asked: Query, accounts: Iterable[int]) -> Iterable[str]:
    """What SSM is asked for by other than an id."""
    if asked.email:
        return [where.has_text(["email"], like_pattern(asked.email))]
    if asked.digits:
        return [where.has_text(_PHONES, digits_pattern(asked.digits))]
    # Any of the words: those of its company are in no field of a contact.
    names = (where.has_text(_NAMES, like_pattern(word)) for word in asked.words)
    return where.any_of([*names, *map(where.is_of_account, accounts)])


def _accounts_with(ssm: SsmClient, settings: Settings, codes: Collection[str]) -> list[Row]:
    """The accounts that have one of these codes of companies."""
    conditions = where.any_of(where.is_text(settings.ssm.company_code_field, code) for code in codes)
    return [row for text in conditions for row in islice(ssm.rows("accounts", text), _ROWS_AT_MOST)]


def _code(row: Row, settings: Settings) -> str | None:
    code = row.get(settings.ssm.company_code_field)
    code = code.get("value") if isinstance(code, Mapping) else code
    return str(code) if code else None
