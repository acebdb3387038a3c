"""What takes a while: one thing at a time, with its progress, by the same functions as the commands."""

import re
import threading
import time
from datetime import timedelta

import pytest

from sage100_ssm.app.assemble import lease_owner, utc_now
from sage100_ssm.app.settings import load_settings
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.model import LinkStatus
from sage100_ssm.sync.rules.decisions import Choice
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.web.access import Access
from sage100_ssm.web.application import create_app
from sage100_ssm.web.installation import Installation
from sage100_ssm.web.jobs import Job, JobKind, Jobs, JobUnderWayError
from tests.web.conftest import MARIE, WEB, Browser, served

pytestmark = pytest.mark.xdist_group("sample page")  # its steps follow each other

# --- jobs


def ended(job):
    """A job once it has ended."""
    for _ in range(1000):
        if job.ended_at:
            return job
        time.sleep(0.01)
    raise AssertionError("the job does not end")


def job(kind=JobKind.PLAN):
    return Job(kind, "marie", "en", "/")


def test_a_second_job_is_refused_while_one_is_under_way_and_named():
    jobs, go_on = Jobs(), threading.Event()
    first = jobs.start(job(), lambda _: go_on.wait(5))

    with pytest.raises(JobUnderWayError) as refused:
        jobs.start(job(), lambda _: None)

    assert refused.value.job is first
    go_on.set()
    ended(first)
    assert jobs.under_way is None


def test_a_failure_is_kept_in_words_and_is_no_result():
    def fail(_):
        raise ConfigurationError("problem_solved", number=7)

    jobs = Jobs()
    failed = ended(jobs.start(job(), fail))

    assert "7" in failed.failure.message
    assert jobs.last(JobKind.PLAN) is None


def test_the_last_job_of_a_kind_is_remembered_and_old_ones_are_forgotten():
    jobs = Jobs()
    done = [ended(jobs.start(job(), lambda _, n=n: n)) for n in range(25)]

    assert jobs.last(JobKind.PLAN).result == 24
    assert [jobs.get(one.id) is not None for one in done] == [False] * 5 + [True] * 20


def test_p17_what_a_job_found_is_not_remembered_for_longer_than_a_day_of_work(monkeypatch):
    jobs = Jobs()
    done = ended(jobs.start(job(), lambda _: "Claire Morel"))
    monkeypatch.setattr("sage100_ssm.web.jobs._KEPT_FOR", timedelta(0))

    assert jobs.last(JobKind.PLAN) is None
    assert jobs.get(done.id) is None


# --- on the sample company


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample company with one pair that is doubtful, and its page; the steps of the story follow each other."""
    with sample_installation(tmp_path_factory.mktemp("sample"), language="en") as company:
        company.sage.create_contact(
            "JASPE", "Brancourt-Leroy", "Th.", CT_EMail="t.brancourt@jaspe.example", CT_TelPortable="06 39 98 81 11"
        )
        company.settings.write_text(company.settings.read_text() + WEB)
        settings = load_settings(company.settings)
        installation = Installation(settings, Access(settings.web))
        with served(create_app(installation)) as address, Browser(address) as browser:
            browser.log_in(*MARIE)
            yield company, installation, browser


def followed(browser, answer):
    """The page that is shown once a job has ended; while it is under way its page renews itself."""
    for _ in range(600):
        if 'http-equiv="refresh"' not in answer.text:
            return answer
        time.sleep(0.05)
        answer = browser.get(answer.url)
    raise AssertionError("the job does not end")


def test_the_page_leads_from_a_first_look_to_a_lifted_guard(sample):
    company, installation, browser = sample

    # P4: before the first run, the doubtful pair comes first, and is decided with a click.
    pairs = followed(browser, browser.submit("/pairs"))
    assert pairs.url.path == "/pairs"
    article = pairs.text.partition("<article")[2].partition("</article>")[0]
    assert "Brancourt-Leroy" in article
    assert re.findall(r'<tr class="differs">\s*<th scope="row">([^<]+)', article)[:2] == ["last name", "first name"]
    ids = dict(re.findall(r'name="(sage100_id|ssm_id)" value="(\d+)"', article))
    assert "Take back" in browser.submit("/pairs/decide", choice="same", **ids).text

    # The plan writes nothing; the run does.
    plan = followed(browser, browser.submit("/plan"))
    assert plan.url.path == "/plan"
    assert re.search(r"To write in Sage 100: \d, in SSM: \d\d", plan.text)
    run = followed(browser, browser.submit("/runs"))
    assert "Sage 100: created 2" in run.text
    with installation.state() as state:
        (decision,) = state.decisions.all()
        assert (decision.choice, decision.decided_by) == (Choice.SAME, "marie")
        assert int(ids["ssm_id"]) in {link.ssm_id for link in state.links()}

    # A problem is tried again once its cause is gone, and what became of it is said.
    with installation.state() as state:
        (known,) = [one for one in state.open_problems() if one.entry.code is Code.COMPANY_NOT_IN_SAGE]
    company.sage.create_company("ZEPHYR", "Zircon & Zéphyr")
    retried = followed(browser, browser.submit("/problems/retry", problem=str(known.id)))
    assert "Balthazar Zimbrelin, Églantine Roselaer</strong> was created." in retried.text
    again = followed(browser, browser.submit("/problems/retry", problem=str(known.id)))
    assert "solved already" in again.text

    # A guard holds; its plan says what lifting it would do, and it is lifted from there alone.
    with installation.state() as state:
        linked = [link for link in state.links() if link.status is LinkStatus.ACTIVE]
    gone = [link.sage100_id for link in linked if link.origin == "sage100"][:12]
    for number in gone:
        company.sage.delete_contact(number)
    held = followed(browser, browser.submit("/runs"))
    assert "held (guard)" in held.text
    assert browser.submit("/lift", seen="1").url.path == "/plan"
    plan = followed(browser, browser.submit("/plan"))
    assert plan.text.count("✗ delete") == 12
    assert "Lift the guard once" in plan.text
    assert browser.submit("/lift").url.path == "/plan"
    assert browser.submit("/lift", seen="of another plan").url.path == "/plan"
    seen = re.search(r'name="seen" value="([^"]+)"', plan.text)[1]
    lifted = followed(browser, browser.submit("/lift", seen=seen))
    assert "SSM" in lifted.text
    assert "deleted 12" in lifted.text
    with installation.state() as state:
        facts = [known.entry.facts for known in state.journal() if known.entry.code is Code.GUARD_LIFTED]
    assert facts
    assert {fact.by for fact in facts} == {"marie"}


def test_while_a_run_is_under_way_elsewhere_the_page_says_so(sample):
    _, installation, browser = sample
    with StateStore.open(installation.settings.state) as store:
        lease = store.acquire(lease_owner(), utc_now(), timedelta(minutes=2))
        answer = followed(browser, browser.submit("/runs"))
        store.release(lease)

    assert "Another synchronisation is under way" in answer.text


def test_a_contact_that_was_typed_a_minute_ago_is_found_by_a_look_at_both_sides(sample):
    company, installation, browser = sample
    with installation.state_to_decide():
        pass  # there is a state, whichever of these tests comes first
    company.sage.create_contact("JASPE", "Nouvelle", "Zélie")

    assert "Nobody is known under" in browser.get("/", params={"who": "Zélie Nouvelle"}).text
    assert "Not synchronised yet" in browser.get("/", params={"who": "Zélie Nouvelle", "live": "1"}).text


def test_a_look_at_sides_that_cannot_be_reached_says_which(marie):
    answer = marie.get("/", params={"who": "Zoé Inconnue", "live": "1"})

    assert answer.is_success
    assert 'role="alert"' in answer.text
