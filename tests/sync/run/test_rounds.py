"""Very many companies: a run looks at them in rounds. Here a round has one company, so that runs have several."""

from dataclasses import replace
from datetime import timedelta
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sage100_ssm.sync.contacts.contact import ExtId
from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.policy import DeletionLimit
from sage100_ssm.sync.run import course, rounds
from sage100_ssm.sync.run.context import Context, Run, RunOptions
from tests.support import worlds
from tests.support.invariants import check_end, check_ext_ids, check_origins
from tests.support.memory_play import Answers, Play
from tests.support.memory_sides import Fate, Weather
from tests.support.memory_state import MemoryStore
from tests.support.small_world import taking_turns
from tests.sync.run.test_convergence import answers, first_rounds, without_renaming
from tests.sync.run.test_convergence import rounds as turns

SAGE, SSM = Side.SAGE100, Side.SSM


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=40)
@given(answers=answers, first=first_rounds, then=st.lists(turns, min_size=1, max_size=3))
def test_whatever_happens_a_run_in_rounds_ends_as_one_that_looks_at_all_at_once(answers, first, then):
    # That no company is left out that must be looked at is asked in every run (`check_sieve`).
    with taking_turns():
        play = Play(MemoryStore(), answers, at_once=1)
        for turn in (first, *then):
            play.happen(without_renaming(turn) if play.unconfirmed else turn)
            check_origins(play)
        play.come_to_rest()
        check_end(play)
        check_origins(play)
        check_ext_ids(play)


@pytest.fixture
def play():
    """Three people in each of two companies, and somebody who never changes; at rest."""
    play = Play(MemoryStore(), Answers(), at_once=1)
    for company in ("ALPHA", "BETA"):
        for last in ("Durand", "Dupré", "Martin"):
            row = play.sage100.insert({"CT_Num": company, "CT_Nom": last, "CT_Prenom": company.title()})
            play.sage100.born_here.add(row["cbMarq"])
    for _ in range(3):
        play.run()
    return play


def people(play, company, *names):
    return [r for r in list(play.sage100.contacts.values()) if r["CT_Num"] == company and r["CT_Nom"] in names]


def planned(play):
    """The steps of a run."""
    steps = []
    play_take = play._take

    def take(context, step, action):
        steps.append(step.value)
        return play_take(context, step, action)

    with mock.patch.object(play, "_take", take):
        report = play.run()
    return steps, report


def test_a_round_is_planned_once_the_one_before_it_was_carried_out(play):
    for row in [*people(play, "ALPHA", "Durand"), *people(play, "BETA", "Durand")]:
        play.sage100.updated(row, {"CT_EMail": f"{row['CT_Num']}@x.example"})
    steps, report = planned(play)
    assert steps == ["observe", *["plan", "guard", "apply"] * 2, "report"]
    assert (report.ssm.updated, report.companies_left) == (2, 0)


def test_a_quiet_run_has_one_round(play):
    steps, report = planned(play)
    assert steps == ["observe", "plan", "guard", "apply", "report"]
    assert report.companies_left == 0


def test_p9_the_deletions_of_all_rounds_count_together(play):
    play.site = replace(play.site, policy=replace(play.site.policy, max_deletions=DeletionLimit(ratio=0.1, floor=3)))
    play.run()
    for row in [*people(play, "ALPHA", "Durand", "Dupré"), *people(play, "BETA", "Durand", "Dupré")]:
        play.sage100.removed(row)
    report = play.run()
    (guard,) = report.guards
    assert (guard.code, guard.facts.number, report.ssm.deleted) == (Code.DELETION_GUARD, 4, 0)


def test_p9_the_edits_of_all_rounds_count_together(play):
    for company in ("ALPHA", "BETA"):
        for number in range(10):
            play.sage100.insert({"CT_Num": company, "CT_Nom": f"Nom{number}", "CT_Prenom": company.title()})
    play.come_to_rest()
    for row in play.sage100.contacts.values():
        row["CT_EMail"] = f"everybody{row['cbMarq']}@x.example"
    steps, report = planned(play)
    (guard,) = report.guards
    assert (guard.code, guard.facts.number, report.ssm.updated) == (Code.MASS_CHANGE_GUARD, 27, 0)
    assert steps.count("apply") == 1


def test_p9_the_marks_of_all_rounds_show_that_a_state_was_lost(play):
    # One company has three marks, which is no more than the limit lets pass; together they have seven.
    play.store = MemoryStore()
    play.site = replace(play.site, policy=replace(play.site.policy, max_deletions=DeletionLimit(ratio=0.1, floor=4)))
    report = play.run()
    (guard,) = report.guards
    assert (guard.code, guard.facts.number, report.linked) == (Code.LOST_STATE_GUARD, 7, 0)


def test_p9_the_deletions_of_a_run_count_once_for_the_day(play):
    for row in [*people(play, "ALPHA", "Durand"), *people(play, "BETA", "Durand")]:
        play.sage100.removed(row)
    report = play.run()
    with play.store.transaction() as memory:
        assert (report.ssm.deleted, [entry[2] for entry in memory.recall("deletions")]) == (2, [1, 1])


def limit_deletions(play, ratio, floor):
    play.site = replace(play.site, policy=replace(play.site.policy, max_deletions=DeletionLimit(ratio, floor)))
    play.run()


def test_p9_what_a_round_deletes_leaves_the_limit_of_the_others_as_it_was(play):
    limit_deletions(play, ratio=0.3, floor=0)
    for row in [*people(play, "ALPHA", "Durand"), *people(play, "BETA", "Durand")]:
        play.sage100.removed(row)
    report = play.run()
    assert (report.guards, report.ssm.deleted) == ((), 2)


def test_p9_what_is_deleted_while_a_run_goes_on_counts_with_what_it_has_done(play):
    limit_deletions(play, ratio=0.1, floor=3)
    for row in [*people(play, "ALPHA", "Durand"), *people(play, "BETA", "Durand")]:
        play.sage100.removed(row)
    take = play._take

    def deleting(context, step, action):
        result = take(context, step, action)
        for row in people(play, "BETA", "Dupré", "Martin") + people(play, "ALPHA", "Dupré", "Martin"):
            if step is course.Step.APPLY:
                play.sage100.removed(row)
        return result

    with mock.patch.object(play, "_take", deleting):
        report = play.run()
    (guard,) = report.guards
    assert (guard.code, guard.facts.number, report.ssm.deleted) == (Code.DELETION_GUARD, 4, 1)


def test_p9_what_is_in_two_slices_because_a_key_connects_them_counts_once(play):
    play.sage100.companies["GAMMA"] = 0
    play.ssm.open_account("GAMMA")
    for number in range(20):
        company = ("ALPHA", "BETA", "GAMMA")[number % 3]
        play.sage100.insert({"CT_Num": company, "CT_Nom": f"Nom{number}", "CT_Prenom": company.title()})
    play.come_to_rest()
    half = len(play.links) / 2
    moved = [row for row in play.sage100.contacts.values() if row["CT_Num"] == "ALPHA" and row["CT_Nom"] != "Anker"]
    for row in moved:
        play.sage100.updated(row, {"CT_Num": "BETA"})
    (row, *_) = people(play, "GAMMA", "Nom2")
    play.sage100.updated(row, {"CT_EMail": "gamma@x.example"})
    assert len(moved) + 1 < half < len(moved) * 2
    steps, report = planned(play)
    assert (steps.count("plan"), report.guards, report.ssm.updated) == (2, (), len(moved) + 1)


def test_r9_who_moves_to_a_company_at_rest_just_before_a_write_is_looked_at_again(play, monkeypatch):
    (row,) = people(play, "BETA", "Durand")
    card = play.ssm.contacts[next(k.ssm_id for k in play.links if k.sage100_id == row["cbMarq"])]
    alpha = max(id_ for id_, account in play.ssm.accounts.items() if account["extId"] == "ALPHA")
    play.sage100.removed(row)
    play.store.kept.companies = dict.fromkeys(play.store.kept.companies)  # as after an upgrade: all are looked at
    carried_out = play.ssm.carried_out

    def moved(request, action):
        if card["accountId"] != alpha:
            play.ssm.touch(card, accountId=alpha)
        return carried_out(request, action)

    monkeypatch.setattr(play.ssm, "carried_out", moved)
    assert play.run().ssm.deleted == 0
    assert play.run().ssm.deleted == 1


@pytest.mark.parametrize("odd", [{"accountId": {"id": "x"}}, {"lastName": {"id": 3}, "accountId": {"id": "x"}}])
def test_p4_who_may_be_a_row_that_cannot_be_understood_waits_in_whichever_round(play, odd):
    card = play.ssm.insert({"accountId": 502, "lastName": "Neuve", "firstName": "Ada"})
    play.ssm.odd[card["id"]] = odd
    for company in ("ALPHA", "BETA"):
        play.sage100.insert({"CT_Num": company, "CT_Nom": "Neuve", "CT_Prenom": "Ada"})
    assert [play.run().ssm.created for _ in range(2)] == [0, 0]
    play.ssm.odd.clear()
    play.ssm.touch(card, comment="understood")
    assert play.run().ssm.created == 1


def test_a_company_that_the_first_round_was_led_to_is_not_looked_at_again(play):
    for company in ("ALPHA", "BETA"):
        (row,) = people(play, company, "Durand")
        play.ssm.refuses.add(("email", f"{company}@x.example"))
        play.sage100.updated(row, {"CT_EMail": f"{company}@x.example"})
    play.run()
    assert len(play.problems) == 2
    for row in [*people(play, "ALPHA", "Durand"), *people(play, "BETA", "Durand")]:
        play.sage100.updated(row, {"CT_Skype": row["CT_Num"]})
    play.clock.advance(hours=25)
    steps, report = planned(play)
    assert (steps.count("plan"), report.companies_left) == (1, 0)
    assert (report.ssm.updated, len(play.problems)) == (2, 2)


def test_p11_what_became_of_a_write_in_doubt_is_asked_in_the_round_that_looks_at_it(play):
    pairs = [(k, play.sage100.contacts[k.sage100_id]) for k in play.links if k.contact.endswith("Durand")]
    for link, row in pairs:
        play.sage100.updated(row, {"CT_EMail": f"{row['CT_Num']}@sage.example"})
        play.ssm.touch(play.ssm.contacts[link.ssm_id], email=f"{row['CT_Num']}@ssm.example")
    play.ssm.weather = Weather(iter([Fate.LOST_BEFORE] * 2))
    play.run()
    play.ssm.weather = Weather()
    # The records of writes are not kept for a day (`retention.writes_days: 0`).
    play.store.kept.writes.clear()
    report = play.run()
    notices = [e.entry.code for e in play.journal if e.entry.code is Code.CONFLICT_SETTLED]
    assert (report.ssm.updated, len(notices)) == (2, 2)


def test_a_run_that_a_guard_stops_had_no_lack_of_time(play):
    for row in play.sage100.contacts.values():
        row |= {"CT_Nom": f"{row['CT_Nom']} autre", "CT_Prenom": "Autre"}
    report = play.run()
    assert [guard.code for guard in report.guards] == [Code.MASS_CHANGE_GUARD]
    assert report.companies_left == 0


def test_companies_that_a_run_has_no_time_for_are_looked_at_in_the_next_one(play):
    for row in [*people(play, "ALPHA", "Durand"), *people(play, "BETA", "Durand")]:
        play.sage100.updated(row, {"CT_EMail": f"{row['CT_Num']}@x.example"})
    play.site = replace(play.site, time_budget=timedelta())
    steps, report = planned(play)
    assert (steps.count("plan"), report.companies_left, report.postponed) == (1, 1, 1)
    assert report.counts()["companies_left"] == 1
    play.site = replace(play.site, time_budget=timedelta(minutes=14))
    assert play.run().ssm.updated == 2


def test_p10_once_sage_does_not_answer_any_more_no_other_company_is_looked_at(play):
    (row,) = people(play, "BETA", "Durand")
    play.sage100.removed(row)
    play.sage100.weather = Weather(read_to=1)
    report = play.run()
    play.sage100.weather = Weather()
    assert (report.exit_code, report.ssm.deleted) == (4, 0)
    assert play.run().ssm.deleted == 1


def test_links_are_rebuilt_in_rounds(play):
    play.store = MemoryStore()
    lease = play.store.acquire("test", play.clock(), timedelta(minutes=2))
    context = Context(play.store, play.sage100, play.ssm, play.site, RunOptions(whole=True), play.clock)
    with mock.patch.object(rounds, "COMPANIES_AT_ONCE", 1):
        report = course.relink(Run(context, lease, "resync", play.clock()), lambda _, action: action())
    play.store.release(lease)
    assert (report.linked, report.guards) == (7, ())
    report = play.run()
    assert (report.guards, report.ssm.written, report.sage100.written) == ((), 0, 0)


def test_a_rehearsal_shows_what_all_rounds_would_do(play):
    for row in [*people(play, "ALPHA", "Durand"), *people(play, "BETA", "Durand")]:
        play.sage100.updated(row, {"CT_EMail": f"{row['CT_Num']}@x.example"})
    context = Context(play.store, play.sage100, play.ssm, play.site, RunOptions(), play.clock)
    with mock.patch.object(rounds, "COMPANIES_AT_ONCE", 1):
        report = course.rehearse(context, lambda _, action: action())
    assert len(report.ssm) == 2


def test_p14_a_row_that_moved_to_another_company_under_a_new_id_is_found_from_either_slice(play):
    # Its `CT_No` alone leads from the link to the row, and nothing leads back.
    (row,) = people(play, "BETA", "Durand")
    play.sage100.removed(row)
    again = {name: row[name] for name in ("CT_Nom", "CT_Prenom", "CT_EMail", "CT_No")}
    moved = play.sage100.insert(again | {"CT_Num": "ALPHA"})
    report = play.run()
    assert (report.ssm.deleted, report.ssm.created) == (0, 0)
    (link,) = [link for link in play.links if link.sage100_id == moved["cbMarq"]]
    card = play.ssm.contacts[link.ssm_id]
    assert (card["deleted"], card["extId"]) == (False, str(ExtId(SAGE, worlds.DATABASE, moved["cbMarq"])))


def test_p14_no_contact_gets_the_number_of_a_creation_that_was_not_confirmed(play):
    play.sage100.weather = Weather(iter([Fate.LOST_BEFORE]))
    for company in ("ALPHA", "BETA"):
        account = max(id_ for id_, row in play.ssm.accounts.items() if row["extId"] == company)
        card = play.ssm.insert({"lastName": "Neuve", "firstName": company.title(), "accountId": account})
        play.ssm.born_here.add(card["id"])
    play.run()
    play.sage100.weather = Weather()
    with play.store.transaction() as memory:
        (intent,) = memory.intents()
    assert intent.sage100_no not in {row["CT_No"] for row in play.sage100.contacts.values()}


def test_p9_companies_without_a_look_have_no_deletions_either_once_settings_have_changed(play):
    play.site = replace(play.site, fields=tuple(f for f in play.site.fields if f.name != "skype"))
    play.site = replace(play.site, time_budget=timedelta())
    for company in ("ALPHA", "BETA"):
        (row,) = people(play, company, "Durand")
        play.sage100.removed(row)
    assert play.run().companies_left == 1
    play.site = replace(play.site, time_budget=timedelta(minutes=14))
    assert play.run().ssm.deleted == 0  # the first run that looks at all
    assert play.run().ssm.deleted == 2
