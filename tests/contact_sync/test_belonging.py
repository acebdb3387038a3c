"""State and sides belong together: what rows say decides, and what may happen on a normal day does not."""

import pytest

from contact_sync.belonging import same_database, same_instance, same_settings
from contact_sync.contact import Contact
from contact_sync.failures import ConfigurationError
from contact_sync.model import Link, Pair, Side

BORN = "2024-03-05T10:11:12.7Z"


def card(number, **fields):
    """A contact of SSM as it was seen, or with other fields."""
    known = {"id": number, "dateCreated": BORN, "lastName": f"N{number}", "email": f"{number}@x.example"}
    return {**known, "extId": f"sage100:X:{number}", **fields}


def somebody_else(number):
    """What bears the same id elsewhere."""
    return {"id": number, "dateCreated": BORN, "lastName": f"Other{number}", "email": None, "extId": None}


def refused(check):
    """Whether the side is refused."""
    try:
        check()
    except ConfigurationError:
        return True
    return False


def instance_refused(before, now, *, complete=True):
    known = {row["id"]: row for row in before}
    return refused(lambda: same_instance(known, list(known), now, complete=complete))


FIVE = [card(n) for n in range(1, 6)]


@pytest.mark.parametrize(
    "born",
    [
        "2024-03-05T10:11:12Z",
        "2024-03-05T10:11:13Z",
        "2024-03-05T10:11:12.7000000+00:00",
        "2024-03-05T11:11:12.7+01:00",
        "2024-03-05T11:11:12.7",
        "2024-03-05 10:11:12",
        None,
        "long ago",
    ],
)
def test_a_moment_of_creation_may_be_spelt_otherwise(born):
    assert not instance_refused(FIVE, [{**row, "dateCreated": born} for row in FIVE])


@pytest.mark.parametrize("born", ["2024-03-05T10:12:12Z", "2019-01-01T00:00:00Z"])
@pytest.mark.parametrize("number", [1, 5])
def test_contacts_created_at_other_moments_are_others_whatever_they_are_called(born, number):
    assert instance_refused(FIVE[:number], [{**row, "dateCreated": born} for row in FIVE[:number]])


@pytest.mark.parametrize("mark", ["extId", "lastName", "email"])
def test_one_mark_that_stayed_is_enough_to_be_known_again(mark):
    edited = [{**somebody_else(row["id"]), mark: row[mark]} for row in FIVE]
    assert not instance_refused(FIVE, edited)


@pytest.mark.parametrize(("strange", "refuses"), [(1, False), (2, False), (3, True), (5, True)])
def test_most_of_those_shown_must_be_known_again(strange, refuses):
    now = [*(somebody_else(n) for n in range(1, strange + 1)), *FIVE[strange:]]
    assert instance_refused(FIVE, now) is refuses


def test_one_contact_alone_may_become_somebody_else():
    assert not instance_refused(FIVE[:1], [somebody_else(1)])


@pytest.mark.parametrize(("links", "complete", "refuses"), [(3, True, False), (5, True, True), (5, False, False)])
def test_none_there_is_no_normal_day_for_more_than_three(links, complete, refuses):
    assert instance_refused(FIVE[:links], [], complete=complete) is refuses


def test_contacts_never_seen_before_tell_nothing():
    assert not refused(lambda: same_instance({}, [1, 2, 3, 4], [card(1)], complete=True))


# --- Sage


def link(number):
    base = {
        "last_name": Pair(f"Nom{number}", f"Nom{number}"),
        "first_name": Pair("Jean", "Jean"),
        "job_title": Pair("Gérant", "Gérant"),
        "email": Pair(f"{number}@x.example", None),
        "company": Pair("ALPHA", "ALPHA"),
    }
    return Link(number, number, 100 + number, "ALPHA", f"Jean Nom{number}", Side.SAGE100, base)


def row(number, **values):
    known = {"last_name": f"Nom{number}", "first_name": "Jean", "job_title": "Gérant", "email": f"{number}@x.example"}
    return Contact(Side.SAGE100, number, {**known, "company": "ALPHA", **values}, {}, number=number)


def stranger(number):
    """Somebody else, with what many share: first name, job title, company."""
    return row(number, last_name=f"Autre{number}", email=None)


def database_refused(links, rows, *, complete=True):
    return refused(lambda: same_database(links, {r.id: r for r in rows}, complete=complete))


LINKS = [link(n) for n in range(1, 6)]
ROWS = [row(n) for n in range(1, 6)]


@pytest.mark.parametrize("edit", [{"last_name": "Renommée"}, {"email": None}, {"company": "BETA", "first_name": "Ada"}])
def test_one_field_changed_everywhere_makes_no_other_database(edit):
    assert not database_refused(LINKS, [row(n, **edit) for n in range(1, 6)])


@pytest.mark.parametrize(("strange", "refuses"), [(1, False), (2, False), (3, True), (5, True)])
def test_most_of_the_linked_rows_must_be_known_again(strange, refuses):
    assert database_refused(LINKS, [*map(stranger, range(1, strange + 1)), *ROWS[strange:]]) is refuses


def test_one_row_alone_may_become_somebody_else():
    assert not database_refused(LINKS[:1], [stranger(1)])


def test_rows_are_known_again_by_their_number_under_another_cbmarq():
    moved = [Contact(Side.SAGE100, 50 + r.id, r.values, {}, number=r.number) for r in ROWS]
    assert not database_refused(LINKS, moved)


@pytest.mark.parametrize(("links", "complete", "refuses"), [(3, True, False), (5, True, True), (5, False, False)])
def test_none_of_the_linked_rows_there_is_no_normal_day_for_more_than_three(links, complete, refuses):
    assert database_refused(LINKS[:links], [row(99, last_name="Seule", email=None)], complete=complete) is refuses


def test_a_database_that_reads_empty_is_left_to_the_guard():
    assert not database_refused(LINKS, [])


@pytest.mark.parametrize(
    ("links", "known", "refuses"), [(LINKS, "A", False), (LINKS, None, False), (LINKS, "B", True), ([], "B", False)]
)
def test_the_settings_name_the_company_database_that_the_links_were_made_for(links, known, refuses):
    assert refused(lambda: same_settings(links, known, "A")) is refuses
