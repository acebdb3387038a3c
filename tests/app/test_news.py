"""Which changes are a message, and what it says: pure, a situation at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sage100_ssm.app.news import Newsroom, Reported, Situation, Week
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.journal import (
    CompanyMissing,
    DeletionGuard,
    Entry,
    LoginRefused,
    SideUnreachable,
    Subject,
)
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.records import JournalEntry, RunRow, RunStatus

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEWSROOM = Newsroom("BIJOU", "SRV-1", "fr", ZoneInfo("Europe/Paris"))

ENDED = {
    Exit.DONE: RunStatus.DONE,
    Exit.GUARD: RunStatus.HELD,
    Exit.CONFIGURATION: RunStatus.FAILED,
    Exit.SIDE: RunStatus.FAILED,
    Exit.FAULT: RunStatus.FAILED,
}


def run(exit_code=Exit.DONE, at=NOW):
    counts = {side.value: {"created": 1, "updated": 2, "deleted": 0} for side in Side}
    return RunRow("r", at, at + timedelta(seconds=9), ENDED[exit_code], counts, int(exit_code))


def problem(number, entry, *, age=timedelta(0)):
    return JournalEntry(number, entry, first_seen=NOW - age, last_seen=NOW)


HELD = problem(1, Entry(Subject(), DeletionGuard(Side.SSM, 9, 3)))
REFUSED = problem(2, Entry(Subject(), LoginRefused(Side.SSM, "401")))
AWAY = Entry(Subject(), SideUnreachable(Side.SAGE100, "timed out"))
PAUL = Entry(Subject("CARAT", None, 501, "Paul Durand"), CompanyMissing())


def situation(*problems, exit_code=Exit.DONE, **known):
    return Situation(known.pop("now", NOW), problems, run(exit_code), **known)


def told_of(*problems, exit_code=Exit.DONE, **known):
    """What a channel has reported after a situation."""
    return NEWSROOM.news(situation(*problems, exit_code=exit_code, **known), Reported())[1]


def test_a_message_names_the_page_where_the_settings_name_its_address():
    page = "https://contacts.bijou.example"
    message, _ = replace(NEWSROOM, page=page).news(situation(HELD, exit_code=Exit.GUARD), Reported())
    without, _ = NEWSROOM.news(situation(HELD, exit_code=Exit.GUARD), Reported())
    assert (page in message.body, "https://" in without.body) == (True, False)


def test_where_all_is_well_there_is_no_message():
    assert NEWSROOM.news(situation(), Reported()) == (None, Reported())


def test_p9_a_guard_that_holds_is_a_message_with_its_sentence_and_its_remedy():
    message, _ = NEWSROOM.news(situation(HELD, exit_code=Exit.GUARD), Reported())

    assert message.severity == "warning"
    assert message.title == "BIJOU : synchronisation retenue par une sécurité"
    assert "9 suppressions" in message.body
    assert "--allow-deletions" in message.body
    assert "Depuis le 04/03/2026 13:00." in message.body  # the time of the site
    assert "SRV-1" in message.body


def test_what_goes_on_as_before_is_not_repeated():
    reported = told_of(HELD, exit_code=Exit.GUARD)

    message, after = NEWSROOM.news(situation(HELD, exit_code=Exit.GUARD, now=NOW + HOUR), reported)

    assert (message, after) == (None, reported)


def test_what_is_over_is_reported_once():
    reported = told_of(HELD, exit_code=Exit.GUARD)

    message, after = NEWSROOM.news(situation(), reported)

    assert message.severity == "success"
    assert "rentré dans l’ordre" in message.title
    assert "retenue par une sécurité (depuis le 04/03/2026 13:00)" in message.body
    assert NEWSROOM.news(situation(), after)[0] is None


def test_one_of_two_troubles_that_is_over_does_not_mean_that_all_is_well():
    reported = told_of(HELD, REFUSED, exit_code=Exit.CONFIGURATION)

    message, _ = NEWSROOM.news(situation(HELD, exit_code=Exit.GUARD), reported)

    assert "réglé : Sage Sales Management refuse l’accès" in message.title
    assert "dans l’ordre" not in message.title


@pytest.mark.parametrize(("age", "is_reported"), [(timedelta(minutes=59), False), (HOUR, True)])
def test_a_side_out_of_reach_is_reported_after_an_hour(age, is_reported):
    message, _ = NEWSROOM.news(situation(problem(3, AWAY, age=age), exit_code=Exit.SIDE), Reported())

    assert (message is not None) == is_reported
    if message:
        assert "Sage 100 injoignable" in message.title
        assert "timed out" in message.body


@pytest.mark.parametrize("entry", [REFUSED.entry, AWAY])
def test_a_side_that_a_person_must_mend_is_reported_at_once(entry):
    message, _ = NEWSROOM.news(situation(problem(2, entry), exit_code=Exit.CONFIGURATION), Reported())

    assert "refuse l’accès" in message.title


@pytest.mark.parametrize(
    ("exit_code", "title"), [(Exit.CONFIGURATION, "synchronisation arrêtée"), (Exit.FAULT, "erreur du programme")]
)
def test_a_run_that_stops_without_a_problem_in_the_journal_is_reported(exit_code, title):
    message, reported = NEWSROOM.news(situation(exit_code=exit_code), Reported())

    assert title in message.title
    assert NEWSROOM.news(situation(exit_code=exit_code, now=NOW + HOUR), reported)[0] is None


def test_r2_a_run_that_is_due_and_does_not_begin_is_reported():
    message, _ = NEWSROOM.news(situation(late_since=NOW - HOUR), Reported())

    assert "en retard" in message.title
    assert "04/03/2026 12:00" in message.body


def test_problems_of_a_day_are_reported_by_cause_without_names():
    old = [problem(number, PAUL, age=DAY) for number in (5, 6)]

    message, _ = NEWSROOM.news(situation(*old, problem(7, PAUL)), Reported())

    assert "problèmes ouverts depuis plus d’un jour : 2" in message.title
    assert "Durand" not in message.body
    assert " : 2\n" in message.body


def test_p17_a_channel_that_may_name_contacts_names_them():
    message, _ = NEWSROOM.news(situation(problem(5, PAUL, age=DAY)), Reported(), names=True)

    assert "Paul Durand" in message.body


def test_more_old_problems_are_a_message_once_a_day_at_most():
    first, later = problem(5, PAUL, age=DAY), problem(6, PAUL, age=DAY)
    reported = told_of(first)

    for hours, is_reported in ((1, False), (24, True)):
        message, _ = NEWSROOM.news(situation(first, later, now=NOW + hours * HOUR), reported)
        assert (message is not None) == is_reported
    assert NEWSROOM.news(situation(first, now=NOW + 3 * DAY), reported)[0] is None


def week(now, *runs):
    return Week(now - 7 * DAY, now, runs, linked=79)


def test_the_summary_of_a_week_comes_on_monday_morning_and_not_before_a_week_was_counted():
    _, reported = NEWSROOM.news(situation(week=week(NOW)), Reported())
    monday = datetime(2026, 3, 9, 6, 50, tzinfo=UTC)
    assert NEWSROOM.news(situation(week=week(monday), now=monday), reported)[0] is None

    monday += timedelta(minutes=15)
    of_the_week = week(monday, run(), run(Exit.GUARD), run(Exit.SIDE))
    message, after = NEWSROOM.news(
        situation(replace(problem(5, PAUL), first_seen=monday), week=of_the_week, now=monday), reported
    )

    assert message.severity == "info"
    assert "la semaine du 02/03/2026 au 09/03/2026" in message.title
    assert "Synchronisations : 3, dont retenues par une sécurité 1, interrompues 1." in message.body
    assert "Sage 100 : créés 3, modifiés 6, supprimés 0." in message.body
    assert "Contacts synchronisés : 79." in message.body
    assert NEWSROOM.news(situation(week=of_the_week, now=monday + HOUR), after)[0] is None


def test_a_channel_without_summaries_gets_none_and_the_others_do():
    reported = Reported(week="2026-W09")
    of_the_week = situation(week=week(NOW, run()))

    assert NEWSROOM.news(of_the_week, reported, digest=False)[0] is None
    assert "Aucun problème ouvert." in NEWSROOM.news(of_the_week, reported)[0].body


def test_several_news_are_one_message_whose_subject_is_the_worst():
    message, _ = NEWSROOM.news(
        situation(HELD, problem(5, PAUL, age=DAY), week=week(NOW, run())), Reported(week="2026-W09")
    )

    assert "retenue" in message.title
    assert [text in message.body for text in ("9 suppressions", "plus d’un jour", "la semaine du")] == [True] * 3


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_message_is_in_the_sites_language_and_complete(language):
    newsroom = replace(NEWSROOM, language=language)
    for one in (
        situation(HELD, REFUSED, problem(3, AWAY, age=HOUR), problem(5, PAUL, age=DAY), late_since=NOW),
        situation(exit_code=Exit.FAULT, week=week(NOW, run())),
    ):
        message, reported = newsroom.news(one, Reported(week="2026-W01"), names=True)
        settled, _ = newsroom.news(situation(), reported)
        for text in (message.title, message.body, settled.title, settled.body):
            assert "…" not in text
            assert "{" not in text
