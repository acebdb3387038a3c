"""What the pages show, and what they store, for those who may."""

import csv
import html
import io
import re
import time
from pathlib import Path

import pytest
from openpyxl import load_workbook

from sage100_ssm.messages import say
from sage100_ssm.sync.journal import Conflict, Decided, Entry, Subject
from sage100_ssm.sync.model import Change, Link, Side, ValuePair
from sage100_ssm.sync.rules.decisions import Pair
from sage100_ssm.sync.state.records import RunRow, RunStatus, WriteAction, WriteRecord
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.web.charts import CHARTS
from sage100_ssm.web.problems import Task
from tests.web.conftest import HOSTILE, NOON, entries

EVERY_PAGE = [
    "/",
    "/?who=claire",
    "/?who=script",
    "/contacts/ssm/344",
    "/problems",
    "/problems?text=script",
    *(f"/problems/{number}" for number in range(1, 8)),
    "/runs",
    "/runs/r12",
    "/plan",
    "/pairs",
    "/nothing",
]


def stored(installation):
    """What was decided, in force."""
    with installation.state() as state:
        return state.decisions.current()


def state_file(installation):
    """The file of the state."""
    return Path(installation.settings.state.removeprefix("sqlite:///"))


def text_of(page):
    """What a page says, without its tags."""
    return html.unescape(re.sub(r"<[^>]+>", " ", page.text)).replace("\N{NO-BREAK SPACE}", " ")


# --- every page


def test_hostile_names_are_shown_as_they_are_and_are_never_markup(marie):
    for path in EVERY_PAGE:
        page = marie.get(path).text
        assert "<script" not in page, path
        assert "<img src=x" not in page, path
    for path in ("/?who=script", "/contacts/ssm/344", "/problems?text=script", "/problems/4"):
        page = html.unescape(marie.get(path).text)
        assert HOSTILE[:24] in page, path
        assert "{{7*7}}" in page, path


def test_half_a_surrogate_pair_in_a_name_hides_no_page(marie, installation):
    odd = "Zo\ud800e Morel"
    with installation.state_to_decide() as state:
        state.save_link(Link(82, 91, 345, "FERMOIR", odd, Side.SSM, {"last_name": ValuePair(odd, odd)}))
        state.report_problems(entries(7, odd), now=NOON, run_id="r99", keep=lambda _: True)

    for path in ("/?who=Morel", "/contacts/ssm/345", "/problems", *(f"/problems/{n}" for n in range(1, 8))):
        assert marie.get(path).is_success, path
    assert "Zo?e" in marie.get("/contacts/ssm/345").text
    assert marie.get("/problems.xlsx").is_success


def test_every_page_is_whole_in_both_languages_and_names_no_command(marie):
    for language in ("en", "fr"):
        marie.submit("/language", language=language)
        for path in EVERY_PAGE:
            page = marie.get(path).text
            assert f'<html lang="{language}">' in page, path
            assert page.rstrip().endswith("</html>"), path
            assert "sage100-ssm" not in page, path


def test_the_language_is_the_sites_until_somebody_chooses_another(browser):
    assert say("web_login_title", "fr") in browser.get("/login").text
    browser.submit("/language", language="en")
    assert say("web_login_title", "en") in browser.get("/login").text


# --- search


def test_a_contact_is_found_with_what_waits_and_what_to_do(marie):
    said = text_of(marie.get("/", params={"who": "claire morel"}))

    assert "Synchronisé, sauf : téléphone." in said
    assert say("web_remedy_conflict", "fr").replace("\N{NO-BREAK SPACE}", " ") in said


def test_each_of_several_contacts_is_told_apart_by_its_numbers_and_what_holds_it_back(marie):
    lines = re.findall(r'<li class="box.*?</li>', marie.get("/", params={"who": "aubrelin"}).text, re.DOTALL)
    said = sorted(" ".join(html.unescape(re.sub("<[^>]+>", " ", line)).split()) for line in lines)
    assert [number for number in ("Sage 100 1", "SSM 501") if number in " ".join(said)] == ["Sage 100 1", "SSM 501"]
    assert "Rapprochement incertain" in " ".join(said)


def test_a_near_spelling_is_proposed(marie):
    assert 'href="/?who=Claire+Morel"' in marie.get("/", params={"who": "Clarie Morell"}).text


def test_several_contacts_are_listed_with_a_link_to_each(marie):
    page = marie.get("/", params={"who": "prenom1"}).text

    assert 'href="/contacts/ssm/20001"' in page
    assert marie.get("/contacts/ssm/20001").is_success


def test_a_contact_that_nobody_knows_has_no_page(marie):
    for path in ("/contacts/ssm/999999", "/contacts/moon/1", "/contacts/ssm/99999999999999999999"):
        assert marie.get(path).status_code == 404, path


@pytest.fixture
def written(installation):
    """A write whose old value can be asked back."""
    record = WriteRecord(
        "r1",
        NOON,
        Side.SSM,
        WriteAction.UPDATE,
        entries()[2].subject,
        {"email": Change("old", HOSTILE)},
        is_confirmed=True,
    )
    with installation.state_to_decide() as state:
        return state.writes.save(record)


def test_the_history_says_what_was_written_where_and_from_where(marie, written):
    said = text_of(marie.get("/contacts/sage100/12"))

    assert re.search(r"SSM\s+modifié\s+e-mail : old → <script>", said)
    assert say("occasion_edit", "fr") in said


def test_what_a_run_wrote_is_on_its_page(marie, written):
    assert "Claire Morel" in text_of(marie.get("/runs/r1"))


def test_p18_the_page_of_a_run_says_that_sage_is_not_written_and_how_many_changes_wait(marie, installation):
    counts = {"one_way": {"reason": "read_only", "left": 7}}
    with installation.state_to_decide() as state:
        state.start_run(RunRow("r-one-way", NOON))
        state.finish_run(RunRow("r-one-way", NOON, NOON, RunStatus.DONE, counts, 0))

    assert "Modifications de Sage Sales Management qui attendent : 7" in text_of(marie.get("/runs/r-one-way"))
    assert "Sens unique" not in text_of(marie.get("/runs/r1"))


def test_an_old_value_is_asked_back_with_a_click(marie, installation, written):
    assert f'action="/writes/{written.id}/undo"' in marie.get("/contacts/ssm/340").text

    marie.submit(f"/writes/{written.id}/undo")

    with installation.state() as state:
        assert state.journal(limit=1)[0].entry.facts.by == "marie"
    again = marie.get("/contacts/ssm/340").text
    assert f'action="/writes/{written.id}/undo"' not in again
    assert say("web_asked_back_waits", "fr") in html.unescape(again)


# --- problems


def test_problems_are_grouped_by_what_to_do_and_by_cause_with_their_contacts(marie):
    said = text_of(marie.get("/problems"))

    tasks = [say(f"web_task_{task}", "fr") for task in Task]
    places = [said.index(task.replace("\N{NO-BREAK SPACE}", " ")) for task in tasks]
    assert places == sorted(places)
    assert re.search(r"Valeur inconnue\s+30 contacts", said)


def test_problems_are_filtered_by_code_company_task_and_words(marie):
    shown = {
        "": 40,
        "code=conflict": 1,
        "task=answer": 3,
        "company=fermoir": 1,
        "text=personne 32": 1,
        "code=moon": 40,
    }
    for query, number in shown.items():
        assert f"Affichés : {number} " in text_of(marie.get(f"/problems?{query}")).replace("\n", " "), query


def test_a_long_list_is_shown_in_parts_that_keep_the_filter(marie):
    page = marie.get("/problems?text=personne").text

    assert page.count("<article") == 20
    assert 'rel="next" href="/problems?text=personne&amp;part=2"' in page
    assert marie.get("/problems?text=personne&part=2").text.count("<article") == 14
    assert marie.get("/problems?part=999999999999").text.count("<article") == 20


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_problems_are_saved_as_a_table_in_which_nothing_is_a_formula(marie, kind):
    answer = marie.get(f"/problems.{kind}", params={"text": "script"})

    if kind == "csv":
        lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    else:
        sheet = load_workbook(io.BytesIO(answer.content)).active
        lines = [[str(cell.value or "") for cell in row] for row in sheet.iter_rows()]
        assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} <= {"s", "n", "inlineStr"}
    assert lines[0][1] == say("web_column_task", "fr")
    assert len(lines) > 3
    assert not [cell for line in lines for cell in line if cell[:1] in ("=", "+", "-", "@")]
    assert answer.headers["content-disposition"].startswith('attachment; filename="problemes-')


@pytest.mark.parametrize(
    ("number", "fields", "expected"),
    [
        (2, {"choice": "same"}, {"same": {Pair(3, 503)}}),
        (2, {"choice": "different"}, {"different": {Pair(3, 503)}}),
        (1, {"choice": "same", "other": "2"}, {"same": {Pair(2, 501)}}),
        (1, {"choice": "different"}, {"different": {Pair(1, 501), Pair(2, 501)}}),
    ],
)
def test_p16_an_answer_about_contacts_is_stored_with_who_gave_it_and_taken_back(
    marie, installation, number, fields, expected
):
    answer = marie.submit(f"/problems/{number}/answer", **fields)

    assert say("web_note_decided", "fr") in html.unescape(answer.text)
    decisions = stored(installation)
    assert {"same": decisions.same, "different": decisions.different} == {"same": set(), "different": set()} | expected
    with installation.state() as state:
        assert state.journal(limit=1)[0].entry.facts == Decided(fields["choice"], "marie", entries()[number - 1].code)

    marie.submit(f"/problems/{number}/undo")
    assert (stored(installation).same, stored(installation).different) == (set(), set())


def test_p16_the_value_of_a_side_is_kept(marie, installation):
    marie.submit("/problems/3/answer", choice="ssm")

    assert stored(installation).values[Pair(12, 340)]["phone"].winner is Side.SSM


def test_p16_an_answer_to_what_a_run_has_changed_since_is_refused(marie, installation):
    seen = re.search(r'name="seen" value="([^"]+)"', marie.get("/problems/3").text)[1]
    with installation.state_to_decide() as state:
        later = Entry(
            Subject("CARAT", 12, 340, "Claire Morel"), Conflict(), "phone", "01 99 00 10 00", "06 12 34 56 78"
        )
        state.report_problems([later], now=NOON, run_id="r99", keep=lambda _: True)

    answer = marie.submit("/problems/3/answer", choice="ssm", seen=seen)

    assert (answer.status_code, stored(installation).values) == (409, {})
    seen = re.search(r'name="seen" value="([^"]+)"', marie.get("/problems/3").text)[1]
    assert marie.submit("/problems/3/answer", choice="ssm", seen=seen).status_code == 200


def test_p16_an_accepted_problem_is_not_shown_until_somebody_asks_for_it_and_can_be_taken_back(marie):
    answer = marie.submit("/problems/4/answer", choice="accept")

    assert say("web_note_accepted", "fr") in html.unescape(answer.text)
    assert "/problems/4" not in marie.get("/problems?task=correct").text
    again = marie.get("/problems?task=correct&accepted=1").text
    assert 'action="/problems/4/undo"' in again


REFUSED = [
    ("/problems/3/answer", {"choice": "same"}, 409),
    ("/problems/3/answer", {"choice": "moon"}, 400),
    ("/problems/1/answer", {"choice": "same"}, 409),
    ("/problems/999/answer", {"choice": "accept"}, 409),
    ("/problems/3/undo", {}, 409),
    ("/pairs/decide", {"choice": "same", "sage100_id": "x", "ssm_id": "1"}, 400),
    ("/pairs/decide", {"choice": "accept", "sage100_id": "1", "ssm_id": "1"}, 400),
    ("/pairs/decide", {"choice": "undo", "sage100_id": "1", "ssm_id": "1"}, 409),
    ("/writes/999/undo", {}, 409),
]


def test_p16_an_answer_that_fits_nothing_is_refused_in_words_and_stores_nothing(marie, installation):
    for path, fields, status in REFUSED:
        answer = marie.submit(path, **fields)
        assert (answer.status_code, 'role="alert"' in answer.text) == (status, True), (path, fields)
    with installation.state() as state:
        assert state.decisions.all() == []


def test_a_form_sent_after_the_session_ended_asks_to_log_in_again(marie, installation):
    marie.cookies.clear()
    answer = marie.post("/problems/3/answer", data={"choice": "ssm"})

    assert (answer.status_code, "plus connecté" in text_of(answer)) == (403, True)
    with installation.state() as state:
        assert state.decisions.all() == []


def test_p16_both_cards_of_a_conflict_are_side_by_side_and_what_differs_is_marked(marie):
    page = marie.get("/problems/3").text

    differing = re.findall(r'<tr class="differs">\s*<th scope="row">([^<]+)', page)
    assert differing == ["téléphone"]
    assert "claire@carat.example" in page


@pytest.mark.parametrize("path", ["/problems/3", "/charts/problems.svg"])
def test_times_are_those_of_the_site_whatever_the_clock_of_the_machine(marie, monkeypatch, path):
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        page = marie.get(path).text
    finally:
        monkeypatch.undo()
        time.tzset()
    # Noon, one o'clock in Paris, is one o'clock in the morning in Auckland.
    assert "13:00" in page
    assert " 01:00" not in page


def test_a_closed_problem_keeps_its_page_and_its_answer_can_be_taken_back(marie, installation):
    marie.submit("/problems/2/answer", choice="same")
    with StateStore.open(installation.settings.state) as store, store.transaction() as state:
        state.report_problems([], now=NOON, run_id="r9", keep=lambda known: known.id != 2)

    assert 'action="/problems/2/undo"' in marie.get("/problems/2").text


def test_p4_pairs_are_decided_before_any_run_has_asked_about_them(marie, installation):
    fields = {"sage100_id": "7", "ssm_id": "77"}
    marie.submit("/pairs/decide", choice="different", **fields)
    assert stored(installation).different == {Pair(7, 77)}

    marie.submit("/pairs/decide", choice="undo", **fields)
    assert stored(installation).different == set()


# --- runs


def test_each_chart_is_a_picture_without_scripts_and_its_figures_are_in_the_table(marie):
    page = marie.get("/runs").text
    for name in CHARTS:
        assert f'src="/charts/{name}.svg"' in page
        chart = marie.get(f"/charts/{name}.svg")
        assert chart.headers["content-type"] == "image/svg+xml"
        assert chart.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
        assert b'href="http' not in chart.content
    assert marie.get("/charts/moon.svg").status_code == 404
    assert page.count('<th scope="row">') == 25


def test_a_guard_that_holds_is_the_first_thing_that_is_said(marie):
    for path in ("/", "/runs"):
        assert "12 suppressions" in text_of(marie.get(path)).split("Une par une")[0]


def test_a_run_that_failed_early_has_a_page_without_figures(marie):
    assert "interrompue" in text_of(marie.get("/runs/r16"))
    assert marie.get("/runs/moon").status_code == 404


def test_without_a_plan_that_was_looked_at_no_guard_is_lifted(marie, installation):
    answer = marie.submit("/lift", seen="1")

    assert answer.url.path == "/plan"
    assert installation.jobs.under_way is None


def test_before_the_first_run_the_page_says_so_and_offers_to_begin(marie, installation):
    state_file(installation).unlink()

    page = marie.get("/").text

    assert say("web_first_run_title", "fr") in page
    assert 'action="/plan"' in page
    assert marie.get("/pairs").is_success


def test_a_damaged_state_is_said_in_words_on_every_page(marie, installation):
    state_file(installation).write_bytes(b"no database at all")

    answer = marie.get("/problems")

    assert answer.status_code == 503
    assert 'role="alert"' in answer.text
