"""What `probe` sees of SSM and Sage: either answer to each open question, and nothing of it left behind."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from sage100_ssm.app import sides
from sage100_ssm.app.assemble import lease_owner, utc_now
from sage100_ssm.app.probe import probe, settings_from, write_answers
from sage100_ssm.app.settings import load_settings
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault, Reset
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.sync.failures import SideUnavailableError, SyncError
from sage100_ssm.sync.run import lease as run_lease
from sage100_ssm.sync.run.lease import leased
from sage100_ssm.sync.state.errors import AnotherRun
from sage100_ssm.sync.state.store import StateStore

HASTE = RetryPolicy(
    attempts=1, wait_initial=0, wait_max=0, pause=0, pause_max=0.01, connect_timeout=1, answer_timeout=1
)
HOUR = timedelta(hours=1)
CLIENT = "JASPE"


@pytest.fixture(autouse=True)
def haste(monkeypatch):
    monkeypatch.setattr(sides, "RetryPolicy", partial(replace, HASTE))


def codes(site, company=CLIENT, side="ssm"):
    found = {}
    for answer in probe(site.settings, company):
        if answer.side == side:
            found.setdefault(answer.number, []).append(answer.code)
    return found


def scratch(site):
    return [row for row in site.ssm.contacts() if row["lastName"].upper() == "SYNC-PROBE"]


LIKELY = {
    1: ["readable"],
    2: ["told"],
    3: ["several"],
    4: ["obeyed"],
    5: ["exclusive"],
    6: ["leaves"],
    7: ["readable"],
    8: ["null_clears", "deleted_refused"],
    9: ["free"],
    10: ["listed"],
    11: ["passed_over"],
    12: ["told"],
    13: ["passed_over"],
}
OTHERWISE = {
    1: ["unreadable"],
    2: ["told"],
    3: ["one"],
    4: ["none"],
    5: ["inclusive"],
    6: ["bumps"],
    7: ["gone"],
    8: ["refused", "deleted_refused"],
    9: ["once"],
    10: ["not_asked"],
    11: ["any_case"],
    12: ["told"],
    13: ["refused"],
}
UNLIKELY = Quirks(
    schema_readable=False,
    error_body="nothing",
    one_session=True,
    page_size_headers=(),
    where_inclusive=True,
    delete_bumps_date_updated=True,
    deleted_row_readable=False,
    null_refused=True,
    ext_id_unique="all",
    hooks=None,
    keys_ignore_case=True,
    bulk_put_fields="data",
    unknown_keys_refused=True,
)
EITHER_WAY = [
    (Quirks(), LIKELY),
    (UNLIKELY, OTHERWISE),
    (Quirks(where_on_dates_ignored=True, null_clears=False), {5: ["ignored"], 8: ["passed_over", "deleted_refused"]}),
    (
        Quirks(where_dates_ahead=HOUR, null_refused=True, empty_text_clears=False),
        {5: ["ahead"], 8: ["refused_no_way", "deleted_refused"]},
    ),
    (
        Quirks(where_dates_ahead=-HOUR, deleted_row_writable=True, ext_id_unique="live"),
        {5: ["behind"], 8: ["null_clears", "deleted_writable"], 9: ["among_living"]},
    ),
    (
        Quirks(deleted_row_writable=True, put_undeletes=True, unknown_keys_refused=True),
        {8: ["null_clears", "deleted_comes_back"], 11: ["refused"]},
    ),
]


@pytest.mark.parametrize(
    ("quirks", "answers"), EITHER_WAY, ids=["likely", "otherwise", "ignored", "ahead", "behind", "comes back"]
)
def test_each_question_is_settled_either_way_and_the_scratch_contact_is_gone(open_site, quirks, answers):
    with open_site(quirks) as site:
        found = codes(site)
        assert {number: found[number] for number in answers} == answers
        assert scratch(site) == []


def test_without_write_nothing_is_written_and_the_rest_is_left_open(site):
    before = site.sage.snapshot(), site.ssm.snapshot()
    found = codes(site, company=None)
    assert (site.sage.snapshot(), site.ssm.snapshot()) == before
    assert {call.method for call in site.api.requests if call.path != "/login"} == {"GET"}
    assert {number for number, code in found.items() if code == ["not_asked"]} == {8, 9, 11, 12, 13}
    assert sorted(found) == list(range(1, 14))


def test_sage_is_tried_in_a_transaction_that_is_undone(site):
    before = site.sage.snapshot()
    found = codes(site, side="sage100")
    assert found[1] == ["unseen", "not_numbered", "not_stamped"]
    assert sorted(found) == [1, 2, 3, 4, 5, 6]
    assert site.sage.snapshot() == before


@pytest.mark.parametrize(
    "effect", [Reset(), Reset(after=True), CannedResponse(500), CannedResponse(500, after=True)], ids=str
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_fault_half_way_leaves_no_scratch_contact_behind(site, method, effect):
    site.api.faults.add(Fault(effect, method, "/contacts*", nth=2 if method == "PUT" else 1))
    with suppress(SideUnavailableError):
        codes(site)
    assert scratch(site) == []


def test_what_a_killed_probe_left_behind_is_cleared_away_by_the_next(site):
    site.ssm.create_contact(CLIENT, "SYNC-PROBE", "Scratch", extId="probe:1")
    namesake = site.ssm.create_contact(CLIENT, "SYNC-PROBE", "Real")
    codes(site)
    assert [row["id"] for row in scratch(site)] == [namesake]


def test_a_scratch_contact_that_cannot_be_deleted_is_named(site):
    site.api.faults.add(Fault(CannedResponse(403), "DELETE", times=None))
    with pytest.raises(SyncError) as caught:
        codes(site)
    assert (caught.value.code, caught.value.exit_code) == ("probe_left", 2)


@pytest.mark.parametrize("company", ["NIRGENDS", "ZEPHYR"])
def test_a_company_that_does_not_stand_on_both_sides_is_refused_before_anything_is_written(site, company):
    with pytest.raises(SyncError) as caught:
        codes(site, company)
    assert caught.value.code == "probe_company"
    assert {call.method for call in site.api.requests if call.path != "/login"} == {"GET"}


def test_a_run_under_way_would_take_the_scratch_contact_for_somebody(site, monkeypatch):
    monkeypatch.setattr(run_lease, "_RENEW_EVERY_SECONDS", 0.1)  # the sign of life that the probe waits for
    with StateStore.open(site.settings.state) as store, leased(store, lease_owner(), utc_now):
        with pytest.raises(AnotherRun):
            codes(site)
        codes(site, company=None)


@pytest.mark.parametrize(
    ("quirks", "follows"),
    [
        (Quirks(bulk_put_fields="item"), {}),
        (Quirks(bulk_is_all_or_nothing=True), {}),
        (Quirks(), {"bulk_writes": True}),
        (Quirks(ext_id_unique="all"), {"bulk_writes": True, "ext_id_once": True}),
        (Quirks(where_dates_ahead=HOUR), {"bulk_writes": True, "overlap_minutes": 70}),
    ],
    ids=["nothing", "no result per record", "bulk", "extId once", "overlap"],
)
def test_what_follows_goes_to_a_file_that_the_settings_include(open_site, quirks, follows):
    with open_site(quirks) as site:
        file, settings = site.place.settings.with_name("probe.yaml"), site.place.settings
        answers = list(probe(site.settings, CLIENT))
        write_answers(file, answers, "fr")
        settings.write_text(f"include: probe.yaml\n{settings.read_text()}")
        loaded = load_settings(settings)
    assert settings_from(answers).get("ssm", {}) == follows
    assert {name: getattr(loaded.ssm, name) for name in follows} == follows
    assert loaded.ssm.default_sales_rep_id == site.settings.ssm.default_sales_rep_id
    assert "# ssm 9." in file.read_text()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_answer_is_a_sentence_in_either_language(open_site, language):
    with open_site(Quirks(page_size_headers=(), where_dates_ahead=HOUR)) as site:
        site.tree["language"] = language
        for answer in probe(site.settings, CLIENT):
            assert "…" not in answer.text + answer.question
            assert answer.question.rstrip().endswith("?")
