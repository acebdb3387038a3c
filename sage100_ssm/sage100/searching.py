"""Contacts looked for by a person: their rows, and those of their companies, whatever kind of third party these are."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, false, or_, select

from sage100_ssm.like_pattern import digits_pattern, like_pattern
from sage100_ssm.sage100.conversion import Record
from sage100_ssm.sage100.database import Database
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT

_PHONES = ("CT_Telephone", "CT_TelPortable", "CT_Telecopie")


def contacts_like(
    database: Database,
    *,
    words: Sequence[str] = (),
    email: str | None = None,
    digits: str | None = None,
    ids: Collection[int] = (),
    limit: int,
) -> list[Record]:
    """The rows of contacts that may answer to what a person looks for; whoever asks compares again.

    Args:
        database: the database.
        words: each is in the contact's name, or in the code or name of its company.
        email: the contact's e-mail.
        digits: the last digits of a phone number.
        ids: the `cbMarq` of contacts.
        limit: at most so many rows.

    Raises:
        SageError: the database failed.
    """
    contact = database.layout(F_CONTACTT).columns
    conditions: list[ColumnElement[bool]] = [contact["cbMarq"].in_(ids)] if ids else []
    if words:
        conditions.append(and_(*(_contains(word) for word in words)))
    if email:
        conditions.append(contact["CT_EMail"].like(like_pattern(email)))
    if digits:
        phones = [contact[name] for name in _PHONES if name in contact]
        conditions.append(or_(*(phone.like(digits_pattern(digits)) for phone in phones)))
    query = select(*database.layout(F_CONTACTT).readable.values()).where(or_(false(), *conditions))
    record = database.recorder(F_CONTACTT)
    with database.reading() as connection:
        return [record(tuple(row)) for row in connection.execute(query.order_by(contact["cbMarq"]).limit(limit))]


def third_parties(database: Database, codes: Collection[str]) -> list[Record]:
    """The rows of companies with these codes, suppliers and all others too.

    Raises:
        SageError: the database failed.
    """
    query = select(*database.layout(F_COMPTET).readable.values()).where(F_COMPTET.c.CT_Num.in_(codes))
    record = database.recorder(F_COMPTET)
    with database.reading() as connection:
        return [record(tuple(row)) for row in connection.execute(query)]


def is_client(row: Record) -> bool:
    """Whether a company is a client or prospect."""
    return bool(row["CT_Type"] == 0)


def _contains(word: str) -> ColumnElement[bool]:
    like = like_pattern(word)
    named = select(F_COMPTET.c.CT_Num).where(F_COMPTET.c.CT_Intitule.like(like))
    contact = F_CONTACTT.c
    texts = (contact.CT_Nom, contact.CT_Prenom, contact.CT_Num)
    return or_(*(text.like(like) for text in texts), contact.CT_Num.in_(named))
