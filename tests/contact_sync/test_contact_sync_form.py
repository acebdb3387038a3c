"""The form of source-contact-sync: all settings of sync.yaml, in a shape that Airbyte can ask for."""

import json
import logging
from datetime import date, timedelta

import pytest

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets

from sage100_ssm.app.contact_sync.form import ContactSyncConfig
from sage100_ssm.app.settings import Settings
from sage100_ssm.connectors.errors import ConnectorError, parse_configuration
from source_contact_sync.source import SourceContactSync

STATE = "postgresql://sync:s3cret@db.example.com:5432/sync"
NEEDED = {
    "company": "BIJOU",
    "connection": {"kind": "sqlserver", "host": "SRV-SAGE", "database": "BIJOU", "password": "pa55word"},
    "public_key": "the-public-key",
    "private_key": "the-private-key",
    "default_sales_rep_id": 310,
    "state": STATE,
}
WHOLE = NEEDED | {
    "time_zone": "Indian/Reunion",
    "formerly": ["JOYAU"],
    "default_branch_id": 16,
    "requests_per_second": 13,
    "base_url": "https://sandbox.example.com/api/v4",
    "bulk_writes": True,
    "page_size": 50,
    "overlap_minutes": 20,
    "company_code_field": "Z_code",
    "ext_id_once": True,
    "language": "en",
    "include_personal_data": True,
    "country": "BE",
    "prospects": False,
    "exclude": ["DIV*"],
    "exclude_contacts": ["N_Service=9 & CT_Fonction=WEB*", "N_Contact=2"],
    "conflict": "newest",
    "refused_deletion": "leave",
    "too_long": "truncate",
    "missing_first_name": "-",
    "possible_duplicate": "create",
    "max_deletions_ratio": 0.5,
    "max_deletions_floor": 9,
    "fields": [
        {"field": "fax", "direction": "none"},
        {"field": "assistant", "sage100": "ASSISTANT", "ssm": "Z_assistant", "kind": "text", "conflict": "ssm"},
    ],
    "labels": [
        {"field": "job_title", "sage100": "Dirigeant", "ssm": "CEO"},
        {"sage100": "Gérante", "ssm": "CEO"},
    ],
    "notify": {"kind": "teams", "url": "https://flow.example.com/s3cret", "names": True},
    "ended_links_days": 1,
    "journal_days": 2,
    "writes_days": 3,
    "time_budget_minutes": 5,
}
AS_SYNC_YAML = {
    "sage100": {"company": "BIJOU", "connection": NEEDED["connection"], "time_zone": "Indian/Reunion",
                "formerly": ["JOYAU"]},
    "ssm": {"public_key": "the-public-key", "private_key": "the-private-key", "default_sales_rep_id": 310,
            "default_branch_id": 16, "requests_per_second": 13, "base_url": "https://sandbox.example.com/api/v4",
            "bulk_writes": True, "page_size": 50, "overlap_minutes": 20, "company_code_field": "Z_code",
            "ext_id_once": True},
    "state": "postgresql+psycopg://sync:s3cret@db.example.com:5432/sync",
    "language": "en",
    "country": "BE",
    "scope": {"prospects": False, "exclude": ["DIV*"],
              "contacts": {"exclude": [{"N_Service": "9", "CT_Fonction": "WEB*"}, {"N_Contact": "2"}]}},
    "policy": {"conflict": "newest", "refused_deletion": "leave", "too_long": "truncate", "missing_first_name": "-",
               "possible_duplicate": "create", "max_deletions": {"ratio": 0.5, "floor": 9}},
    "retention": {"ended_links_days": 1, "journal_days": 2, "writes_days": 3},
    "fields": {"fax": {"direction": "none"},
               "assistant": {"sage100": "ASSISTANT", "ssm": "Z_assistant", "kind": "text", "conflict": "ssm"},
               "job_title": {"values": {"Dirigeant": "CEO", "Gérante": "CEO"}}},
    "time_budget_minutes": 5,
    "notify": [{"kind": "teams", "url": "https://flow.example.com/s3cret", "names": True}],
}  # fmt: skip
MONDAY = date(2026, 3, 2)


def config(**changes):
    return parse_configuration(ContactSyncConfig, NEEDED | changes)


def complaint(**changes):
    with pytest.raises(ConnectorError) as caught:
        config(**changes)
    assert caught.value.configuration
    assert "s3cret" not in caught.value.message
    return caught.value.message


def test_a_form_filled_in_whole_is_what_sync_yaml_says_with_the_same_values():
    assert ContactSyncConfig.model_validate(WHOLE).settings == Settings.model_validate(AS_SYNC_YAML)


def test_a_form_with_what_is_required_alone_has_the_defaults_of_sync_yaml():
    tree = {name: AS_SYNC_YAML[name] for name in ("sage100", "ssm", "state")}
    sage100 = {name: tree["sage100"][name] for name in ("company", "connection")}
    ssm = {name: tree["ssm"][name] for name in ("public_key", "private_key", "default_sales_rep_id")}

    assert config().settings == Settings.model_validate(tree | {"sage100": sage100, "ssm": ssm})


def test_every_setting_of_sync_yaml_but_the_page_and_the_nightly_copies_is_in_the_form():
    given, default = ContactSyncConfig.model_validate(WHOLE).settings, config().settings
    sections = [(given, default), (given.sage100, default.sage100), (given.ssm, default.ssm)]
    untouched = {
        name for one, other in sections for name in type(one).model_fields if getattr(one, name) == getattr(other, name)
    }
    same_in_both = {"company", "connection", "public_key", "private_key", "default_sales_rep_id", "state"}

    assert untouched == same_in_both | {"ca_certificates", "web", "backups"}
    assert "ca_certificates" in ContactSyncConfig.model_fields


def test_every_secret_of_the_form_is_one_that_the_cdk_masks():
    specification = SourceContactSync().spec(logging.getLogger("airbyte")).connectionSpecification
    secrets = {"the-public-key", "the-private-key", "pa55word", STATE, "https://flow.example.com/s3cret"}

    assert set(get_secrets(specification, json.loads(json.dumps(WHOLE)))) == secrets


@pytest.mark.parametrize("state", ["sqlite:///sync-state.db", "sqlite:////var/lib/state.db"])
def test_a_state_in_sqlite_is_refused_in_a_sentence_that_says_why(state):
    message = complaint(state=state)

    assert message.startswith("The configuration is wrong: state: must be the address of a PostgreSQL database")
    assert "A SQLite file would be gone with the container" in message


@pytest.mark.parametrize("state", ["", "sync", "mysql://sync:s3cret@db/sync", "postgresql://sync:s3cret@db"])
def test_another_address_of_the_state_is_refused_without_being_quoted(state):
    assert "state: must be an address of this form: postgresql://user:" in complaint(state=state)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_an_address_of_postgresql_may_be_written_as_other_programs_write_it(scheme):
    state = config(state=f" {scheme}://sync:s3cret@db/sync\n").settings.state

    assert state == "postgresql+psycopg://sync:s3cret@db/sync"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fields": [{"field": "assistant", "ssm": "Z_assistant"}]}, "fields, assistant: a field of your own needs"),
        ({"fields": [{"field": "company", "direction": "both"}]}, "fields, company: a contact’s company always goes"),
        ({"fields": [{"field": "fax"}, {"field": "fax"}]}, "fields: two entries are about the field fax"),
        ({"fields": [{"field": "fax", "direction": "up"}]}, "fields (entry 1).direction: must be 'both'"),
        ({"labels": [{"sage100": "A", "ssm": "B"}, {"sage100": "A", "ssm": "C"}]}, "labels: two entries are about one"),
        ({"labels": [{"field": "fax", "sage100": "A", "ssm": "B"}]}, 'fields, fax: "values" pairs labels'),
        ({"exclude_contacts": ["N_Service 9"]}, "exclude_contacts (entry 1): must be of this form: N_Service=9"),
        ({"max_deletions_ratio": 10}, "max_deletions_ratio: must be less than or equal to 1"),
        ({"country": "France"}, "country: FR, BE, CH, …"),
        ({"notify": {"kind": "email", "server": "smtp"}}, "notify.to: is missing"),
        ({"notify": {"kind": "fax"}}, "notify: must be of one of the kinds none, email, teams"),
        ({"allow_deletions_until": "tomorrow"}, "allow_deletions_until: must be of this form: YYYY-MM-DD"),
    ],
)
def test_what_is_wrong_in_the_form_is_named_by_its_input(changes, words):
    assert words in complaint(**changes)


@pytest.mark.parametrize(
    ("setting", "switch"),
    [("allow_deletions_until", "allow_deletions"), ("allow_mass_change_until", "allow_mass_change")],
)
def test_a_guard_is_lifted_until_the_day_and_is_back_by_itself_after_it_p9(setting, switch):
    form = config(**{setting: "2026-03-04"})
    lifted = {day: form.run_options(MONDAY + timedelta(day)) for day in range(4)}

    assert [getattr(options, switch) for options in lifted.values()] == [True, True, True, False]
    assert not any(getattr(options, other) for options in lifted.values()
                   for other in {"allow_deletions", "allow_mass_change"} - {switch})  # fmt: skip
    assert form.expired_days(date(2026, 3, 4)) == {}
    assert form.expired_days(date(2026, 3, 5)) == {setting: date(2026, 3, 4)}


def test_a_guard_cannot_be_lifted_for_more_than_seven_days_p9():
    assert config(allow_deletions_until="2026-03-09").run_options(MONDAY).allow_deletions
    with pytest.raises(ConnectorError, match="allow_deletions_until: 2026-03-10 is more than 7 days ahead") as caught:
        config(allow_deletions_until="2026-03-10").run_options(MONDAY)
    assert caught.value.configuration


def test_a_pattern_may_contain_the_sign_that_is_between_two_of_them_p13():
    scope = config(exclude_contacts=["CT_Fonction=R&D & N_Service=1"]).settings.scope

    assert scope.contacts.exclude == ({"CT_Fonction": "R&D", "N_Service": "1"},)


def test_without_a_day_every_guard_is_in_place_p9():
    options = config().run_options(MONDAY)

    assert (options.allow_deletions, options.allow_mass_change) == (False, False)
