"""State and sides belong together: when rows were created decides, and whatever people do to them does not."""

import pytest

from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.model import Link, Side
from sage100_ssm.sync.run.same_system import (
    RowComparison,
    company_sample,
    compare_ssm_rows,
    count_found,
    refuse_other_company,
    refuse_other_database,
    refuse_other_instance,
)

BORN = "2024-03-05T10:11:12.7Z"


def refused(check):
    """Whether the side is refused."""
    try:
        check()
    except ConfigurationError:
        return True
    return False


# --- SSM


def card(number, **fields):
    """A contact of SSM."""
    return {"id": number, "dateCreated": BORN, "lastName": f"N{number}", "extId": f"sage100:X:{number}", **fields}


OWN = frozenset({"X"})
FIVE = {number: card(number) for number in range(1, 6)}


@pytest.mark.parametrize(
    "created",
    [
        "2024-03-05T10:11:12Z",
        "2024-03-05T10:11:13Z",
        "2024-03-05T10:11:00Z",
        "2024-03-05T10:11:12.7000000+00:00",
        "2024-03-05T11:11:12.7+01:00",
        "2024-03-05T10:11:12.7",
        "2024-03-05 10:11:12",
        None,
        "long ago",
    ],
)
def test_a_moment_of_creation_may_be_spelt_otherwise(created):
    now = [card(n, dateCreated=created, extId=None) for n in FIVE]
    assert compare_ssm_rows(FIVE, now, OWN) == RowComparison(same=5)


@pytest.mark.parametrize("created", ["2024-03-05T10:13:12Z", "2024-03-05T11:11:12.7Z", "2019-01-01T00:00:00Z"])
def test_rows_created_at_another_moment_are_others_whatever_they_say(created):
    now = [card(n, dateCreated=created, extId=f"C{n}") for n in FIVE]
    assert compare_ssm_rows({n: card(n, extId=f"C{n}") for n in FIVE}, now, OWN) == RowComparison(different=5)


def test_who_bears_our_ext_id_is_the_same_though_its_moment_of_creation_changed():
    assert compare_ssm_rows(FIVE, [card(n, dateCreated="2019-01-01T00:00:00Z") for n in FIVE], OWN) == RowComparison(
        same=5
    )


def test_what_people_may_change_is_not_held_against_a_row():
    now = [card(n, lastName="Autre", email="autre@x.example", phone1="1", extId=None) for n in FIVE]
    assert compare_ssm_rows(FIVE, now, OWN) == RowComparison(same=5)


def test_rows_never_seen_before_tell_nothing():
    assert compare_ssm_rows({}, FIVE.values(), OWN) == RowComparison()


@pytest.mark.parametrize("number", [0, 1])
def test_who_has_the_mark_of_another_company_database_is_another_whenever_it_was_created(number):
    now = [card(n, extId=f"sage100:Y:{n + number}") for n in FIVE]
    assert compare_ssm_rows(FIVE, now, OWN) == RowComparison(different=5)


def test_a_mark_rewritten_from_a_former_name_of_the_database_proves_nothing_against_a_row():
    now = [card(n, extId=f"sage100:Y:{n}") for n in FIVE]
    assert compare_ssm_rows(FIVE, now, OWN | {"Y"}) == RowComparison(same=5)


CROSSED = [card(n, extId=f"sage100:X:{n % 5 + 1}") for n in FIVE]


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        pytest.param({}, True, id="created at the same moment"),
        pytest.param({"dateCreated": "2019-01-01T00:00:00Z"}, False, id="created at another moment"),
        pytest.param({"dateCreated": None}, True, id="no moment known, the same names"),
        pytest.param({"dateCreated": None, "lastName": "Autre"}, False, id="no moment known, other names"),
    ],
)
def test_marks_that_an_import_crossed_leave_it_to_the_moment_of_creation_then_to_the_names(changes, same):
    compared = compare_ssm_rows(FIVE, [row | changes for row in CROSSED], OWN)
    assert compared == (RowComparison(same=5) if same else RowComparison(different=5))


@pytest.mark.parametrize(
    ("contacts", "accounts", "strange", "refuses"),
    [
        (RowComparison(5, 0), RowComparison(1, 0), True, False),
        (RowComparison(5, 2), RowComparison(0, 9), True, False),
        (RowComparison(2, 2), RowComparison(1, 0), True, False),
        (RowComparison(2, 2), RowComparison(0, 1), True, True),
        (RowComparison(2, 3), RowComparison(9, 0), True, True),
        (RowComparison(0, 0), RowComparison(2, 0), True, False),
        (RowComparison(0, 0), RowComparison(0, 1), True, True),
        (RowComparison(0, 0), RowComparison(0, 0), True, True),
        (RowComparison(0, 0), RowComparison(0, 0), False, False),
    ],
)
def test_most_contacts_are_the_same_else_most_accounts_and_some_are_there(contacts, accounts, strange, refuses):
    assert refused(lambda: refuse_other_instance(contacts, accounts, expects_known_rows=strange)) is refuses


# --- Sage

STAMP = "2024-03-05T11:11:12+01:00"
OTHER_STAMP = "2024-03-05T12:00:00+01:00"


def company(number, **columns):
    """A row of ``F_COMPTET``."""
    return {"cbMarq": number, "CT_Num": f"C{number}", "CT_Intitule": f"Maison {number}", "cbCreation": STAMP, **columns}


def contact(number, **columns):
    """A row of ``F_CONTACTT``."""
    return {"cbMarq": number, "CT_No": number, "CT_Nom": f"Nom{number}", "CT_Prenom": "Jean", **columns}


def stranger(number):
    """Somebody else under the same ids."""
    return contact(number, CT_Nom=f"Autre{number}")


LINKS = [Link(n, n, 100 + n, "C1", f"Jean Nom{n}", Side.SAGE100) for n in range(1, 6)]
CONTACTS = [contact(n) for n in range(1, 6)]
COMPANIES = [company(n) for n in range(1, 6)]
STRANGERS = [stranger(n) for n in range(1, 6)]


def database_refused(companies, contacts, *, known=COMPANIES, links=LINKS, complete=True):
    kept = company_sample(known)

    def has_linked_contacts():
        return not links or count_found(contacts, links) * 2 > len(links)

    return refused(lambda: refuse_other_database(kept, companies, has_linked_contacts, complete=complete))


@pytest.mark.parametrize("contacts", [CONTACTS, STRANGERS, [stranger(99)], []])
def test_whatever_became_of_its_contacts_a_database_with_its_companies_is_the_same(contacts):
    assert not database_refused(COMPANIES, contacts)


@pytest.mark.parametrize("edit", [{"CT_Intitule": "Renommée"}, {"cbCreation": "2024-03-05T11:11:12+00:00"}])
def test_companies_may_be_renamed_and_the_time_zone_set_otherwise(edit):
    assert not database_refused([company(n, **edit) for n in range(1, 6)], STRANGERS)


@pytest.mark.parametrize(("others", "refuses"), [(1, False), (2, False), (3, True), (5, True)])
def test_most_companies_must_be_the_same(others, refuses):
    now = [*(company(n, cbCreation=OTHER_STAMP) for n in range(1, others + 1)), *COMPANIES[others:]]
    assert database_refused(now, STRANGERS) is refuses


@pytest.mark.parametrize("number", [1, 2])
def test_one_company_and_one_link_are_enough_to_know_another_database(number):
    now = [company(n, cbCreation=OTHER_STAMP) for n in range(1, 6)]
    assert database_refused(now, STRANGERS, known=COMPANIES[:number], links=LINKS[:1])


@pytest.mark.parametrize("edit", [{"CT_Num": "X"}, {"CT_Intitule": "Autre"}])
def test_an_older_database_is_known_by_codes_and_names(edit):
    older = [company(n, cbCreation=None) for n in range(1, 6)]
    assert not database_refused(older, STRANGERS, known=older)
    assert database_refused([{**row, **edit} for row in older], STRANGERS, known=older)


def test_a_database_built_anew_is_known_by_the_names_of_the_linked_contacts():
    anew = [company(n, cbCreation=OTHER_STAMP) for n in range(1, 6)]
    renumbered = [contact(n, cbMarq=50 + n) for n in range(1, 6)]
    assert not database_refused(anew, CONTACTS)
    assert not database_refused(anew, renumbered)
    assert database_refused(anew, [*renumbered[:2], stranger(3)])


@pytest.mark.parametrize("companies", [[], [company(99)]])
@pytest.mark.parametrize("contacts", [[], STRANGERS])
@pytest.mark.parametrize("number", [1, 5])
def test_a_reading_without_any_company_that_was_there_is_of_another_database(companies, contacts, number):
    assert database_refused(companies, contacts, known=COMPANIES[:number])
    assert not database_refused(companies, contacts, known=COMPANIES[:number], complete=False)


def test_p13_the_last_client_may_become_a_supplier():
    assert not database_refused([], CONTACTS)


def test_nothing_is_refused_while_nobody_is_linked():
    assert not database_refused([company(n, cbCreation=OTHER_STAMP) for n in range(1, 6)], [], links=[])


def test_a_few_of_the_oldest_companies_are_remembered():
    assert list(company_sample(company(n) for n in range(100, 0, -1))) == [str(n) for n in range(1, 21)]


@pytest.mark.parametrize(
    ("links", "known", "refuses"),
    [(LINKS, "A", False), (LINKS, None, False), (LINKS, "B", True), ([], "B", False), (LINKS, "OLD", False)],
)
def test_the_settings_name_the_company_database_that_the_links_were_made_for(links, known, refuses):
    assert refused(lambda: refuse_other_company(known, "A", ["OLD"], has_links=bool(links))) is refuses
