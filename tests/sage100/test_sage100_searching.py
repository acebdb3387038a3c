"""Contacts looked for by a person: on SQLite and on SQL Server."""

import pytest

from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.searching import contacts_like, is_client, third_parties


@pytest.fixture
def database(sage):
    """The company, open."""
    sage.edit(1, CT_Telephone="01.99 00-10 00")
    with open_database(Sage100Config.model_validate(sage.config)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"words": ["durand"]}, ["Durand"]),
        ({"words": ["durand", "carat"]}, ["Durand"]),
        ({"words": ["carat"]}, ["Durand", "Petit"]),
        ({"words": ["moreau"]}, ["Moreau"]),
        ({"email": "anne@example.org"}, ["Durand"]),
        ({"digits": "199001000"}, ["Durand"]),
        ({"ids": [2, 3, 99]}, ["Petit", "Moreau"]),
        ({"words": ["nobody"]}, []),
        ({}, []),
    ],
)
def test_contacts_are_found_by_name_company_email_phone_or_number(database, asked, names):
    assert [row["CT_Nom"] for row in contacts_like(database, **asked, limit=10)] == names


def test_no_more_are_read_than_asked_for(database):
    assert len(contacts_like(database, words=["carat"], limit=1)) == 1


def test_companies_are_found_whatever_they_are(database):
    found = {row["CT_Num"]: is_client(row) for row in third_parties(database, ["CARAT", "FOURNI", "NOBODY"])}
    assert found == {"CARAT": True, "FOURNI": False}
    assert third_parties(database, []) == []
