"""The tables of a Sage 100 FR company database that the product touches.

Column names, lengths and rules are Sage's own, of all its generations (docs/facts/sage100.md): no database has every
column; `layout` finds out which it has. The computed shadow columns (``cbCT_Num``…) are left out: they cannot be
written and need not be read.

Sage's tables have triggers, which forbid an ``OUTPUT`` clause (error 334): hence ``implicit_returning=False``.

``METADATA.create_all`` on SQLite creates an empty sample database with the same limits: lengths as CHECK
constraints, the two unique rules of ``F_CONTACTT``, its foreign key, a ``cbMarq`` that is never used twice.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects import mssql
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine

from sage100_ssm.sage100.conversion import parse_local_time

METADATA = MetaData()


class LocalTime(TypeDecorator[datetime]):
    """A date and time in the server's local time, without a zone.

    SQL Server has ``datetime`` or ``smalldatetime``. SQLite has ISO texts, written to the second with a space;
    read with a space or a ``T``, with or without a fraction. A text that is no date reads as None.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, ``datetime`` elsewhere."""
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """SQLite's text, to the second; elsewhere the value itself."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.isoformat(" ", "seconds")

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:  # noqa: ARG002 - SQLAlchemy's call
        """A parser of SQLite's texts; None elsewhere, where the driver returns dates."""
        return parse_local_time if dialect.name == "sqlite" else None


ROUNDED = timedelta(minutes=2)
"""How far a stamp may be ahead of the server's clock: older databases round to the nearest minute."""

_GUID = String(36).with_variant(mssql.UNIQUEIDENTIFIER(as_uuid=False), "mssql")
_WEEK = range(1, 8)
_NOW_ON_SQLITE = func.datetime("now", "localtime")


def _text(name: str, length: int, doc: str) -> Column[str]:
    return Column(name, String(length), doc=doc)


def _code(name: str, doc: str) -> Column[int]:
    return Column(name, SmallInteger, doc=doc)


def _amount(name: str, doc: str) -> Column[float]:
    return Column(name, Numeric(24, 6, asdecimal=False), doc=doc)


def _link(name: str, doc: str, kind: type[Integer] = Integer) -> Iterator[Column[int]]:
    """A reference and its twin, which has the foreign key."""
    yield Column(name, kind, doc=doc)
    yield Column(f"cb{name}", kind, doc=f"Twin of {name}, null where that is 0.")


def _technical_columns() -> Iterator[Column[Any]]:
    """The cb columns that each table of records has."""
    yield Column("cbProt", SmallInteger, server_default="0", doc="Record protection flag.")
    yield Column("cbMarq", Integer, primary_key=True, doc="Technical row id, the primary key.")
    yield Column("cbCreateur", String(4), server_default="CSQL", doc="Signature of the creating application.")
    yield Column("cbModification", LocalTime, server_default=_NOW_ON_SQLITE, doc="Last modification.")
    yield Column("cbReplication", Integer, server_default="0", doc="Replication counter.")
    yield Column("cbFlag", SmallInteger, server_default="0", doc="Technical flag.")
    yield Column("cbCreation", LocalTime, server_default=_NOW_ON_SQLITE, doc="Creation; newer databases only.")
    yield Column("cbCreationUser", _GUID, doc="GUID of the Sage user who created it; newer databases only.")


def _length_checks(table: Table) -> None:
    """Have SQLite refuse texts that are too long, as SQL Server does by itself."""
    for column in table.columns:
        if isinstance(column.type, String) and (length := column.type.length):
            check = CheckConstraint(func.length(column) <= length, name=f"CK_{table.name}_{column.name}")
            table.append_constraint(check.ddl_if(dialect="sqlite"))


F_COMPTET = Table(
    "F_COMPTET",
    METADATA,
    Column(
        "CT_Num",
        # Sage's collation ignores case in a code, and SQLite's default does not.
        String(17).with_variant(String(17, collation="NOCASE"), "sqlite"),
        nullable=False,
        doc="Code of the third party.",
    ),
    _text("CT_Intitule", 69, "Name; 35 characters in older databases."),
    _code("CT_Type", "0 client or prospect, 1 supplier, 2 employee, 3 other."),
    _text("CG_NumPrinc", 13, "Main collective account."),
    _text("CT_Qualite", 17, "Legal form."),
    _text("CT_Classement", 17, "Sort key."),
    _text("CT_Contact", 35, "Main contact as free text, not linked to the contacts."),
    _text("CT_Adresse", 35, "Address."),
    _text("CT_Complement", 35, "Address, second line."),
    _text("CT_CodePostal", 9, "Postcode."),
    _text("CT_Ville", 35, "Town."),
    _text("CT_CodeRegion", 25, "Region."),
    _text("CT_Pays", 35, "Country, as a label."),
    _text("CT_Raccourci", 7, "Shortcut."),
    _code("BT_Num", "Index of the default bank."),
    _code("N_Devise", "Index of the currency; 0 is the company's own."),
    _text("CT_Ape", 7, "NAF/APE activity code."),
    _text("CT_Identifiant", 25, "VAT number."),
    _text("CT_Siret", 15, "SIRET number."),
    *(_text(f"CT_Statistique{n:02}", 21, f"Statistical field {n}.") for n in range(1, 11)),
    _text("CT_Commentaire", 35, "Comment."),
    _amount("CT_Encours", "Credit limit."),
    _amount("CT_Assurance", "Credit limit of the insurance."),
    _text("CT_NumPayeur", 17, "Code of the paying third party."),
    _code("N_Risque", "Index of the risk class."),
    *_link("CO_No", "Sales representative, 0 for none."),
    _code("N_CatTarif", "Index of the price category."),
    _code("N_CatCompta", "Index of the accounting category."),
    _code("N_Period", "Index of the period."),
    _code("CT_Facture", "Number of invoice copies."),
    _code("CT_BLFact", "1 for one invoice per delivery note."),
    _code("CT_Langue", "Language."),
    _code("N_Expedition", "Index of the way of shipping."),
    _code("N_Condition", "Index of the terms of delivery."),
    Column("CT_DateCreate", LocalTime, doc="Creation; older databases only, newer ones have cbCreation."),
    _code("CT_Saut", "Line or page feed in printed ledgers."),
    _code("CT_Lettrage", "1 where entries are matched automatically."),
    _code("CT_ValidEch", "1 where due dates are validated automatically."),
    _code("CT_Sommeil", "1 where dormant."),
    *_link("DE_No", "Warehouse, 0 for none."),
    _code("CT_ControlEnc", "Control of the credit limit: 0 automatic, 1 by the risk class, 2 account blocked."),
    _code("CT_NotRappel", "1 where left out of reminders."),
    *_link("N_Analytique", "Index of the analytic plan, 0 for none.", SmallInteger),
    _text("CA_Num", 13, "Analytic section."),
    _text("CT_Telephone", 21, "Phone."),
    _text("CT_Telecopie", 21, "Fax."),
    _text("CT_EMail", 69, "E-mail."),
    _text("CT_Site", 69, "Web site."),
    *_link("MR_No", "Model of payment, 0 for none."),
    *_link("EB_No", "Bank, 0 for none."),
    _text("CT_NumCentrale", 17, "Code of the central purchasing third party."),
    *_technical_columns(),
    _code("CT_EdiCodeType", "Kind of EDI code."),
    _text("CT_EdiCode", 23, "EDI code."),
    _text("CT_EdiCodeSage", 9, "EDI code with Sage."),
    _code("CT_EchangeCR", "Option of reports in exchanges."),
    *_link("PI_NoEchange", "Model of entry in exchanges, 0 for none."),
    _code("CT_DelaiTransport", "Days of transport."),
    _code("CT_DelaiAppro", "Days of supply."),
    _text("CT_LangueISO2", 3, "Language as an ISO code."),
    _code("CT_AnnulationCR", "Option of reports of cancellation."),
    _code("CT_CessionCreance", "1 where receivables are assigned; some databases only."),
    _text("CT_Facebook", 35, "Facebook."),
    _text("CT_LinkedIn", 35, "LinkedIn."),
    _code("CT_ExclureTrait", "1 where excluded from mass processing."),
    _code("CT_GDPR", "Consent under the GDPR."),
    _code("CT_Prospect", "1 for a prospect; absent in older databases."),
    *(_code(f"CT_OrderDay{n:02}", f"1 where day {n} of the week is one of orders; newest only.") for n in _WEEK),
    *(_code(f"CT_DeliveryDay{n:02}", f"1 where day {n} of the week is one of delivery; newest only.") for n in _WEEK),
    *_link("CAL_No", "Calendar, 0 for none; newest databases only."),
    UniqueConstraint("CT_Num", name="UKA_F_COMPTET_CT_Num"),
    implicit_returning=False,
    sqlite_autoincrement=True,
)
Index("ICT_TYPE", F_COMPTET.c.CT_Type, F_COMPTET.c.CT_Num)
_length_checks(F_COMPTET)

F_CONTACTT = Table(
    "F_CONTACTT",
    METADATA,
    Column(
        "CT_Num",
        String(17),
        ForeignKey("F_COMPTET.CT_Num", name="FKA_F_CONTACTT_CT_Num"),
        nullable=False,
        doc="Code of the third party whose contact it is.",
    ),
    _text("CT_Nom", 35, "Last name."),
    _text("CT_Prenom", 35, "First name."),
    _code("N_Service", "Service: cbIndice of P_SERVICECPTA, 0 for none."),
    _text("CT_Fonction", 35, "Job title."),
    _text("CT_Telephone", 21, "Phone."),
    _text("CT_TelPortable", 21, "Mobile phone."),
    _text("CT_Telecopie", 21, "Fax."),
    _text("CT_EMail", 69, "E-mail."),
    _code("CT_Civilite", "0 Monsieur, 1 Madame, 2 Mademoiselle."),
    _code("N_Contact", "Type of contact: cbIndice of P_CONTACT, 0 for none."),
    Column("CT_No", Integer, doc="Internal number of the contact, unique in the database."),
    *_technical_columns(),
    _text("CT_Facebook", 35, "Facebook; newer databases only."),
    _text("CT_LinkedIn", 35, "LinkedIn; newer databases only."),
    _text("CT_Skype", 35, "Skype; newer databases only."),
    implicit_returning=False,
    sqlite_autoincrement=True,
)
Index("ICT_NO", F_CONTACTT.c.CT_No, unique=True)
Index(
    "ICT_NOM",
    F_CONTACTT.c.CT_Num,
    func.coalesce(F_CONTACTT.c.CT_Nom, ""),
    func.coalesce(F_CONTACTT.c.CT_Prenom, ""),
    unique=True,
)
Index("FKIA_F_CONTACTT_CT_Num", F_CONTACTT.c.CT_Num)
_length_checks(F_CONTACTT)

P_SERVICECPTA = Table(
    "P_SERVICECPTA",
    METADATA,
    _text("S_Intitule", 35, "Label; empty where the entry is not used."),
    _text("S_Abrege", 3, "Short label."),
    _code("cbIndice", "Number that N_Service of a contact refers to."),
    Column("cbMarq", Integer, primary_key=True, doc="Technical row id, the primary key."),
    implicit_returning=False,
    sqlite_autoincrement=True,
)
_length_checks(P_SERVICECPTA)

P_CONTACT = Table(
    "P_CONTACT",
    METADATA,
    _text("C_Intitule", 35, "Label; empty where the entry is not used."),
    _code("cbIndice", "Number that N_Contact of a contact refers to."),
    Column("cbMarq", Integer, primary_key=True, doc="Technical row id, the primary key."),
    implicit_returning=False,
    sqlite_autoincrement=True,
)
_length_checks(P_CONTACT)
