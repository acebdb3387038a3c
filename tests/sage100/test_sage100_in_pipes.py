"""Both connectors as commands that speak the Airbyte protocol, on a SQL Server."""

import json

from sage100.tables import F_COMPTET
from tests.airbyte.speaking import command, piped
from tests.sage100.companies import ON_SERVERS, only_here

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
    settings = other.config | {"rename": {"contacts": {"cbMarq": "id_there"}}}
    files = {"from": sage.config, "to": settings, "catalog": {"streams": [CATALOG]}}
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    written, ended = piped(
        command("source_sage100", "read", "--config", tmp_path / "from", "--catalog", tmp_path / "catalog"),
        command("destination_sage100", "write", "--config", tmp_path / "to", "--catalog", tmp_path / "catalog"),
    )
    assert (ended, written.code) == (0, 0), written.errors
    assert written.of("STATE")[-1]["stream"]["stream_descriptor"]["name"] == "contacts"
    assert [tuple(row[name] for name in FIELDS) for row in other.contacts()] == [
        ("CARAT", "Durand", "Anne", "anne@example.org", 10),
        ("CARAT", "Petit", "", "", 11),
        ("FOURNI", "Moreau", "Luc", "", 12),
    ]
