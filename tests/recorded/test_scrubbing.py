"""No cassette holds a secret or tells of a person, wherever it was recorded."""

import contextlib
import json
import re
from pathlib import Path

import pytest
import yaml
from vcr import VCR

from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.errors import Rejected, UnexpectedStatus
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.standins import sample
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from tests.support.scrub import ANSWER_HEADERS, HOST, REQUEST_HEADERS, Scrubber

CASSETTES = sorted((Path(__file__).parent / "cassettes").rglob("test_*.yaml"))
LOOKS_SECRET = re.compile(r"[A-Za-z0-9_+=-]{40,}")
MAIL = re.compile(r"[\w.+-]+@([\w.-]+)")

KEYS = ("PLANTED-public-key", "PLANTED-private-key")
PERSON = {
    "firstName": "Hildegarde",
    "lastName": "Plantée",
    "email": "h.plantee@secret.example",
    "phone1": "+33 6 12 34 56 78",
    "comment": "Née à Strasbourg, préfère le soir",
    "address1": "3 rue du Secret",
    "city": "Sélestat",
    "linkedin": "hildegarde-p",
}
ROW = PERSON | {
    "id": 7,
    "birthday": "1971-07-17T00:00:00Z",
    "latitude": 48.259,
    "Z_salaire": 41_234,
    "Z_conjoint": {"id": 5678, "value": "Gontran Plantée"},
    "accountId": {"id": 8, "value": "Plantée & fils"},
    "apiKey": "PLANTED-field",
}
REFUSAL = {"code": 400, "Message": "The value of email h.plantee@secret.example of Plantée, Hildegarde is not valid"}
HEADERS = {"Set-Cookie": "session=PLANTED-cookie", "X-Session-Key": "PLANTED-header", "X-User": "Hildegarde"}
TELLING = [*PERSON.values(), "PLANTED", "Plant", "Hildegarde", "Gontran", "1971", "48.2", "41234", "5678", "127.0.0.1"]


def interactions(cassette):
    return yaml.safe_load(cassette.read_text("utf-8"))["interactions"]


@pytest.mark.parametrize("cassette", CASSETTES, ids=lambda path: path.stem)
def test_a_cassette_holds_nothing_that_looks_like_a_secret_or_a_person(cassette):
    text = str(interactions(cassette))
    people = {row[field] for row in sample.contacts() for field in ("CT_Nom", "CT_Prenom", "CT_EMail") if row[field]}

    assert [name for name in people if name in text] == []
    assert set(MAIL.findall(text)) <= {"example.org"}
    assert LOOKS_SECRET.findall(text) == []
    assert "stand-in-" not in text
    for interaction in interactions(cassette):
        assert {name.lower() for name in interaction["request"]["headers"]} <= REQUEST_HEADERS
        assert {name.lower() for name in interaction["response"]["headers"]} <= ANSWER_HEADERS
        assert interaction["request"]["uri"].startswith(HOST)


@pytest.fixture
def planted():
    """A tenant that tells of one person wherever it can, in errors and headers too."""
    with SsmApiServer(public_key=KEYS[0], private_key=KEYS[1]) as api:
        api.faults.add(Fault(CannedResponse(200, [ROW], HEADERS), "GET", "/contacts"))
        api.faults.add(Fault(CannedResponse(400, REFUSAL, HEADERS), "PUT", "/contacts/*"))
        api.faults.add(Fault(CannedResponse(400, "<p>Hildegarde Plantée</p>", HEADERS), "DELETE", "/contacts/*"))
        yield api


def converse(client):
    """Speak with the tenant; give the rows that it shows."""
    rows = list(client.rows("contacts"))
    for refused in (lambda: client.update("contacts", 7, {"skype": "essai"}), lambda: client.delete("contacts", 7)):
        with contextlib.suppress(Rejected, UnexpectedStatus):
            refused()
    return rows


def test_a_recording_keeps_neither_secrets_nor_a_person_and_replays_all_the_same(planted, tmp_path):
    cassette, tokens, scrubber = tmp_path / "planted.yaml", [], Scrubber(*KEYS)
    recorder = VCR(before_record_request=scrubber.request, before_record_response=scrubber.answer)
    config = SsmConfig(base_url=planted.base_url, public_key=KEYS[0], private_key=KEYS[1], requests_per_second=500)
    with recorder.use_cassette(str(cassette)), SsmClient(config, RetryPolicy(attempts=1)) as client:
        client.on_token(tokens.append)
        (seen,) = converse(client)

    assert seen == ROW, "who records sees what there is"
    held = cassette.read_text("utf-8") + str(interactions(cassette))
    assert tokens
    assert [secret for secret in (*tokens, *TELLING) if secret in held] == []
    refusal = next(i["response"] for i in interactions(cassette) if i["request"]["method"] == "PUT")
    assert json.loads(refusal["body"]["string"])["Message"] == "The value of email … of …, … is not valid"
    player = VCR(before_record_request=Scrubber().request, match_on=["method", "uri", "body"], record_mode="none")
    anywhere = SsmConfig(
        base_url="https://elsewhere.example/api/v4", public_key="p", private_key="k", requests_per_second=500
    )
    with player.use_cassette(str(cassette)), SsmClient(anywhere, RetryPolicy(attempts=1)) as client:
        (replayed,) = converse(client)
    assert replayed.keys() == ROW.keys()
    assert (replayed["id"], replayed["accountId"]["id"]) == (7, 8)
