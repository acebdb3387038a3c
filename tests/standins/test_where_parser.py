import pytest

from sage100_ssm.standins.ssm_api.resources import CONTACT, parse_date
from sage100_ssm.standins.ssm_api.where_parser import BadWhereError, equals, parse

FIELDS = {field.name: field for field in CONTACT}
ROW = {
    "id": 7,
    "lastName": "O'Neil",
    "firstName": "Zoé",
    "email": None,
    "accountId": 12,
    "deleted": False,
    "dateCreated": parse_date("2026-01-02T03:04:05.678Z"),
    "dateUpdated": None,
}


def holds(text, *, ignore_case=True):
    return parse(text, FIELDS, ignore_case=ignore_case)(ROW) is True


@pytest.mark.parametrize(
    "text",
    [
        "id=7",
        "id = '7'",
        "id<>8",
        "id>6 AND id<8",
        "id>=7 and id<=7",
        "lastName='O''Neil'",
        "lastName='o''neil'",
        "firstName='Zoé'",
        "lastName LIKE 'o%'",
        "lastName like '_''Neil'",
        "lastName NOT LIKE '%x%'",
        "deleted=false",
        "deleted=0",
        "NOT deleted=true",
        "accountId.id=12",
        "accountId.id IN (11,12)",
        "accountId.id NOT IN (1, 2)",
        "lastName='AND' OR id=7",
        "id=1 OR id=2 OR id=7",
        "id=7 OR id=7 AND id=1",
        "(id=1 OR id=7) AND deleted=false",
        "(((id=7)))",
        "dateCreated > '2026-01-02T03:04:05Z'",
        "dateCreated >= '2026-01-02T03:04:05.678Z'",
        "dateCreated < '2026-01-03'",
        "dateUpdated > '2025-01-01T00:00:00Z' OR dateCreated > '2025-01-01T00:00:00Z'",
        "dateUpdated IS NULL",
        "dateCreated IS NOT NULL",
    ],
)
def test_a_condition_that_the_row_satisfies_holds(text):
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "id=8",
        "(id=1 OR id=7) AND deleted=true",
        "accountId.id NOT IN (12)",
        "lastName LIKE 'Neil'",
        "dateCreated > '2026-01-02T03:04:05.678Z'",
        "email=''",
        "email<>''",
        "email=null",
        "NOT email='x'",
        "email NOT IN ('x')",
        "email NOT LIKE 'x%'",
        "dateUpdated > '1900-01-01T00:00:00Z'",
    ],
)
def test_a_condition_that_is_false_or_meets_a_null_does_not_hold(text):
    assert not holds(text)


def test_texts_compare_with_case_where_that_is_asked_for():
    assert not holds("lastName='o''neil'", ignore_case=False)
    assert not holds("lastName LIKE 'o%'", ignore_case=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id",
        "id=",
        "id==7",
        "id=7 AND",
        "id=7 id=7",
        "(id=7",
        "id=7)",
        "id IN ()",
        "id IN (7",
        "id NOT = 7",
        "id='seven'",
        "deleted='perhaps'",
        "deleted=maybe",
        "dateCreated>'yesterday'",
        "lastName='O'Neil'",
        "lastName=Neil",
        "lastName LIKE 7",
        "nobody=1",
        "accountId=12",
        "accountId.value='x'",
        "id.id=7",
        "id=7; DROP TABLE contacts",
    ],
)
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(BadWhereError):
        parse(text, FIELDS, ignore_case=True)


def test_a_parameter_named_like_a_field_asks_for_equality_whatever_signs_it_holds():
    assert equals("lastName", "O'Neil", FIELDS, ignore_case=False)(ROW)
    assert not equals("lastName", "x' OR id=7 OR lastName='x", FIELDS, ignore_case=False)(ROW)
