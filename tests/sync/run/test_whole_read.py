"""SSM read whole: stored as it comes, in several runs where one does not suffice, not again because Sage was away."""

import shutil
from contextlib import suppress
from dataclasses import replace

import pytest

from sage100_ssm.sync.contacts import keys
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.run import observation
from sage100_ssm.sync.run.context import Context, RunOptions
from sage100_ssm.sync.run.course import rehearse
from sage100_ssm.sync.state import observed
from sage100_ssm.sync.state.errors import LeaseLost
from sage100_ssm.sync.state.store import StateStore
from tests.support.memory_play import Answers, Play
from tests.support.memory_sides import MemorySsm, Weather
from tests.support.small_world import taking_turns

IN_BOTH = 6
A_DAY = 25 * 60


class KilledRun(BaseException):
    """The run's process has been killed."""


@pytest.fixture(params=[1, 3], ids="{} at once".format)
def at_once(request, monkeypatch):
    """How many rows are stored in one transaction."""
    monkeypatch.setattr(observation, "_STORED_AT_ONCE", request.param)
    return request.param


@pytest.fixture
def play(new_play):
    """Some people on both sides, and some who are in SSM alone, without a company."""
    play = new_play()
    for number in range(IN_BOTH):
        play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": f"Nom{number}", "CT_Prenom": "Ada"})
    play.run()
    play.run()
    assert len(play.links) == IN_BOTH + 1
    return play


def stored(play, stream="contacts"):
    """The rows of SSM that the state has."""
    with play.store.transaction() as state:
        return {row["id"]: row for row in state.observed(stream)}


def recall(play, key):
    with play.store.transaction() as state:
        return state.recall(key)


def whole_reads(play, monkeypatch):
    """How often contacts were read whole since: a list that grows."""
    began, read = [], MemorySsm.read

    def noting(self, streams, handing_on=None):
        if "contacts" in streams and streams["contacts"] is None:
            began.append(handing_on is not None)
        return read(self, streams, handing_on)

    monkeypatch.setattr(MemorySsm, "read", noting)
    return began


# --- stored as it comes


@pytest.mark.usefixtures("at_once")
def test_rows_of_a_whole_read_are_stored_as_they_come_and_none_is_held(play, monkeypatch):
    held, save = [], observation.read_sides

    def reading(*args, **more):
        seen = save(*args, **more)
        held.extend(len(reading.rows) for name, reading in seen.readings.items() if name != "contact_types")
        return seen

    monkeypatch.setattr("sage100_ssm.sync.run.observe.read_sides", reading)
    for card in play.ssm.living().values():
        card["comment"] = "changed without a stamp"
    play.run(minutes=A_DAY)
    assert held == [0, 0]
    assert {row["comment"] for row in stored(play).values()} == {"changed without a stamp"}


@pytest.mark.usefixtures("at_once")
def test_p10_what_a_whole_read_no_longer_shows_is_asked_for_by_its_id_or_forgotten(play):
    linked, other = play.links[-1].ssm_id, play.ssm.insert({"accountId": 501, "lastName": "Roy", "firstName": "Léa"})
    other["deleted"] = True
    play.run()
    assert other["id"] in stored(play)
    play.ssm.unlisted.add(linked)
    play.ssm.invisible.add(other["id"])
    play.run(minutes=A_DAY)
    assert (linked in stored(play), other["id"] in stored(play)) == (True, False)


@pytest.mark.usefixtures("at_once")
def test_p9_a_whole_read_without_any_contact_forgets_nothing_and_moves_no_cursor(play):
    before = stored(play), recall(play, "cursor:contacts"), recall(play, "ssm_whole_read_at")
    # They are found by their ids, so that SSM is recognised, and no list shows them.
    play.ssm.unlisted = set(play.ssm.contacts)
    report = play.run(minutes=A_DAY)
    assert [guard.code for guard in report.guards] == [Code.EMPTY_SIDE_GUARD]
    assert (stored(play), recall(play, "cursor:contacts"), recall(play, "ssm_whole_read_at")) == before
    assert [p.entry.code for p in play.problems] == [Code.EMPTY_SIDE_GUARD]
    play.ssm.unlisted.clear()
    assert play.run().exit_code == Exit.DONE


@pytest.mark.usefixtures("at_once")
def test_rows_of_another_instance_are_not_stored_among_ours(play):
    before = stored(play)
    for card in play.ssm.contacts.values():
        card |= {"dateCreated": "2001-01-01T00:00:00Z", "extId": None}
    assert play.run(minutes=A_DAY) is None
    assert stored(play) == before
    # Not one id of ours is there.
    play.ssm.contacts = {id_ + 1000: {**row, "id": id_ + 1000} for id_, row in play.ssm.contacts.items()}
    play.ssm.accounts = {id_ + 1000: {**row, "id": id_ + 1000} for id_, row in play.ssm.accounts.items()}
    assert play.run(minutes=A_DAY) is None
    assert stored(play) == before


def commits_of(play, monkeypatch, at=None):
    """Count the commits of runs; kill the run before one of them."""
    done, transaction = [], StateStore.transaction

    def counting(self, lease=None):
        opened = transaction(self, lease)
        if lease is not None:
            done.append(None)
            if len(done) == at:
                raise KilledRun
        return opened

    monkeypatch.setattr(StateStore, "transaction", counting)
    return done


def test_a_run_killed_after_any_batch_the_next_one_ends_as_an_undisturbed_one(new_play, monkeypatch):
    monkeypatch.setattr(observation, "_STORED_AT_ONCE", 2)

    def day(play):
        for number in range(3):
            play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": f"Nom{number}", "CT_Prenom": "Ada"})
        play.run()
        play.run()
        for number, card in enumerate(list(play.ssm.living().values())[1:]):
            card["skype"] = f"unstamped{number}"
        play.ssm.invisible.add(play.links[-1].ssm_id)

    def end(play):
        play.run()
        return (
            stored(play),
            [(k.sage100_id, k.ssm_id, k.status) for k in play.links],
            sorted(row["CT_Skype"] for row in play.sage100.living().values()),
        )

    undisturbed = new_play()
    day(undisturbed)
    with monkeypatch.context() as counted:
        done = commits_of(undisturbed, counted)
        undisturbed.run(minutes=A_DAY)
    expected = end(undisturbed)
    for at in range(1, len(done) + 1):
        play = new_play()
        day(play)
        with monkeypatch.context() as deadly, suppress(KilledRun):
            commits_of(play, deadly, at)
            play.run(minutes=A_DAY)
        assert end(play) == expected, f"killed at {at} of {len(done)}"


@pytest.mark.usefixtures("at_once")
def test_a_run_that_has_lost_its_lease_stores_no_further_row(play):
    before = stored(play)
    for card in play.ssm.living().values():
        card["comment"] = "new"
    steps = iter(range(100))
    read = play.ssm.read

    def overtaken(streams, handing_on=None):
        if handing_on and next(steps) == 0:
            play.clock.advance(minutes=3)
            play.store.acquire("another", play.clock(), observation.timedelta(minutes=2))
        return read(streams, handing_on)

    play.ssm.read = overtaken
    with suppress(LeaseLost):
        assert play.run(minutes=A_DAY) is None
    assert stored(play) == before


# --- in several runs


@pytest.fixture
def first(empty_state, tmp_path, monkeypatch):
    """A site before its first run, whose SSM takes several runs to be read."""
    file = tmp_path / "first.db"
    shutil.copyfile(empty_state, file)
    with taking_turns(), StateStore.open(f"sqlite:///{file}") as store:
        with monkeypatch.context() as unready:
            unready.setattr(Play, "run", lambda _: None)
            play = Play(store, Answers())
        for number in range(7):
            play.ssm.insert({"accountId": 501, "lastName": f"Nom{number}", "firstName": "Ada"})
            play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": f"Nom{number}", "CT_Prenom": "Ada"})
        play.ssm.read_at_once = 3
        yield play


@pytest.mark.usefixtures("at_once")
def test_p10_while_the_first_whole_read_goes_on_nothing_is_matched_or_created(first):
    reports = [first.run() for _ in range(4)]
    assert [report.exit_code for report in reports] == [Exit.DONE] * 4
    assert [report.whole_read and report.whole_read.contacts for report in reports[:2]] == [3, 5]
    assert reports[0].whole_read.is_first
    assert [report.whole_read for report in reports[3:]] == [None]
    assert [(r.ssm.created, r.sage100.created) for r in reports[:2]] == [(0, 0)] * 2
    assert all(p.entry.code not in (Code.INCOMPLETE_READ, Code.SIDE_UNREACHABLE) for p in first.problems)
    # Eva Anker alone was on one side.
    assert len(first.ssm.living()) == 8
    assert len(first.links) == 8


@pytest.mark.usefixtures("at_once")
def test_what_changes_while_a_whole_read_goes_on_is_seen_in_each_run(play):
    play.ssm.read_at_once = 2
    newest, oldest = max(play.ssm.contacts), min(play.ssm.contacts)
    seen = []
    for hours, ssm_id in ((A_DAY, oldest), (15, newest), (15, oldest)):
        play.ssm.touch(play.ssm.contacts[ssm_id], skype=f"seen{len(seen)}.")
        report = play.run(minutes=hours)
        link = next(k for k in play.links if k.ssm_id == ssm_id)
        seen.append((play.sage100.contacts[link.sage100_id]["CT_Skype"], report.whole_read is not None))
    assert seen == [("seen0.", True), ("seen1.", True), ("seen2.", True)]


@pytest.mark.usefixtures("at_once")
def test_p10_each_part_of_a_whole_read_forgets_what_it_did_not_show_and_no_other(new_play):
    play = new_play()

    def deleted(first_name):
        row = play.ssm.insert({"accountId": 501, "lastName": "Roy", "firstName": first_name})
        row["deleted"] = True
        return row["id"]

    early = deleted("Léa")
    for number in range(IN_BOTH):
        play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": f"Nom{number}", "CT_Prenom": "Ada"})
    play.run()
    late, shown = deleted("Zoé"), deleted("Eva")
    play.run()
    linked = sorted(link.ssm_id for link in play.links)
    assert {early, late, shown, *linked} == stored(play).keys()
    play.ssm.read_at_once = 3
    play.ssm.invisible |= {early, late}
    play.ssm.unlisted |= {linked[0], linked[-1]}
    left = []
    for minutes in (A_DAY, 15, 15):
        report = play.run(minutes=minutes)
        left.append((early in stored(play), late in stored(play), report.whole_read is not None))
    assert left == [(True, False, True), (True, False, True), (False, False, False)]
    assert {shown, *linked} == stored(play).keys()
    assert all(link.status.value == "active" for link in play.links)


@pytest.mark.usefixtures("at_once")
def test_p9_where_the_rest_of_a_whole_read_shows_no_contact_at_all_nothing_is_forgotten(play):
    play.ssm.insert({"accountId": 501, "lastName": "Roy", "firstName": "Léa"})["deleted"] = True
    play.run()
    play.ssm.read_at_once = 3
    assert play.run(minutes=A_DAY).whole_read is not None
    before = stored(play), recall(play, "cursor:contacts"), recall(play, "ssm_whole_read")
    play.ssm.unlisted = set(play.ssm.contacts)
    report = play.run()
    assert [guard.code for guard in report.guards] == [Code.EMPTY_SIDE_GUARD]
    assert (stored(play), recall(play, "cursor:contacts"), recall(play, "ssm_whole_read")) == before
    play.ssm.unlisted.clear()
    assert play.run().exit_code == Exit.DONE


@pytest.mark.usefixtures("at_once")
def test_a_site_of_ordinary_size_is_read_whole_in_one_run_once_a_day(play, monkeypatch):
    began = whole_reads(play, monkeypatch)
    reports = [play.run(minutes=minutes) for minutes in (A_DAY, 15, 15, A_DAY)]
    assert (began, [report.whole_read for report in reports]) == ([True, True], [None] * 4)


def test_a_plan_leaves_a_whole_read_where_it_is(play):
    play.ssm.read_at_once = 2
    assert play.run(minutes=A_DAY).whole_read is not None
    before = recall(play, "ssm_whole_read"), recall(play, "cursor:contacts"), stored(play)
    context = Context(play.store, play.sage100, play.ssm, play.site, RunOptions(), play.clock)
    plan = rehearse(context, lambda _, action: action())
    assert (plan.exit_code, plan.ssm, plan.sage100) == (Exit.DONE, [], [])
    assert (recall(play, "ssm_whole_read"), recall(play, "cursor:contacts"), stored(play)) == before


@pytest.mark.usefixtures("at_once")
def test_p10_where_a_stream_has_no_cursor_any_more_while_a_whole_read_goes_on_ssm_is_known_in_part(play):
    play.ssm.read_at_once = 2
    assert play.run(minutes=A_DAY).whole_read.is_first is False
    with play.store.transaction() as state:
        # A person was forgotten (P17).
        state.remember("cursor:contacts", None)
    play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Nouveau", "CT_Prenom": "Jean"})
    reports = [play.run() for _ in range(8)]
    assert (reports[0].whole_read.is_first, reports[0].ssm.created) == (True, 0)
    assert (reports[-1].whole_read, sum(report.ssm.created for report in reports)) == (None, 1)


# --- how long it takes


def seconds_given(play):
    """How long each reading may go on: a list that grows."""
    given, read = [], play.ssm.read

    def noting(streams, handing_on=None):
        given.extend([handing_on.seconds] if handing_on else [])
        return read(streams, handing_on)

    play.ssm.read = noting
    return given


def test_reading_has_half_of_the_time_budget(play):
    given = seconds_given(play)
    play.run(minutes=A_DAY)
    assert given == [7 * 60]


def test_writing_has_half_of_the_time_budget_whatever_reading_took(play):
    read = play.ssm.read

    def slow(streams, handing_on=None):
        play.clock.advance(minutes=20)
        return read(streams, handing_on)

    play.ssm.read = slow
    play.sage100.insert({"CT_Num": "ALPHA", "CT_Nom": "Nouveau", "CT_Prenom": "Jean"})
    report = play.run()
    assert (report.ssm.created, report.postponed) == (1, 0)


# --- when it is due


def test_a_whole_read_is_not_repeated_because_sage_was_away(play, monkeypatch):
    began = whole_reads(play, monkeypatch)
    play.sage100.weather = Weather(is_down=True)
    for _ in range(3):
        assert play.run() is None
    play.sage100.weather = Weather()
    play.run()
    assert began == []


def test_while_sage_is_away_a_whole_read_that_is_due_stops_before_anything_is_stored(play, monkeypatch):
    before = stored(play)
    for card in play.ssm.living().values():
        card["comment"] = "new"
    play.sage100.weather = Weather(is_down=True)
    assert play.run(minutes=A_DAY) is None
    assert stored(play) == before
    play.sage100.weather = Weather()
    began = whole_reads(play, monkeypatch)
    play.run()
    assert began == [True]


def test_after_a_run_that_failed_with_ssm_all_is_read_even_if_sage_is_away_in_between(play, monkeypatch):
    play.ssm.weather = Weather(is_down=True)
    assert play.run() is None
    play.ssm.weather, play.sage100.weather = Weather(), Weather(is_down=True)
    assert play.run() is None
    play.sage100.weather = Weather()
    began = whole_reads(play, monkeypatch)
    play.run()
    play.run()
    assert began == [True]


def test_after_a_run_that_was_killed_all_is_read(play, monkeypatch):
    with monkeypatch.context() as deadly, suppress(KilledRun):
        commits_of(play, deadly, 2)
        play.run()
    began = whole_reads(play, monkeypatch)
    play.run()
    play.run()
    assert began == [True]


# --- another field with the code


@pytest.mark.parametrize("goes_back", [False, True], ids=["the same settings again", "the settings from before"])
def test_a_run_killed_while_rows_find_their_keys_anew_leaves_it_to_the_next_one(play, monkeypatch, goes_back):
    monkeypatch.setattr(observed, "_REKEYED_AT_ONCE", 2)
    monkeypatch.setattr(observation, "_STORED_AT_ONCE", 3)
    before = play.site
    other = replace(before, code_field="Z_code")
    for account in play.ssm.accounts.values():
        swapped = {"ALPHA": "BETA", "BETA": "ALPHA"}[account["extId"]]
        play.ssm.touch(account, Z_code=swapped)
    play.site = other
    with monkeypatch.context() as counted:
        done = commits_of(play, counted)
        play.run(minutes=A_DAY)
    for at in range(2, len(done) + 1, 2):
        play.site = before
        play.run()
        for account in play.ssm.accounts.values():
            account["comment"] = f"another row each time {at}"
        play.site = other
        with monkeypatch.context() as deadly, suppress(KilledRun):
            commits_of(play, deadly, at)
            play.run(minutes=A_DAY)
        play.site = before if goes_back else other
        play.run()
        accounts = stored(play, "accounts")
        expected = {
            id_: keys.key_of_account(accounts[row["accountId"]["id"]], play.site.code_field)
            for id_, row in stored(play).items()
        }
        with play.store.transaction() as state:
            assert state.lookup.companies_of("contacts", expected) == expected, f"killed at {at} of {len(done)}"
