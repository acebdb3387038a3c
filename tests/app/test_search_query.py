"""What a person types to find a contact, and what answers to it."""

import pytest

from sage100_ssm.app.search.query import query
from sage100_ssm.sync.model import ContactRef, Side

SAGE, SSM = Side.SAGE100, Side.SSM


@pytest.mark.parametrize(
    "who", ["Claire Morel", "morel claire", "  CLAIRE   mörel ", "mor", "Morel Carat", "bijoux carat", "CARAT"]
)
def test_a_name_in_any_order_with_or_without_the_company_answers(who):
    assert query(who).matches(["Claire Morel", "CARAT", "Bijoux Carat"], [], [])


@pytest.mark.parametrize("who", ["Mme Morel", "mme. claire morel", "M. Morel", "M Morel", "Madame Morel Carat"])
def test_p4_a_civility_before_the_name_is_no_part_of_it(who):
    assert query(who).matches(["Claire Morel", "CARAT", "Bijoux Carat"], [], [])


@pytest.mark.parametrize("who", ["Mme", "M.C."])
def test_p4_a_civility_alone_stays_what_was_typed(who):
    assert query(who).words == (who.casefold(),)


@pytest.mark.parametrize("who", ["Claire Durand", "Morel Nacre", "Mroel", "claire@carat.example", "0199001000", ""])
def test_another_name_does_not(who):
    assert not query(who).matches(["Claire Morel", "CARAT", None], [], [])


@pytest.mark.parametrize("who", ["claire@carat.example", " Claire@CARAT.example "])
def test_an_email_is_found_without_case(who):
    assert query(who).matches([], ["claire@Carat.example", None, 3], [])
    assert not query(who).matches(["claire@carat.example"], ["luc@carat.example"], [])


@pytest.mark.parametrize("who", ["01 99 00 10 00", "0199001000", "+33 1 99.00.10.00", "(+33) 199001000", "99 00 10 00"])
@pytest.mark.parametrize("typed", ["01 99 00 10 00", "+33199001000", "01.99.00.10.00"])
def test_a_phone_number_is_found_in_any_spelling(who, typed):
    assert query(who).matches([], [], [None, typed])
    assert not query(who).matches([], [], ["01 99 00 10 01"])


@pytest.mark.parametrize(
    ("who", "refs"),
    [
        ("12", (ContactRef(SAGE, 12), ContactRef(SSM, 12))),
        ("sage100:12", (ContactRef(SAGE, 12),)),
        ("ssm:340", (ContactRef(SSM, 340),)),
        ("sage100:BIJOU:12", (ContactRef(SAGE, 12),)),
        ("Claire 12", ()),
    ],
)
def test_a_number_is_a_contact_of_the_side_that_it_names_or_of_either(who, refs):
    assert query(who).refs == refs


@pytest.mark.parametrize("who", ["", "   ", "!!", "-"])
def test_nothing_typed_asks_for_nobody(who):
    assert query(who).is_empty
