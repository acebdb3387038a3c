"""The sample company database: its figures, and the constraints of Sage's tables."""

import unicodedata
from collections import Counter
from datetime import UTC, datetime

import phonenumbers
import pytest
from sqlalchemy.exc import IntegrityError

from sage100_ssm.standins import sample
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.standins.people import SageUser
from sage100_ssm.standins.ssm_api.tenant import CONTACT_TYPES

PHONES = ("CT_Telephone", "CT_TelPortable", "CT_Telecopie")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "bijou.db"
    create_company_database(path)
    return path


@pytest.fixture
def sage(path):
    return SageUser(path)


def test_holds_20_clients_5_prospects_2_suppliers_and_80_contacts(sage):
    rows = sage.snapshot()
    assert Counter((row["CT_Type"], row["CT_Prospect"]) for row in rows["F_COMPTET"]) == {
        (0, 0): 20,
        (0, 1): 5,
        (1, 0): 2,
    }
    assert len(rows["F_CONTACTT"]) == 80
    assert {row["CT_Num"] for row in rows["F_CONTACTT"]} == {row["CT_Num"] for row in rows["F_COMPTET"]}


def test_is_the_same_every_time(tmp_path):
    for name in ("one.db", "two.db"):
        create_company_database(tmp_path / name)
    assert SageUser(tmp_path / "one.db").snapshot() == SageUser(tmp_path / "two.db").snapshot()


def test_its_texts_fit_sages_code_page_and_hold_accents(sage):
    texts = [value for row in sage.contacts() for value in row.values() if isinstance(value, str)]
    assert all(text.encode("cp1252") for text in texts if text)
    assert any("é" in text for text in texts)
    assert all(text == unicodedata.normalize("NFC", text) for text in texts)


def test_its_phones_are_of_the_ranges_reserved_for_fiction_in_several_forms_and_never_shared(sage):
    numbers = [row[column] for row in sage.contacts() for column in PHONES if row[column]]
    parsed = [phonenumbers.parse(number, "FR") for number in numbers]
    assert all(phonenumbers.is_possible_number(number) for number in parsed)
    national = [str(number.national_number) for number in parsed]
    assert all(number.startswith(("19900", "63998")) for number in national)
    assert len(set(national)) == len(national)
    assert len({"".join("9" if sign.isdigit() else sign for sign in number) for number in numbers}) == 5


def test_its_e_mails_lead_nowhere(sage):
    assert all(row["CT_EMail"].endswith(".example") for row in sage.contacts() if row["CT_EMail"])


def test_most_of_its_job_titles_are_labels_of_the_tenant_and_some_are_not(sage):
    labels = {label.casefold() for pair in CONTACT_TYPES.values() for label in pair}
    known = Counter(" ".join(row["CT_Fonction"].split()).casefold() in labels for row in sage.contacts())
    assert known[True] > known[False] > 0


def test_nothing_is_written_over_a_file_that_is_there(path):
    with pytest.raises(FileExistsError):
        create_company_database(path)


def test_two_contacts_of_one_company_cannot_have_the_same_names_byte_for_byte(sage):
    sage.create_contact("CAMEE", "Dupin", "Jo")
    sage.create_contact("CAMEE", "DUPIN", "Jo")
    sage.create_contact("AMBRE", "Dupin", "Jo")
    with pytest.raises(IntegrityError):
        sage.create_contact("CAMEE", "Dupin", "Jo")
    with pytest.raises(IntegrityError):
        sage.rename_contact(sage.create_contact("CAMEE", "Autre", "Jo"), "Dupin", "Jo")


def test_a_first_name_that_is_null_is_the_same_as_an_empty_one(sage):
    sage.create_contact("CAMEE", "Dupin", "")
    with pytest.raises(IntegrityError):
        sage.create_contact("CAMEE", "Dupin", CT_Prenom=None)


@pytest.mark.parametrize(
    ("column", "limit"),
    [
        ("CT_Nom", 35),
        ("CT_Prenom", 35),
        ("CT_Fonction", 35),
        ("CT_Telephone", 21),
        ("CT_TelPortable", 21),
        ("CT_Telecopie", 21),
        ("CT_EMail", 69),
    ],
)
def test_a_text_longer_than_its_column_is_refused(sage, column, limit):
    marq = sage.create_contact("CAMEE", "Dupin", "Jo")
    sage.edit_contact(marq, **{column: "é" * limit})
    with pytest.raises(IntegrityError):
        sage.edit_contact(marq, **{column: "é" * (limit + 1)})
    assert sage.contact(marq)[column] == "é" * limit


def test_a_contact_needs_a_company_and_a_company_with_contacts_stays(sage):
    with pytest.raises(IntegrityError):
        sage.create_contact("NOBODY", "Dupin", "Jo")
    with pytest.raises(IntegrityError):
        sage.delete_company("CAMEE")


def test_the_internal_number_is_unique_in_the_database(sage):
    with pytest.raises(IntegrityError):
        sage.create_contact("CAMEE", "Dupin", "Jo", CT_No=1)


def test_a_marq_is_never_used_twice(sage):
    last = sage.create_contact("CAMEE", "Dupin", "Jo")
    sage.delete_contact(last)
    assert sage.contact(last) is None
    assert sage.create_contact("CAMEE", "Dupin", "Jo") > last


def test_an_edit_is_stamped_in_the_servers_local_time_to_the_second(path):
    now = datetime(2026, 7, 1, 12, 0, 0, 999_000, tzinfo=UTC)
    sage = SageUser(path, clock=lambda: now)
    marq = sage.create_contact("CAMEE", "Dupin", "Jo")
    assert sage.contact(marq)["cbModification"] == datetime(2026, 7, 1, 14, 0, 0)  # noqa: DTZ001 - local, as in Sage
    assert sage.contact(marq)["cbCreateur"] == "CSQL"


def test_the_newcomer_is_not_in_sage_yet(sage):
    assert sample.NEWCOMER not in {row["CT_Num"] for row in sage.snapshot()["F_COMPTET"]}
