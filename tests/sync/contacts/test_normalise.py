"""P8: what is equal after normalising is no change."""

import pytest

from sage100_ssm.sync.contacts import normalise

NBSP, NARROW = "\u00a0", "\u202f"


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None),
        ("", None),
        (" \t ", None),
        (NBSP, None),
        ("Aubrelin", "Aubrelin"),
        ("  Aubrelin ", "Aubrelin"),
        (f"Le{NBSP}Goff", "Le Goff"),
        (f"Le{NARROW}Goff", "Le Goff"),
        ("Le   Goff", "Le Goff"),
        ("Zoe\u0301", "Zo\u00e9"),
        ("AUBRELIN", "AUBRELIN"),
        ("one\r\ntwo", "one\ntwo"),
        ("one\rtwo", "one\ntwo"),
        ("one  \n  two", "one\ntwo"),
        ("one\n\ntwo", "one\n\ntwo"),
    ],
)
def test_text_is_compared_in_nfc_with_single_spaces_and_line_feeds(value, form):
    assert normalise.text(value) == form


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (None, None),
        (" ", None),
        ("Ada@Alpha.Example ", "ada@alpha.example"),
        ("ada@alpha.example", "ada@alpha.example"),
    ],
)
def test_email_is_compared_without_case(value, form):
    assert normalise.email(value) == form


@pytest.mark.parametrize(
    ("one", "two", "country"),
    [
        ("01 23 45 67 89", "0123456789", "FR"),
        ("01.23.45.67.89", "01-23-45-67-89", "FR"),
        ("01 23 45 67 89", "+33 1 23 45 67 89", "FR"),
        ("01 23 45 67 89", "+33 (0)1 23 45 67 89", "FR"),
        ("01 23 45 67 89", "0033 1 23 45 67 89", "FR"),
        (f"01{NBSP}23{NBSP}45{NBSP}67{NBSP}89", "01 23 45 67 89", "FR"),
        ("02 512 34 56", "+32 2 512 34 56", "BE"),
        ("044 668 18 00", "+41 44 668 18 00", "CH"),
        ("+32 2 512 34 56", "0032 2 512 34 56", "FR"),
        ("3615", "36 15", "FR"),
        ("01 23 45 67 89 Poste 12", "01 23 45 67 89  poste 12", "FR"),
        ("  ", None, "FR"),
    ],
)
def test_phones_that_are_the_same(one, two, country):
    assert normalise.phone(one, country) == normalise.phone(two, country)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("01 23 45 67 89", "01 23 45 67 88"),
        ("01 23 45 67 89", "+32 1 23 45 67 89"),
        ("01 23 45 67 89", "01 23 45 67 89 poste 12"),
        ("01 23 45 67 89 poste 12", "01 23 45 67 89 poste 13"),
        ("01 23 45 67 89 / 06 12 34 56 78", "01 23 45 67 89"),
        ("01 23 45 67 89 / 06 12 34 56 78", "01 23 45 67 89 / 06 12 34 56 79"),
        ("3615", "3616"),
        ("voir standard", "voir accueil"),
        ("01 23 45 67 89", None),
    ],
)
def test_phones_that_differ(one, two):
    assert normalise.phone(one, "FR") != normalise.phone(two, "FR")


def test_the_country_decides_about_a_number_without_prefix():
    assert normalise.phone("02 512 34 56", "BE") == "+3225123456"
    assert normalise.phone("02 512 34 56", "FR") != "+3225123456"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Dupré", "DUPRE"),
        ("Dupré", "Dupre\u0301"),
        ("Le  Goff", " le goff "),
        (f"Le{NBSP}Goff", "Le Goff"),
        ("Straße", "STRASSE"),
        (None, ""),
    ],
)
def test_names_match_without_case_accents_and_spacing(one, two):
    assert normalise.name(one) == normalise.name(two)


@pytest.mark.parametrize(("one", "two"), [("Dupré", "Dupri"), ("Le Goff", "Legoff"), ("D'Arc", "Darc")])
def test_names_that_do_not_match(one, two):
    assert normalise.name(one) != normalise.name(two)


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("ALPHA", "alpha", True),
        ("ALPHA ", "ALPHA", True),
        ("ÉTÉ", "été", True),
        ("ÉTÉ", "ETE", False),
        ("01", "1", False),
    ],
)
def test_company_codes_compare_as_sages_collation_does(one, two, same):
    assert (normalise.company_code(one) == normalise.company_code(two)) is same
