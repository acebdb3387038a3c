"""PyAirbyte, a client that shares nothing with the connectors, drives them all end to end."""

import pytest


@pytest.mark.parametrize("name", ["source-sage100", "source-ssm"])
def test_source_is_checked(place, name):
    place.source(name).check()


@pytest.mark.parametrize("name", ["destination-sage100", "destination-ssm"])
def test_destination_is_checked(place, name):
    place.destination(name).check()


def test_sage_is_read_into_a_cache_and_then_what_changed_since(place):
    source, cache = place.source("source-sage100"), place.cache("sage")
    source.select_streams(["companies", "contacts"])
    first = source.read(cache=cache)
    assert {name: len(rows) for name, rows in first.streams.items()} == {"companies": 25, "contacts": 80}

    assert source.read(cache=cache).processed_records < first.processed_records / 2, "the state is kept"

    edited = "UPDATE F_CONTACTT SET CT_EMail = ?, cbModification = datetime('now', 'localtime') WHERE cbMarq = 1"
    place.sql(edited, "new@alizes.example")
    source.read(cache=cache)
    emails = {row["cbmarq"]: row["ct_email"] for row in cache["contacts"]}
    assert (len(emails), emails[1]) == (80, "new@alizes.example"), "and rows are one each"


def test_ssm_is_read_into_a_cache_and_then_what_changed_since(place):
    source, cache = place.source("source-ssm"), place.cache("ssm")
    source.select_all_streams()
    first = source.read(cache=cache)
    assert {name: len(rows) for name, rows in first.streams.items()} == {
        "accounts": 26, "contacts": 11, "users": 3, "contact_types": 10,
    }  # fmt: skip
    again = source.read(cache=cache)
    assert again.processed_records <= first.processed_records


def test_companies_of_sage_become_accounts_of_ssm_by_way_of_a_cache(place, companies_to_accounts):
    place.sql("UPDATE F_COMPTET SET CT_Intitule = 'Alizés et Fils' WHERE CT_Num = 'ALIZES'")
    place.sql("INSERT INTO F_COMPTET (CT_Num, CT_Intitule, CT_Type, CT_Prospect) VALUES ('NEUVE', 'Neuve', 0, 1)")
    source, cache = place.source("source-sage100"), place.cache("sage")
    source.select_streams(["companies"])
    destination = place.destination("destination-ssm", **companies_to_accounts)
    destination.write(source, cache=cache)

    accounts = {row["extId"]: row for row in list(place.source("source-ssm").get_records("accounts"))}
    assert len(accounts) == 27
    assert accounts["ALIZES"]["name"] == "Alizés et Fils"
    assert (accounts["NEUVE"]["name"], accounts["NEUVE"]["statusId"]["id"]) == ("Neuve", 2)

    destination.write(source, cache=cache, force_full_refresh=True)
    again = {row["extId"]: row for row in list(place.source("source-ssm").get_records("accounts"))}
    assert {code: row["changed_at"] for code, row in again.items()} == {
        code: row["changed_at"] for code, row in accounts.items()
    }, "a second write changes nothing"


def test_contacts_of_sage_come_into_another_company_database_by_way_of_a_cache(place):
    source, copy = place.source("source-sage100"), place.emptied_copy()
    source.select_streams(["contacts"])
    settings = {
        **place.sage_config(copy),
        "company": "COPIE",
        "rename": [{"stream": "contacts", "field": "cbMarq", "here": "source_cbMarq"}],
    }
    destination = place.destination("destination-sage100", **settings)
    destination.write(source, cache=place.cache("sage"))
    names = "SELECT CT_Num, CT_Nom, CT_Prenom, CT_EMail, CT_Fonction FROM F_CONTACTT ORDER BY CT_No"
    assert place.sql(names, database=copy) == place.sql(names)


def test_the_keys_of_sage_s_contacts_change_nobody_in_another_company_database(place):
    source, copy = place.source("source-sage100"), place.emptied_copy()
    source.select_streams(["contacts"])
    place.sql(
        "INSERT INTO F_CONTACTT (cbMarq, CT_Num, CT_Nom, CT_Prenom, CT_No) VALUES (1, 'ALIZES', 'Autre', '', 1)",
        database=copy,
    )
    destination = place.destination("destination-sage100", **{**place.sage_config(copy), "company": "COPIE"})
    destination.write(source, cache=place.cache("sage"))
    assert place.sql("SELECT cbMarq, CT_Nom FROM F_CONTACTT", database=copy) == [(1, "Autre")]


def test_contacts_and_accounts_of_ssm_written_back_from_a_cache_are_understood_and_change_nothing(place):
    refused = place.folder / "refused.jsonl"
    source = place.source("source-ssm")
    streams = ("contacts", "accounts")
    source.select_streams(list(streams))
    before = {name: {row["id"]: row["changed_at"] for row in list(source.get_records(name))} for name in streams}
    destination = place.destination("destination-ssm", refused_records={"kind": "file", "path": str(refused)})
    destination.write(source, cache=place.cache("ssm"))
    after = {name: {row["id"]: row["changed_at"] for row in list(source.get_records(name))} for name in streams}
    assert (len(after["contacts"]), after, refused.read_text()) == (11, before, "")


def test_a_tenants_own_fields_and_references_are_typed_columns_that_join(tenant):
    source, cache = tenant.source("source-ssm"), tenant.cache("tenant")
    source.select_streams(["contacts", "accounts"])
    source.read(cache=cache)
    with cache.get_sql_engine().connect() as connection:
        columns = dict(
            connection.exec_driver_sql(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'contacts'"
            ).fetchall()
        )
        joined = connection.exec_driver_sql(
            f"""SELECT c.lastname, a.name, s.name, c.z_visits + 1, c.z_vip, c.z_note, year(c.z_met)
                FROM {cache.schema_name}.contacts AS c
                JOIN {cache.schema_name}.accounts AS a ON c.accountid_id = a.id
                LEFT JOIN {cache.schema_name}.accounts AS s ON c.z_sponsor_id = s.id
                ORDER BY c.lastname"""  # noqa: S608 - the test's own words
        ).fetchall()
    assert [tuple(row) for row in joined] == [
        ("Durand", "Or", "Argent", 4, True, "Été", 2024),
        ("Petit", "Or", None, None, None, None, None),
    ]
    assert {name: columns[name] for name in ("accountid_id", "z_sponsor_id", "z_visits", "z_vip", "z_met")} == {
        "accountid_id": "BIGINT",
        "z_sponsor_id": "BIGINT",
        "z_visits": "BIGINT",
        "z_vip": "BOOLEAN",
        "z_met": "TIMESTAMP",
    }


def test_a_tenants_contacts_written_back_from_a_cache_change_nothing(tenant):
    source = tenant.source("source-ssm")
    source.select_streams(["contacts"])
    before = {row["id"]: dict(row) for row in list(source.get_records("contacts"))}
    refused = tenant.folder / "refused.jsonl"
    destination = tenant.destination("destination-ssm", refused_records={"kind": "file", "path": str(refused)})
    destination.write(source, cache=tenant.cache("tenant"))
    after = {row["id"]: dict(row) for row in list(source.get_records("contacts"))}
    assert {key: row["changed_at"] for key, row in after.items()} == {
        key: row["changed_at"] for key, row in before.items()
    }
    assert (len(after), refused.read_text()) == (2, "")


def test_contacts_are_synchronised_by_reading_and_the_journal_of_it_comes_into_a_cache(place, state):
    source, cache = place.contact_sync(state), place.cache("journal")
    source.check()
    source.select_streams(["runs", "open_problems", "journal", "writes", "links"])
    first = source.read(cache=cache)
    assert {name: len(rows) for name, rows in first.streams.items()} == {
        "runs": 1, "open_problems": 2, "journal": 3, "writes": 84, "links": 81,
    }  # fmt: skip

    edited = "UPDATE F_CONTACTT SET CT_EMail = ?, cbModification = datetime('now', 'localtime') WHERE cbMarq = 1"
    place.sql(edited, "new@alizes.example")
    source.read(cache=cache)

    contacts = list(place.source("source-ssm").get_records("contacts"))
    assert [row["email"] for row in contacts if row["extId"] == "sage100:BIJOU:1"] == ["new@alizes.example"]
    runs = {row["number"]: (row["status"], row["ssm_updated"]) for row in cache["runs"]}
    assert (len(list(cache["runs"])), runs[2]) == (2, ("done", 1))
    assert [len(list(cache[name])) for name in ("writes", "links")] == [85, 81], "and rows are one each"
