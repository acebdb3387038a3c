"""What `check` tells: each thing looked at, how it stands, what to do; over both stand-ins and real HTTP."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from sage100_ssm.app import sides
from sage100_ssm.app.assemble import resync, run_once
from sage100_ssm.app.check.check import check_sides
from sage100_ssm.app.check.findings import Level
from sage100_ssm.sage100.inspection import Generation
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import Rejected
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.resources import ApiField
from sage100_ssm.sync.failures import ConfigurationError, Exit
from sage100_ssm.sync.state.records import RunRow, RunStatus
from sage100_ssm.sync.state.store import StateStore

HASTE = RetryPolicy(
    attempts=1, wait_initial=0, wait_max=0, pause=0, pause_max=0.01, connect_timeout=1, answer_timeout=1
)
ADVICE, MEND, OK, UNSEEN = Level.ADVICE, Level.MEND, Level.OK, Level.UNSEEN


@pytest.fixture(autouse=True)
def haste(monkeypatch):
    monkeypatch.setattr(sides, "RetryPolicy", partial(replace, HASTE))


def levels(report):
    return {finding.code: finding.level for finding in report.findings}


def text(report, code):
    return next(finding.text for finding in report.findings if finding.code == code)


def test_the_sample_company_is_ready_and_its_oddities_are_advice(site):
    report = check_sides(site.settings)
    found = levels(report)
    assert report.exit_code == Exit.DONE
    assert {code for code, level in found.items() if level is ADVICE} == {"accounts_unknown", "job_titles"}
    assert {"versions", "server", "text", "clock", "rights", "contents", "ssm", "map"} <= found.keys()
    assert f"generation_{Generation.CREATION}" in found
    assert "80 contacts" in text(report, "contents")
    assert "ZEPHYR" in text(report, "accounts_unknown")


def test_it_takes_few_requests_and_writes_nothing(site):
    before = site.sage.snapshot(), site.ssm.snapshot()
    site.api.requests.clear()
    check_sides(site.settings)
    assert (site.sage.snapshot(), site.ssm.snapshot()) == before
    assert len(site.api.requests) <= 17
    assert {call.method for call in site.api.requests if call.path != "/login"} == {"GET"}


TROUBLE_IN_SAGE = {
    "duplicates": lambda sage: [sage.create_contact("JASPE", name, "Ève") for name in ("Dubois", "DUBOIS")],
    "without_last_name": lambda sage: sage.create_contact("JASPE", "", "Ève"),
    "without_first_name": lambda sage: sage.create_contact("JASPE", "Dubois"),
    "without_number": lambda sage: sage.create_contact("JASPE", "Dubois", "Ève", CT_No=0),
    "future": lambda sage: sage.create_contact("JASPE", "Dubois", "Ève", cbModification=datetime(2099, 1, 1)),  # noqa: DTZ001
    "not_in_ssm": lambda sage: (sage.create_company("ALPHA", "Alpha"), sage.create_contact("ALPHA", "Dubois", "Ève")),
    "job_titles": lambda sage: sage.create_contact("JASPE", "Dubois", "Ève", CT_Fonction="Fauconnier"),
}


@pytest.mark.parametrize(("code", "deed"), TROUBLE_IN_SAGE.items(), ids=TROUBLE_IN_SAGE)
def test_what_will_wait_in_sage_is_told_beforehand(site, code, deed):
    deed(site.sage)
    report = check_sides(site.settings)
    assert (levels(report)[code], report.exit_code) == (ADVICE, Exit.DONE)


TROUBLE_IN_SSM = {
    "accounts_without_code": lambda ssm: ssm.create_company(None, "Sans code"),
    "accounts_unknown": lambda ssm: ssm.create_company("NIRGENDS", "Nirgends"),
    "accounts_twins": lambda ssm: ssm.create_company("jaspe", "Jaspe bis"),
}


@pytest.mark.parametrize(("code", "deed"), TROUBLE_IN_SSM.items(), ids=TROUBLE_IN_SSM)
def test_what_will_wait_in_ssm_is_told_beforehand(site, code, deed):
    deed(site.ssm)
    report = check_sides(site.settings)
    assert (levels(report)[code], report.exit_code) == (ADVICE, Exit.DONE)


def test_r4_a_code_field_in_which_no_account_has_the_code_of_a_client_is_to_be_mended(site):
    ssm = site.settings.ssm.model_copy(update={"company_code_field": "phone"})
    report = check_sides(site.settings.model_copy(update={"ssm": ssm}))

    assert (levels(report)["code_field"], report.exit_code) == (MEND, Exit.CONFIGURATION)
    assert "phone" in text(report, "code_field")
    assert "not_in_ssm" not in levels(report)


def test_a_first_name_that_the_settings_stand_in_for_is_no_matter(site):
    site.sage.create_contact("JASPE", "Dubois")
    site.tree["policy"] = {"missing_first_name": "."}
    assert "without_first_name" not in levels(check_sides(site.settings))


@pytest.mark.parametrize(
    ("quirks", "code", "level", "exit_code"),
    [
        (Quirks(schema_readable=False), "schema_unseen", UNSEEN, Exit.DONE),
        (Quirks(max_lengths={"extId": 20}), "ext_id_short", MEND, Exit.CONFIGURATION),
        (Quirks(max_lengths={"extId": 24}), "map", OK, Exit.DONE),
        (Quirks(max_lengths={"email": 30}), "fields_shorter", ADVICE, Exit.DONE),
        (Quirks(schema_lists_required=False), "map", OK, Exit.DONE),
        (Quirks(error_body="nothing"), "map", OK, Exit.DONE),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_schema_of_ssm_is_laid_beside_that_of_sage(open_site, quirks, code, level, exit_code):
    with open_site(quirks) as site:
        report = check_sides(site.settings)
    assert (levels(report)[code], report.exit_code) == (level, exit_code)


@pytest.mark.parametrize(
    ("field", "settings", "code"),
    [
        (ApiField("Z_segment", required=True), {}, "required_unmet"),
        (
            ApiField("Z_segment", required=True),
            {"segment": {"sage100": "CT_Facebook", "ssm": "Z_segment"}},
            "required_maybe",
        ),
        (ApiField("Z_segment"), {"segment": {"sage100": "CT_Facebook", "ssm": "Z_Segment"}}, "fields_missing"),
        (ApiField("Z_segment"), {"segment": {"sage100": "CT_Segment", "ssm": "Z_segment"}}, "columns_missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_of_the_sites_own_is_looked_for_on_both_sides(site, field, settings, code):
    site.api.store.fields["contacts"][field.name] = field
    for row in site.api.store._tables["contacts"].values():
        row[field.name] = None
    site.tree["fields"] = settings
    report = check_sides(site.settings)
    level = ADVICE if code == "required_maybe" else MEND
    assert (levels(report)[code], report.exit_code) == (level, Exit.DONE if level is ADVICE else Exit.CONFIGURATION)


def test_p13_a_column_by_which_contacts_are_left_out_is_looked_for_in_sage(site):
    site.tree["scope"] = {"contacts": {"exclude": [{"CT_Segment": "X", "N_Service": "9"}]}}
    report = check_sides(site.settings)
    assert (levels(report)["scope_columns_missing"], report.exit_code) == (MEND, Exit.CONFIGURATION)
    assert "CT_Segment" in text(report, "scope_columns_missing")
    assert "N_Service" not in text(report, "scope_columns_missing")
    with pytest.raises(ConfigurationError, match="scope_columns_missing"):
        run_once(site.settings)


def test_p13_contacts_that_the_settings_leave_out_are_not_counted_as_to_be_synchronised(site):
    site.tree["scope"] = {"contacts": {"exclude": [{"CT_Nom": "*"}]}}
    assert "0 à synchroniser" in text(check_sides(site.settings), "contents").replace("dont 0", "0")


@pytest.mark.parametrize(
    ("change", "code", "exit_code"),
    [
        ({"private_key": "wrong"}, "login_refused", Exit.CONFIGURATION),
        ({"default_sales_rep_id": 1}, "side_failed", Exit.CONFIGURATION),
        ({"base_url": "http://127.0.0.1:1/api/v4"}, "api_port_closed", Exit.SIDE),
    ],
)
def test_ssm_out_of_reach_is_one_sentence_and_sage_is_looked_at_all_the_same(site, change, code, exit_code):
    site.tree["ssm"] |= change
    report = check_sides(site.settings)
    assert (levels(report)[code], report.exit_code) == (MEND, exit_code)
    assert levels(report)["contents"] is OK
    assert not any("wrong" in finding.text for finding in report.findings)


def test_sage_out_of_reach_is_one_sentence_and_ssm_is_looked_at_all_the_same(site, tmp_path):
    site.tree["sage100"]["connection"]["path"] = str(tmp_path / "nowhere.db")
    report = check_sides(site.settings)
    assert (levels(report)["database_missing"], report.exit_code) == (MEND, Exit.CONFIGURATION)
    assert levels(report)["ssm"] is OK


def test_a_server_in_another_zone_is_told_apart(site):
    site.tree["sage100"]["time_zone"] = "America/Montreal"
    site.place.sage.create_contact("JASPE", "Dubois", "Ève")
    report = check_sides(site.settings)
    # The sample database has no clock of its own: it takes that of its zone, and stamps from Paris lie ahead of it.
    assert levels(report)["future"] is ADVICE


@pytest.mark.parametrize("language", ["fr", "en"])
def test_advice_bears_a_remedy_in_either_language(site, language):
    site.tree["language"] = language
    for deed in TROUBLE_IN_SAGE.values():
        if deed is not TROUBLE_IN_SAGE["without_number"]:
            site.sage.create_company(f"C{id(deed)}", "Autre")
    site.ssm.create_company(None, "Sans code")
    for finding in check_sides(site.settings).findings:
        assert "…" not in finding.text
        assert (finding.remedy is None) == (finding.level is OK)


# --- the state


def test_a_state_that_no_run_has_created_yet_is_no_trouble(site):
    assert check_sides(site.settings).exit_code == Exit.DONE


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("postgresql+psycopg://nobody@127.0.0.1:1/state", "state_unavailable"),
        ("sqlite:///{folder}/broken.db", "state_damaged"),
        ("sqlite:///{folder}/absent/state.db", "state_unavailable"),
    ],
    ids=["a server that does not answer", "a damaged file", "a folder that does not exist"],
)
def test_a_state_that_no_run_could_use_is_to_be_mended(site, tmp_path, address, code):
    (tmp_path / "broken.db").write_bytes(b"no database" * 1000)
    site.tree["state"] = address.format(folder=tmp_path)
    report = check_sides(site.settings)
    assert (report.exit_code, levels(report)[code]) == (Exit.CONFIGURATION, MEND)


@pytest.fixture
def synchronised(site):
    run_once(site.settings)
    return site


def test_after_a_run_all_is_still_ready(synchronised):
    assert check_sides(synchronised.settings).exit_code == Exit.DONE


def test_settings_that_name_another_company_are_told_as_a_run_would_tell_them(synchronised):
    synchronised.tree["sage100"]["company"] = "AUTRE"
    report = check_sides(synchronised.settings)
    assert (report.exit_code, levels(report)["other_company"]) == (Exit.CONFIGURATION, MEND)
    with pytest.raises(ConfigurationError):
        run_once(synchronised.settings)


def test_another_instance_of_ssm_is_told_as_a_run_would_tell_it(synchronised):
    for resource in ("contacts", "accounts"):
        for row in list(synchronised.api.store._tables[resource].values()):
            other = {"dateCreated": datetime(2001, 1, 1, tzinfo=UTC), "extId": None}
            synchronised.api.store.put(resource, {**row, **other})
    report = check_sides(synchronised.settings)
    assert (report.exit_code, levels(report)["other_side"]) == (Exit.CONFIGURATION, MEND)
    with pytest.raises(ConfigurationError):
        run_once(synchronised.settings)


# --- whose marks these are


def test_p9_the_state_was_lost_and_check_says_what_a_run_will_do_and_the_way_out(synchronised):
    Path(synchronised.settings.state.removeprefix("sqlite:///")).unlink()
    report = check_sides(synchronised.settings)
    found = next(finding for finding in report.findings if finding.code == "marks_without_links")
    assert (found.level, report.exit_code) == (MEND, Exit.CONFIGURATION)
    assert ("lost_state_guard" in found.text, "resync" in found.remedy) == (True, True)
    assert run_once(synchronised.settings).exit_code == Exit.GUARD
    assert "marks_without_links" in levels(check_sides(synchronised.settings))
    resync(synchronised.settings)
    assert check_sides(synchronised.settings).exit_code == Exit.DONE


def test_p15_check_counts_the_marks_by_company_database(synchronised):
    synchronised.tree["state"] += ".new"
    for number, database in enumerate(["AUTRE", "AUTRE", "ANCIEN"], 1):
        synchronised.ssm.create_contact("JASPE", f"Dubois{number}", "Ève", extId=f"ssm:{database}:{number}")
    synchronised.tree["sage100"]["formerly"] = ["ANCIEN"]
    report = check_sides(synchronised.settings)
    own = synchronised.tree["sage100"]["company"]
    assert levels(report)["marks_other"] is ADVICE
    assert "AUTRE (2)" in text(report, "marks_other")
    assert f"Du dossier {own}" in text(report, "marks_other")
    assert "ANCIEN" not in text(report, "marks_other")


def test_p15_marks_under_a_former_name_are_counted_as_ours(site):
    site.ssm.create_contact("JASPE", "Dubois", "Ève", extId="ssm:ANCIEN:1")
    site.tree["sage100"]["formerly"] = ["ANCIEN"]
    assert "1 sous ses anciens noms" in text(check_sides(site.settings), "marks")


def test_before_a_first_run_there_are_no_marks(site):
    assert levels(check_sides(site.settings))["marks_none"] is OK


def test_marks_cost_no_request_once_the_state_has_seen_ssm(synchronised):
    synchronised.api.requests.clear()
    report = check_sides(synchronised.settings)
    assert "tous du dossier" in text(report, "marks")
    assert not any("LIKE" in str(call.query) for call in synchronised.api.requests)


def test_an_ssm_that_refuses_the_question_for_marks_leaves_them_uncounted(site, monkeypatch):
    def refuses(*_):
        raise Rejected(400, "bad condition")

    monkeypatch.setattr(SsmClient, "rows", refuses)
    report = check_sides(site.settings)
    assert (levels(report)["marks_unseen"], report.exit_code) == (UNSEEN, Exit.DONE)


def test_a_company_database_in_another_place_is_advice_that_the_next_run_settles(synchronised, tmp_path):
    """A move, or a test copy: check says so, and no run refuses it."""
    assert levels(check_sides(synchronised.settings))["location_since"] is OK
    copy = tmp_path / "copy.db"
    shutil.copyfile(synchronised.place.database, copy)
    synchronised.tree["sage100"]["connection"]["path"] = str(copy)
    report = check_sides(synchronised.settings)
    assert (levels(report)["location_changed"], report.exit_code) == (ADVICE, Exit.DONE)
    assert all(str(file) in text(report, "location_changed") for file in (copy, synchronised.place.database))
    assert run_once(synchronised.settings).exit_code == Exit.DONE
    report = check_sides(synchronised.settings)
    assert (levels(report)["location_since"], "auparavant" in text(report, "location_since")) == (OK, True)


def test_a_quota_that_ssm_refused_in_the_last_run_is_advice_that_names_the_setting_and_the_rate(synchronised):
    assert "too_fast" not in levels(check_sides(synchronised.settings))
    now, counts = datetime.now(UTC), {"too_fast": {"refused": 9, "per_second": 3.1}}
    with StateStore.open(synchronised.settings.state) as store, store.transaction() as transaction:
        transaction.start_run(RunRow("fast", now, now, RunStatus.DONE, counts, 0))
    report = check_sides(synchronised.settings)
    assert (levels(report)["too_fast"], report.exit_code) == (ADVICE, Exit.DONE)
    assert "3.1 requêtes par seconde" in text(report, "too_fast")
