"""Companies, accounts, scope, and the `extId` that joins a contact to its Sage row."""

import pytest

from sage100_ssm.sync.contacts.companies import ContactScope, Scope
from sage100_ssm.sync.contacts.contact import ExtId, Marks
from sage100_ssm.sync.model import Side
from tests.support import worlds


@pytest.mark.parametrize("origin", list(Side))
@pytest.mark.parametrize("database", ["BIJOU", "A:B", "ssm:1", "Été 2026", "sage100:"])
def test_an_ext_id_is_read_back_as_it_was_written(origin, database):
    written = ExtId(origin, database, 42)
    assert ExtId.parse(str(written)) == written
    assert Marks(database).ours(str(written)) == written


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "C-0001",
        "sage100:OTHER:1",
        "sage100:bijou:1",
        "SAGE100:BIJOU:1",
        "sage50:BIJOU:1",
        "sage100:BIJOU:",
        "sage100:BIJOU:0",
        "sage100:BIJOU:01",
        "sage100:BIJOU:-1",
        "sage100:BIJOU:1 ",
        " sage100:BIJOU:1",
        "sage100:BIJOU:1x",
        "sage100:BIJOU:1\n",
        "sage100:A:BIJOU:1",
        "sage100::1",
    ],
)
def test_what_is_not_exactly_ours_is_foreign(text):
    assert Marks("BIJOU").ours(text) is None


def test_a_digit_of_another_script_is_foreign():
    assert Marks("BIJOU").ours("sage100:BIJOU:1\u0663") is None


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (None, None),
        ("C-0001", None),
        ("sage100:BIJOU:1", None),
        ("ssm:OLD:1", None),
        ("sage100:TEST_COPIE:1", "TEST_COPIE"),
        ("ssm:bijou:1", "bijou"),
    ],
)
def test_p15_an_ext_id_of_ours_names_this_database_or_what_it_was_called(text, other):
    assert Marks("BIJOU", frozenset({"OLD"})).other_database(text) == other


def test_p15_the_mark_of_a_renamed_database_is_rewritten():
    marks = Marks("BIJOU", frozenset({"OLD"}))
    ours = marks.ours("ssm:OLD:42")
    assert ours == ExtId(Side.SSM, "BIJOU", 42)
    assert marks.to_write("ssm:OLD:42", ours) == "ssm:BIJOU:42"


@pytest.mark.parametrize(
    ("code", "stored"), [("alpha", "ALPHA"), (" ALPHA ", "ALPHA"), ("GAMMA", None), ("", None), (None, None)]
)
def test_r4_a_code_is_told_in_the_form_that_sage_stores(code, stored):
    assert worlds.companies().stored_code(code) == stored


@pytest.mark.parametrize(
    ("scope", "code", "in_scope", "left_out"),
    [
        (Scope(), "ALPHA", True, False),
        (Scope(), "alpha", True, False),
        (Scope(), "GAMMA", False, False),
        (Scope(), None, False, False),
        (Scope(prospects=False), "ALPHA", True, False),
        (Scope(prospects=False), "BETA", False, True),
        (Scope(exclude=("AL*",)), "ALPHA", False, True),
        (Scope(exclude=("al?ha",)), "ALPHA", False, True),
        (Scope(exclude=("AL",)), "ALPHA", True, False),
        (Scope(exclude=("GA*",)), "GAMMA", False, True),
    ],
)
def test_scope(scope, code, in_scope, left_out):
    known = worlds.companies(scope=scope)
    assert (known.is_in_scope(code), known.is_left_out(code)) == (in_scope, left_out)


@pytest.mark.parametrize(
    ("exclude", "left_out"),
    [
        ((), False),
        (({"N_Service": "9"},), True),
        (({"N_Service": "1"},), False),
        (({"CT_Fonction": "web*"},), True),
        (({"CT_Fonction": "WEB"},), False),
        (({"CT_Nom": "*"},), True),
        (({"CT_Prenom": "?*"},), False),
        (({"CT_Prenom": "*"},), True),
        (({"N_Service": "9", "CT_Fonction": "X*"},), False),
        (({"N_Service": "9", "CT_Fonction": "*shop"},), True),
        (({"N_Service": "1"}, {"CT_Fonction": "Web*"}), True),
    ],
)
def test_p13_a_contact_is_left_out_where_all_patterns_of_one_entry_match(exclude, left_out):
    row = {"N_Service": 9, "CT_Fonction": "Webshop ", "CT_Nom": "Durand", "CT_Prenom": None}
    assert ContactScope(exclude).excludes(row) is left_out


def test_a_company_that_an_older_database_tells_no_prospect_from_is_in_scope():
    assert worlds.companies([{"CT_Num": "OLD"}], scope=Scope(prospects=False)).is_in_scope("OLD")


def account(id_, code, **more):
    return {"id": id_, "extId": code, "name": "Any", "deleted": False, **more}


@pytest.mark.parametrize(
    ("accounts", "found"),
    [
        ([account(1, "ALPHA")], (1,)),
        ([account(1, " alpha ")], (1,)),
        ([account(1, "ALPHA"), account(2, "alpha")], (1, 2)),
        ([account(1, "ALPHA", deleted=True), account(2, "ALPHA")], (2,)),
        ([account(1, None), account(2, "")], ()),
        ([], ()),
    ],
)
def test_the_living_accounts_of_a_code(accounts, found):
    assert tuple(worlds.companies(accounts=accounts).accounts_of("ALPHA")) == found


def test_a_deleted_account_is_still_known_by_its_id():
    known = worlds.companies(accounts=[account(1, "ALPHA", deleted=True)])
    assert known.account(1).deleted
    assert known.account(2) is None
    assert known.account(None) is None


def test_only_twins_in_scope_are_told_under_the_code_that_sage_stores():
    accounts = [account(1, "alpha"), account(2, "ALPHA"), account(3, "GAMMA"), account(4, "GAMMA"), account(5, "BETA")]
    assert worlds.companies(accounts=accounts).twins() == {"ALPHA": (1, 2)}


@pytest.mark.parametrize("value", ["ALPHA", {"id": 3, "value": "ALPHA"}])
def test_the_code_may_stand_in_another_field_of_the_account(value):
    known = worlds.companies(accounts=[{"id": 1, "Z_code": value}], code_field="Z_code")
    assert tuple(known.accounts_of("ALPHA")) == (1,)


def test_a_code_that_is_a_number_is_a_text_in_sage():
    known = worlds.companies([{"CT_Num": "411001"}], [{"id": 1, "Z_code": 411001}], code_field="Z_code")
    assert tuple(known.accounts_of("411001")) == (1,)
