"""Both connectors as commands that speak the Airbyte protocol, from one company database into another."""

import json

from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from tests.support.connector_processes import command, piped
from tests.support.sage100_databases import ON_SERVERS, ON_SQLITE, SqliteCompany, only_here

FIELDS = ("CT_Num", "CT_Nom", "CT_Prenom", "CT_EMail", "CT_No")
CATALOG = {
    "stream": {
        "name": "contacts",
        "json_schema": {"properties": {name: {} for name in FIELDS}},
        "supported_sync_modes": ["incremental"],
    },
    "sync_mode": "incremental",
    "destination_sync_mode": "append",
}


@ON_SERVERS
def test_a_source_piped_into_a_destination_brings_contacts_to_another_company(sage, sql_server, tmp_path):
    only_here(sage)
    other = sql_server.company(sage.config["connection"]["driver"])
    other.add(F_COMPTET, {"CT_Num": "CARAT", "CT_Type": 0}, {"CT_Num": "FOURNI", "CT_Type": 1})
    settings = other.config | {"rename": {"contacts": {"cbMarq": "source_cbMarq"}}}
    written, ended = brought(tmp_path, sage.config, settings, FIELDS)
    assert (ended, written.code) == (0, 0), written.errors
    assert written.of("STATE")[-1]["stream"]["stream_descriptor"]["name"] == "contacts"
    assert [tuple(row[name] for name in FIELDS) for row in other.contacts()] == [
        ("CARAT", "Durand", "Anne", "anne@example.org", 10),
        ("CARAT", "Petit", "", "", 11),
        ("FOURNI", "Moreau", "Luc", "", 12),
    ]


@ON_SQLITE
def test_the_keys_of_one_company_change_and_delete_nobody_in_another(sage, tmp_path):
    other = SqliteCompany(tmp_path / "or.db")
    other.add(F_COMPTET, {"CT_Num": "CARAT", "CT_Type": 0})
    other.add(
        F_CONTACTT, *({"CT_Num": "CARAT", "CT_Nom": f"Autre {n}", "CT_Prenom": "", "CT_No": n} for n in (1, 2, 3))
    )
    before = other.contacts()
    written, ended = brought(tmp_path, sage.config, other.config | {"company": "OR"}, (*FIELDS, "cbMarq", "_company"))
    assert (ended, written.code) == (0, 0), written.errors
    assert other.contacts() == before
    told = [each["message"] for each in written.of("LOG") if '"cause":"other_company"' in each["message"]]
    assert len(told) == len(sage.contacts())


def brought(folder, source, destination, fields):
    """What the destination said, and how the source ended, once contacts were read here and written there."""
    stream = CATALOG["stream"] | {"json_schema": {"properties": {name: {} for name in fields}}}
    files = {"from": source, "to": destination, "catalog": {"streams": [CATALOG | {"stream": stream}]}}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return piped(
        command("source_sage100", "read", "--config", folder / "from", "--catalog", folder / "catalog"),
        command("destination_sage100", "write", "--config", folder / "to", "--catalog", folder / "catalog"),
    )
