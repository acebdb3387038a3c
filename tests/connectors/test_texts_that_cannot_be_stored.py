"""Texts of a side that no UTF-8 can hold: a source replaces what cannot be stored, and says so once."""

import json
import sqlite3
from contextlib import closing

import pytest

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from sage100_ssm.connectors import entrypoint
from sage100_ssm.connectors.source import Page
from sage100_ssm.standins.company_database import create_company_database
from tests.support.connector_processes import catalog, spoken
from tests.support.odd_servers import OddServer, logging_in, sent

ROWS = (
    rb'[{"id": 3, "lastName": "Zo\ud800"},'
    rb' {"id": 2, "Z_a": [{"value": "\udfff"}], "Z_\udc00": 1, "comment": "a\u0000b"},'
    b' {"id": 1, "city": "Or\xe9", "email": "\xed\xa0\x80"}]'
)


def warnings_of(said):
    return [log["message"] for log in said.of("LOG") if log["level"] == "WARN"]


def test_a_surrogate_or_no_text_in_any_place_of_a_row_of_ssm_stops_nothing(tmp_path):
    def answer(stream, head):
        stream.sendall(sent("200 OK", ROWS if b"page=0" in head else b"[]"))

    with OddServer(logging_in(answer)) as server:
        config = {"base_url": f"http://127.0.0.1:{server.port}", "public_key": "public", "private_key": "private"}
        said = read(tmp_path, "source_ssm", {**config, "requests_per_second": 1000})
    last, middle, first = (each["data"] for each in said.of("RECORD"))
    assert (said.code, last["lastName"], middle["Z_a"], middle["Z_�"]) == (0, "Zo�", [{"value": "�"}], 1)
    assert (middle["comment"], first["city"], first["email"]) == ("ab", "Or�", "���")
    (warning,) = warnings_of(said)
    assert warning == (
        "Texts of contacts contain characters that cannot be stored; U+FFFD is in their place, as in: "
        "Z_a, Z_�, city, email, lastName."
    )


def test_a_surrogate_no_text_or_a_nul_in_a_row_of_sage_stops_nothing(tmp_path):
    database = tmp_path / "bijou.db"
    create_company_database(database)
    with closing(sqlite3.connect(database)) as connection, connection:
        for marq, content in ((1, "EDA080"), (2, "41C3"), (3, "410042")):
            edit = "UPDATE F_CONTACTT SET CT_Fonction = CAST(? AS TEXT) WHERE cbMarq = ?"
            connection.execute(edit, (bytes.fromhex(content), marq))
    said = read(
        tmp_path, "source_sage100", {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(database)}}
    )
    jobs = {each["data"]["cbMarq"]: each["data"]["CT_Fonction"] for each in said.of("RECORD")}
    assert (said.code, jobs[1], jobs[2], jobs[3]) == (0, "���", "A�", "AB")
    (warning,) = warnings_of(said)
    assert "Texts of contacts" in warning


def read(folder, connector, config):
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "catalog.json").write_text(json.dumps(catalog("contacts")))
    return spoken(connector, "read", "--config", folder / "config.json", "--catalog", folder / "catalog.json")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\0", ""),
        ("a\0\0b", "ab"),
        ("\\\0", "\\"),
        ("\\u0000", "\\u0000"),
        ("\\\\\0u0000\0", "\\\\u0000"),
        ("\\0", "\\0"),
    ],
)
def test_a_nul_is_left_out_whatever_is_beside_it(text, written):
    lines = entrypoint._lines(Page("contacts", [{"CT_Nom": text, "CT_Prenom": "\0" + text}], 1))
    assert json.loads(lines)["record"]["data"] == {"CT_Nom": written, "CT_Prenom": written}
