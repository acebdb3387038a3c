"""What people do on both sides, and the installation that they do it in."""

import os
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import httpx
import pytest
import yaml

from sage100_ssm.app.settings import load_settings
from sage100_ssm.standins import sample
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.standins.ssm_api.store import BadRequestError


@pytest.fixture
def place(tmp_path):
    with sample_installation(tmp_path / "company") as place:
        yield place


def test_the_tenant_has_an_account_for_every_client_and_prospect_and_the_newcomer(place):
    codes = {row["extId"] for row in place.ssm.snapshot()["accounts"]}
    in_sage = {row["CT_Num"] for row in place.sage.snapshot()["F_COMPTET"] if row["CT_Type"] == 0}
    assert codes == in_sage | {sample.NEWCOMER}


def bare(*names):
    """Names without case and accents."""
    signs = unicodedata.normalize("NFD", "|".join(names).casefold())
    return "".join(sign for sign in signs if not unicodedata.combining(sign))


def test_some_contacts_of_the_tenant_are_in_sage_too_and_one_of_them_has_another_phone(place):
    sage = {bare(row["CT_Nom"], row["CT_Prenom"]): row for row in place.sage.contacts()}
    pairs = [(row, sage.get(bare(row["lastName"], row["firstName"]))) for row in place.ssm.contacts()]
    found = [(ssm, row) for ssm, row in pairs if row is not None]
    assert len(found) == 6
    assert all(ssm["accountId"] == place.ssm.account(row["CT_Num"]) for ssm, row in found)
    assert sum((ssm["phone1"] or "") != row["CT_Telephone"] for ssm, row in found) == 1
    assert len(place.ssm.contacts()) == 11
    assert len(place.ssm.contacts(sample.NEWCOMER)) == 2


def test_what_a_sage_user_does_is_in_the_database(place):
    sage = place.sage
    marq = sage.create_contact("CAMEE", "Dupin", "Jo", CT_Telephone="01 99 00 10 10")
    sage.rename_contact(marq, "Dupain", "Joe")
    sage.move_contact(marq, "AMBRE")
    row = sage.contact(marq)
    assert (row["CT_Num"], row["CT_Nom"], row["CT_Prenom"]) == ("AMBRE", "Dupain", "Joe")
    assert row["CT_No"] == 81
    assert row in sage.contacts("AMBRE")
    assert row not in sage.contacts("CAMEE")
    sage.create_company(sample.NEWCOMER, "Zircon & Zéphyr", CT_Prospect=1)
    sage.edit_company(sample.NEWCOMER, CT_Prospect=0)
    assert sage.snapshot()["F_COMPTET"][-1]["CT_Prospect"] == 0
    sage.delete_company(sample.NEWCOMER)
    assert len(sage.snapshot()["F_COMPTET"]) == 27


def test_what_an_ssm_user_does_is_stamped_and_is_no_request(place):
    ssm = place.ssm
    created = ssm.create_contact("CAMEE", "Dupin", "Jo", typeId=3)
    assert ssm.contact(created)["dateUpdated"] is None
    ssm.rename_contact(created, "Dupain", "Joe")
    ssm.move_contact(created, "AMBRE")
    row = ssm.contact(created)
    assert (row["lastName"], row["accountId"], row["salesRepIdUpdated"]) == ("Dupain", ssm.account("AMBRE"), 311)
    assert row["dateUpdated"] is not None
    assert row in ssm.contacts("AMBRE")
    ssm.delete_contact(created)
    assert ssm.contact(created)["deleted"] is True
    assert ssm.contacts("CAMEE") == [row for row in ssm.contacts("CAMEE") if row["id"] != created]
    with pytest.raises(BadRequestError):
        ssm.edit_contact(created, fax="1")
    assert place.api.requests == []


def test_an_ssm_user_makes_and_unmakes_companies(place):
    account = place.ssm.create_company(None, "Sans code")
    place.ssm.edit_company(account, extId="NEUF")
    assert place.ssm.account("NEUF") == account
    place.ssm.delete_company(account)
    with pytest.raises(LookupError):
        place.ssm.account("NEUF")


def test_a_snapshot_tells_whether_anything_changed(place):
    before = place.sage.snapshot(), place.ssm.snapshot()
    assert (place.sage.snapshot(), place.ssm.snapshot()) == before
    place.ssm.edit_contact(place.ssm.contacts()[0]["id"], fax="1")
    place.sage.edit_contact(1, CT_Fonction="Gérante")
    assert place.sage.snapshot() != before[0]
    assert place.ssm.snapshot() != before[1]


def test_the_settings_are_ready_to_use(place):
    settings = load_settings(place.settings)
    assert settings.ssm.base_url == place.api.base_url
    assert settings.sage100.company == "BIJOU"
    assert Path(settings.sage100.connection.path) == place.database


def test_a_directory_in_use_is_left_alone(place):
    with pytest.raises(FileExistsError), sample_installation(place.database.parent):
        pass


def test_the_command_answers_until_it_is_interrupted(tmp_path):
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "sage100_ssm.standins", "--dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    with process:
        told = dict(process.stdout.readline().split(maxsplit=1) for _ in range(6))
        tree = yaml.safe_load((tmp_path / "sync.yaml").read_text("utf-8"))
        keys = {"username": tree["ssm"]["public_key"], "password": tree["ssm"]["private_key"]}
        assert told["base_url:"].strip() == tree["ssm"]["base_url"]
        assert httpx.post(f"{tree['ssm']['base_url']}/login", json=keys).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
