"""An installation with much to show, and its page as a client and as a server on a real port."""

import shutil
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher

from sage100_ssm.app.settings import load_settings
from sage100_ssm.sync.journal import (
    AmbiguousMatch,
    CompanyNotInSage,
    Conflict,
    ConflictSettled,
    DeletionGuard,
    Entry,
    Named,
    PossibleDuplicate,
    RecordLocked,
    Subject,
    ValueTooLong,
    ValueUnknown,
)
from sage100_ssm.sync.model import Link, LinkStatus, Side, ValuePair
from sage100_ssm.sync.state.records import RETRY, RunRow, RunStatus
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.web.access import Access
from sage100_ssm.web.application import create_app
from sage100_ssm.web.installation import Installation
from sage100_ssm.web.server import UVICORN

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> =cmd|' /C calc'!A0 {{7*7}} \u202e Ω"
PASSWORDS = {"marie": "a long password", "paul": "another password"}
MARIE = ("marie", PASSWORDS["marie"])
PAUL = ("paul", PASSWORDS["paul"])

_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
WEB = f"""
web:
  users:
    marie: {{role: settle, password: "{_QUICK.hash(PASSWORDS["marie"])}"}}
    paul: {{password: "{_QUICK.hash(PASSWORDS["paul"])}"}}
"""


def entries(number=290, name=HOSTILE):
    """Problems of many kinds, most of them about one contact each."""
    subject = Subject("CARAT", 12, 340, "Claire Morel")
    several = tuple(Subject(f"C{n}", n, None, f"Contact {n}") for n in range(900, 930))
    twins = AmbiguousMatch((Named(1, "Ada Aubrelin"), Named(2, name)), (Named(501, "Ada Aubrelin"),), by_ext_id=False)
    likely = PossibleDuplicate((Named(3, "Luc Vial"),), (Named(503, "L. Vial"),), ("email",))
    found = [
        Entry(Subject("CARAT", None, 501, "Ada Aubrelin"), twins),
        Entry(Subject("CARAT", 3, 503, "Luc Vial"), likely),
        Entry(subject, Conflict(), "phone", "01 99 00 10 00", name),
        Entry(Subject("FERMOIR", 81, 344, name), ValueTooLong(limit=35, length=90), "job_title", "court", name),
        Entry(Subject(), ValueUnknown("Sertisseur", Side.SSM, contacts=several), "job_title"),
        Entry(Subject("ZEPHYR"), CompanyNotInSage(name, 77, contacts=several[:2]), ssm_value="ZEPHYR"),
        Entry(Subject(), DeletionGuard(Side.SSM, 12, 8)),
    ]
    ordinary = range(number - len(found))
    return found + [Entry(Subject(f"C{n % 40}", 2000 + n, 4000 + n, f"Personne {n}"), RecordLocked()) for n in ordinary]


def fill(url, *, links=40, problems=40, runs=30):
    """A state of that size."""
    base = {
        "last_name": ValuePair("Morel", "Morel"),
        "first_name": ValuePair("Claire", "Claire"),
        "email": ValuePair("claire@carat.example", "Claire@carat.example"),
        "phone": ValuePair("01 99 00 10 00", "01 99 00 10 01"),
    }
    with StateStore.open(url) as store, store.transaction() as memory:
        memory.save_link(Link(12, 7, 340, "CARAT", "Claire Morel", Side.SAGE100, base))
        asleep = {"status": LinkStatus.ASLEEP, "reason": "out_of_scope"}
        memory.save_link(Link(81, 90, 344, "FERMOIR", HOSTILE, Side.SSM, **asleep))
        for n in range(links):
            memory.save_link(Link(10_000 + n, n, 20_000 + n, f"C{n % 40}", f"Prénom{n} Nom{n}", Side.SAGE100, base))
        memory.report_problems(entries(problems), now=NOON, run_id="r0", keep=lambda _: False)
        claire = Subject("CARAT", 12, 340, "Claire Morel")
        settled = Entry(claire, ConflictSettled(Side.SAGE100), "phone", "01", HOSTILE)
        memory.add_notice(settled, now=NOON, run_id="r0")
        for n in range(runs):
            memory.finish_run(_run(memory, n))


def _run(memory, n):
    started = NOON + n * timedelta(minutes=15)
    memory.start_run(RunRow(f"r{n}", started))
    status = RunStatus.HELD if n % 13 == 12 else RunStatus.FAILED if n % 17 == 16 else RunStatus.DONE
    if status is RunStatus.FAILED:
        return RunRow(f"r{n}", started, started + timedelta(seconds=3), status, {}, 4)
    counts = {
        "sage100": {"read": 4000, "created": n % 3, "updated": n % 7, "deleted": n % 2, "failed": 0},
        "ssm": {"read": 12, "created": n % 2, "updated": n % 5, "deleted": 0, "failed": n % 4, "requests": 6 + n % 9},
        "linked": 4000,
        "problems_opened": 1,
        "problems_closed": 0,
        "problems_open": 20 + n % 6,
        "notices": 1,
    } | ({RETRY: 4} if n % 11 == 10 else {})
    return RunRow(f"r{n}", started, started + timedelta(seconds=1 + n % 9), status, counts, 0)


@pytest.fixture
def settings_file(tmp_path):
    """A function that writes settings whose sides cannot be reached."""

    def write(language="fr", web=WEB):
        file = tmp_path / "sync.yaml"
        file.write_text(
            f"language: {language}\n"
            "sage100: {company: BIJOU, connection: {kind: sqlite, path: absent.db}}\n"
            "ssm: {base_url: 'http://127.0.0.1:9/api/v4', public_key: pk, private_key: sk, default_sales_rep_id: 310}\n"
            + web
        )
        return file

    return write


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """A state that tests copy."""
    file = tmp_path_factory.mktemp("filled") / "sync-state.db"
    fill(f"sqlite:///{file}")
    return file


@pytest.fixture
def installation(settings_file, filled):
    """An installation with a state."""
    file = settings_file()
    shutil.copy(filled, file.with_name("sync-state.db"))
    settings = load_settings(file)
    return Installation(settings, Access(settings.web))


class Browser(httpx.Client):
    """A browser without scripts: it has cookies, follows links, and sends the forms that it was shown."""

    def __init__(self, address):
        super().__init__(base_url=address, follow_redirects=True, trust_env=False)

    def token(self, path="/login"):
        """The token of this browser's forms."""
        return self.get(path).text.partition('name="csrf" value="')[2].partition('"')[0]

    def submit(self, path, **fields):
        """Send a form of ours."""
        return self.post(path, data={"csrf": self.token(), **fields})

    def log_in(self, name, password):
        """Log in, and return what follows."""
        return self.submit("/login", name=name, password=password)


@pytest.fixture
def app(installation):
    return create_app(installation)


@contextmanager
def served(app):
    """An application on a real port of loopback; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, **UVICORN))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def serve_app():
    """A function that serves an application and returns its address."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(served(app))


@pytest.fixture
def page_address(app, serve_app):
    """The page on a real port."""
    return serve_app(app)


@pytest.fixture
def browser(page_address):
    """A browser that nobody has logged in with."""
    with Browser(page_address) as browser:
        yield browser


@pytest.fixture
def marie(browser):
    """The browser of somebody who may settle."""
    browser.log_in(*MARIE)
    return browser


@pytest.fixture
def paul(browser):
    """The browser of somebody who may look."""
    browser.log_in(*PAUL)
    return browser
