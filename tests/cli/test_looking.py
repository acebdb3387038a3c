import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.app.schedule import Schedule, recall_schedule, remember_schedule, remembered_schedule
from sage100_ssm.sync.model import Link, Side, ValuePair
from sage100_ssm.sync.state.records import RunRow, RunStatus
from sage100_ssm.sync.state.store import StateStore

LOOKS = ["status", "problems", "journal", "links"]
ENTRY_KEYS = [
    "id", "kind", "code", "rule", "company", "sage100_id", "ssm_id", "contact", "field", "sage100_value",
    "ssm_value", "message", "remedy", "first_seen", "last_seen", "count", "closed_at", "forgotten_at", "contacts",
]  # fmt: skip


def test_problems_as_json_are_the_open_ones_in_the_documented_shape(settings, state, call):
    found = json.loads(call("problems", "--json", "-c", settings()).stdout)

    assert [list(one) for one in found] == [ENTRY_KEYS] * 2
    too_long = next(one for one in found if one["code"] == "value_too_long")
    assert (too_long["kind"], too_long["rule"], too_long["company"]) == ("problem", "P7", "CARAT")
    assert (too_long["sage100_id"], too_long["ssm_id"], too_long["field"]) == (12, 340, "email")
    assert (too_long["count"], too_long["closed_at"]) == (1, None)
    assert too_long["first_seen"] == "2026-03-02T12:00:00+00:00"
    assert "69" in too_long["message"]


def test_the_journal_as_json_has_closed_problems_and_notices_too_newest_first(settings, state, call):
    found = json.loads(call("journal", "--json", "-c", settings()).stdout)

    assert {one["code"] for one in found} == {"value_too_long", "company_missing", "conflict_settled", "record_locked"}
    assert [one["id"] for one in found] == sorted((one["id"] for one in found), reverse=True)
    assert next(one for one in found if one["code"] == "record_locked")["closed_at"] == "2026-03-02T12:00:00+00:00"


def test_the_journal_can_be_cut_to_the_newest(settings, state, call):
    assert len(json.loads(call("journal", "--json", "-n", "1", "-c", settings()).stdout)) == 1


def test_links_are_listed_newest_first_and_may_be_limited(settings, state, call):
    whole = call("links", "--json", "-c", settings()).stdout
    assert whole == json.dumps(json.loads(whole), ensure_ascii=False, indent=2) + "\n"
    limited = json.loads(call("links", "--json", "-n", 1, "-c", settings()).stdout)
    assert limited == json.loads(whole)[:1]
    assert [link["sage100_id"] for link in json.loads(whole)] == [81, 12]


def test_links_as_json_have_the_base_of_both_sides_by_field(settings, state, call):
    second, first = json.loads(call("links", "--json", "-c", settings()).stdout)

    assert first == {
        "sage100_id": 12,
        "ssm_id": 340,
        "company": "CARAT",
        "origin": "sage100",
        "status": "active",
        "fields": {
            "last_name": ["Morel", "Morel"],
            "email": ["claire@carat.example", "Claire@carat.example"],
            "job_title": ["Gérante", 5],
        },
    }
    assert (second["origin"], second["status"]) == ("ssm", "asleep")


def test_status_as_json_tells_the_last_run_and_counts_what_stands(settings, state, call):
    found = json.loads(call("status", "--json", "-c", settings()).stdout)

    assert found["last_run"]["status"] == "done"
    assert found["last_run"]["ssm"]["requests"] == 9
    assert found["problems"] == {"company_missing": 1, "value_too_long": 1}
    assert found["links"] == {"status": {"active": 1, "asleep": 1}, "origin": {"sage100": 1, "ssm": 1}}
    assert found["next_run"] is None


@pytest.mark.parametrize(
    ("command", "french", "english"),
    [
        ("status", "Synchronisation terminée, le", "Synchronisation done, "),
        ("problems", "Raccourcissez cette valeur", "Shorten"),
        ("journal", "modifié des deux côtés", "changed on both sides"),
        ("links", "en sommeil", "asleep"),
    ],
)
def test_people_read_it_in_the_language_of_the_settings(settings, state, call, command, french, english):
    def shown(language):
        return " ".join(call(command, "-c", settings(language)).stdout.replace("\N{NO-BREAK SPACE}", " ").split())

    assert french in shown("fr")
    assert english in shown("en")


def test_values_are_shown_as_people_write_them_not_as_the_sides_code_them(settings, tmp_path, call):
    base = {
        "civility": ValuePair(2, 1),
        "job_title": ValuePair("Gérante", 5),
        "phone": ValuePair(None, "01 99 00 10 00"),
    }
    with StateStore.open(f"sqlite:///{tmp_path / 'sync-state.db'}") as store, store.transaction() as memory:
        memory.save_observed("contact_types", [{"id": 5, "descriptionFR": "Gérante"}])
        memory.save_link(Link(1, 1, 1, "CARAT", "Claire Morel", Side.SSM, base))

    shown = " ".join(call("links", "-c", settings()).stdout.split())

    assert "civilité Mlle | Mme" in shown
    assert re.search("fonction Gérante,", shown)
    assert "téléphone ∅ | 01" in shown


def test_a_line_of_french_does_not_break_at_a_hard_space(settings, state, call):
    lines = [line.rstrip(" ") for line in call("problems", "-c", settings()).stdout.splitlines()]

    assert any("\N{NO-BREAK SPACE}" in line for line in lines)
    assert [line for line in lines if line.endswith("«") or line.lstrip().startswith((":", ";", "»", "?", "!"))] == []


def test_the_open_problems_are_counted_by_names_that_people_understand(settings, state, call):
    shown = call("status", "-c", settings()).stdout

    assert re.search("1 +Contact sans société +company_missing", shown)


@pytest.mark.parametrize("command", LOOKS)
def test_tables_fit_100_columns(settings, state, call, command):
    assert max(len(line) for line in call(command, "-c", settings()).stdout.splitlines()) <= 100


def test_open_problems_without_a_cause_left_say_so(settings, tmp_path, call):
    StateStore.open(f"sqlite:///{tmp_path / 'sync-state.db'}").close()

    assert "Aucun problème ouvert" in call("problems", "-c", settings()).stdout


@pytest.mark.parametrize("command", [*LOOKS, "explain"])
def test_before_the_first_run_looking_ends_with_2_and_creates_nothing(settings, tmp_path, call, command):
    result = call(command, *(["x"] if command == "explain" else []), "-c", settings())

    assert result.exit_code == 2
    assert "sage100-ssm run" in result.stderr
    assert not (tmp_path / "sync-state.db").exists()


def test_a_damaged_state_ends_with_2_and_the_command_that_mends_it(settings, tmp_path, call):
    (tmp_path / "sync-state.db").write_bytes(b"no database at all, whatever it says" * 50)

    result = call("status", "-c", settings())

    assert result.exit_code == 2
    assert "sage100-ssm resync" in result.stderr


def test_data_of_a_side_is_shown_as_it_is_and_cannot_drive_the_terminal(settings, tmp_path, call):
    nasty = Link(1, 1, 1, "[red]X[/red]", "\x1b[31mEve\x07 :smile: [bold]", Side.SSM)
    with StateStore.open(f"sqlite:///{tmp_path / 'sync-state.db'}") as store, store.transaction() as memory:
        memory.save_link(nasty)

    shown = call("links", "-c", settings()).stdout

    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[red]X[/red]" in shown
    assert ":smile:" in shown


@pytest.mark.parametrize(
    ("since", "expected"),
    [(timedelta(minutes=-1), "Prochaine : le"), (timedelta(hours=-5), "pas eu lieu")],
    ids=["serve runs", "serve was killed"],
)
def test_status_tells_the_next_run_or_that_one_did_not_take_place(settings, state, call, since, expected):
    remember_schedule(state, Schedule(datetime.now(UTC) + since, timedelta(minutes=15)))

    assert expected in call("status", "-c", settings()).stdout.replace("\N{NO-BREAK SPACE}", " ")


def test_status_tells_how_many_writes_the_last_run_left_to_the_next(settings, state, call):
    with StateStore.open(state) as store, store.transaction() as memory:
        memory.start_run(RunRow("r2", datetime.now(UTC)))
        memory.finish_run(RunRow("r2", datetime.now(UTC), datetime.now(UTC), RunStatus.DONE, {"postponed": 7}, 0))

    assert "7 écritures restent à faire" in call("status", "-c", settings()).stdout.replace("\n", " ")


def test_status_knows_of_no_next_run_once_serve_has_ended(settings, state, call):
    with remembered_schedule(state, Schedule(datetime.now(UTC), timedelta(minutes=15))):
        pass

    assert json.loads(call("status", "--json", "-c", settings()).stdout)["next_run"] is None


def test_the_end_of_serve_leaves_the_schedule_of_another_one(settings, state, call):
    other = Schedule(datetime.now(UTC) + timedelta(minutes=1), timedelta(minutes=15))
    with remembered_schedule(state, Schedule(datetime.now(UTC), timedelta(minutes=15))):
        remember_schedule(state, other)

    with StateStore.open(state, read_only=True) as store, store.transaction() as transaction:
        assert recall_schedule(transaction) == other


AHEAD = timedelta(days=365)


@pytest.mark.parametrize(
    ("schedule", "last_run", "ahead", "late"),
    [
        (-1, -1, False, False),
        (AHEAD, None, True, True),
        (AHEAD, AHEAD, True, True),
        (AHEAD, -1, True, False),
        (-300, AHEAD, True, True),
        (0, None, False, False),
    ],
    ids=[
        "all is well",
        "serve was killed while the clock was ahead",
        "and had run",
        "a run since",
        "a run ahead",
        "new",
    ],
)
def test_status_warns_of_a_clock_that_was_set_back_and_promises_no_run_in_a_year(
    settings, state, call, schedule, last_run, ahead, late
):
    now = datetime.now(UTC)
    moments = [
        moment if isinstance(moment, timedelta) else timedelta(minutes=moment or 0) for moment in (schedule, last_run)
    ]
    remember_schedule(state, Schedule(now + moments[0], timedelta(minutes=15)))
    with StateStore.open(state) as store, store.transaction() as transaction:
        for run in () if last_run is None else (RunRow("r9", now + moments[1]),):
            transaction.start_run(run)

    shown = json.loads(call("status", "--json", "-c", settings()).stdout)

    assert (shown["ahead_of_clock"] is not None, shown["late_since"] is not None) == (ahead, late)
    assert now <= datetime.fromisoformat(shown["next_run"]) <= now + timedelta(minutes=16)
    assert ("a reculé" in call("status", "-c", settings()).stdout) is ahead


NEVER_NEEDED = {
    "airbyte_cdk", "alembic", "apprise", "argon2", "httpx", "jinja2", "pandas", "prefect", "pygal",
    "sage100_ssm.sync.planning", "starlette", "uvicorn",
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("status", {*NEVER_NEEDED, "pygments"}),
        ("problems", {*NEVER_NEEDED, "pygments"}),
        ("notify", {*NEVER_NEEDED, "pygments"}),
        # Its Markdown is rendered by rich, which colours code with Pygments.
        ("--help", {*NEVER_NEEDED, "sqlalchemy", "pydantic"}),
    ],
)
def test_a_command_that_only_looks_imports_nothing_that_it_does_not_need(state, settings, command, unneeded):
    words = [command] if command == "--help" else [command, "-c", str(settings())]
    code = (
        f"import sys; sys.argv = ['sage100-ssm', *{words}]\n"
        "from sage100_ssm.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"heavy = {unneeded} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)  # noqa: S603 - own code


def test_status_names_the_setting_and_the_rate_that_was_accepted(settings, tmp_path, call):
    counts = {"too_fast": {"refused": 9, "per_second": 3.1}}
    with StateStore.open(f"sqlite:///{tmp_path / 'sync-state.db'}") as store, store.transaction() as transaction:
        transaction.start_run(RunRow("r1", datetime.now(UTC), datetime.now(UTC), RunStatus.DONE, counts, 0))
    shown = " ".join(call("status", "-c", settings()).stdout.split())
    assert all(words in shown for words in ("9 requêtes", "requests_per_second", "3.1"))
