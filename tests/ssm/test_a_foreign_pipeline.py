"""A pipeline that knows nothing of SSM (people as a test source makes them) writes contacts: all that can be are."""

import json

import pytest

from tests.support.connector_processes import catalog, record, spoken, state

MANY = 40
WITH_AN_OBJECT = {1, 2}
"""Whose address is an object, which SSM has no room for."""
PROPERTIES = (
    "id",
    "first_name",
    "last_name",
    "email",
    "telephone",
    "created_at",
    "birth_date",
    "is_vip",
    "address",
    "tags",
    "company",
)
SETTINGS = {
    "streams": {"users": "contacts"},
    "rename": {
        "users": {
            "id": "extId", "first_name": "firstName", "last_name": "lastName", "telephone": "phone1",
            "birth_date": "birthday", "is_vip": "marketingCommunications", "address": "address1",
            "company": "account_ext_id",
        }
    },
}  # fmt: skip


def person(number, **differing):
    return {
        "id": 1000 + number, "first_name": f"Fleur{number}", "last_name": f"Martin{number}",
        "email": f"fleur{number}@example.org", "telephone": 33600000000 + number,
        "created_at": "2024-05-01T08:00:00.000Z", "birth_date": "1990-05-01", "is_vip": number % 2,
        "address": {"street": "1 rue X", "city": "Lyon"} if number in WITH_AN_OBJECT else "1 rue X",
        "tags": ["a", "b"], "company": 411, **differing,
    }  # fmt: skip


WRONG = {
    7: (
        {"last_name": None},
        "value_missing",
        "lastName",
        "a new row needs lastName, and the record has no value for it",
    ),
    11: (
        {"company": 412},
        "company_missing",
        "account_ext_id",
        "account_ext_id is that of no account in Sage Sales Management",
    ),
    13: ({"id": {"$oid": "65"}}, "malformed", None, "extId must be a text or a whole number"),
    17: (
        {"last_name": "M" * 300},
        "value_refused",
        "lastName",
        "HTTP 400: The value of lastName is longer than … characters",
    ),
    19: ({"_ab_cdc_deleted_at": "false"}, "malformed", "_ab_cdc_deleted_at", None),
}


@pytest.fixture
def foreign(side, tmp_path):
    """Run the destination as a process on the records; gives what it said."""

    def run(people):
        files = {
            "config": {
                **side.config,
                **SETTINGS,
                "refused_records": {"kind": "file", "path": str(tmp_path / "refused")},
            }
        }
        files["catalog"] = catalog("users", fields=PROPERTIES)
        for name, content in files.items():
            (tmp_path / name).write_text(json.dumps(content))
        arguments = ["write", "--config", tmp_path / "config", "--catalog", tmp_path / "catalog"]
        return spoken(
            "destination_ssm", *arguments, given=[*(record("users", each) for each in people), state("users", at=1)]
        )

    return run


def test_every_record_is_created_or_refused_with_a_reason_that_a_stranger_understands(side, foreign, tmp_path):
    company = side.api.store.create(
        "accounts", {"name": "Or", "extId": "411", "branchId": 16, "salesRepId1": 310}, user=90
    )
    said = foreign(person(n, **WRONG[n][0] if n in WRONG else {}) for n in range(MANY))

    (given,) = said.of("STATE")
    assert (said.code, given["destinationStats"]["rejectedRecordCount"]) == (0, len(WRONG))
    logged = [json.loads(each["message"]) for each in said.of("LOG") if '"receipt"' in each["message"]]
    refused = {line["record"]: line for line in logged if line["receipt"] == "refused"}
    assert refused.keys() == WRONG.keys()
    for number, (_, cause, field, reason) in WRONG.items():
        line = refused[number]
        assert (line["cause"], line.get("field")) == (cause, field)
        assert line["reason"] == reason if reason else line["reason"]
    rows = side.api.store.rows("contacts")
    assert len(rows) == MANY - len(WRONG)
    first = rows[0]
    number = int(first["extId"]) - 1000
    assert (first["phone1"], first["accountId"]) == (str(33600000000 + number), company)
    assert first["marketingCommunications"] is bool(number % 2)
    in_part = [line for line in logged if line["receipt"] == "applied"]
    assert {(line["record"], *line["without"], line["reason"]) for line in in_part} == {
        (number, "address1", "address1: The value of address1 is not valid") for number in WITH_AN_OBJECT
    }
    assert "Martin" not in said.text + said.errors
    kept = [json.loads(line) for line in (tmp_path / "refused").read_text().splitlines()]
    assert all(line["detail"] or line["refused"] for line in kept)
    assert len(kept) == len(WRONG) + len(WITH_AN_OBJECT)

    written = (person(number) for number in range(MANY) if number not in {*WRONG, *WITH_AN_OBJECT})
    again = side.write(*written, stream="users", fields=PROPERTIES, config=SETTINGS)
    assert not [receipt for receipt in again if receipt.wrote]
