import shutil
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from sage100_ssm.cli.commands import app
from sage100_ssm.sync.journal import CompanyMissing, ConflictSettled, Entry, RecordLocked, Subject, ValueTooLong
from sage100_ssm.sync.model import Link, LinkStatus, Side, ValuePair
from sage100_ssm.sync.state.records import RunRow, RunStatus
from sage100_ssm.sync.state.store import StateStore

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

CLAIRE = Link(
    sage100_id=12,
    sage100_no=7,
    ssm_id=340,
    company="CARAT",
    contact="Claire Morel",
    origin=Side.SAGE100,
    base={
        "last_name": ValuePair("Morel", "Morel"),
        "email": ValuePair("claire@carat.example", "Claire@carat.example"),
        "job_title": ValuePair("Gérante", 5),
    },
)
LUC = Link(81, 90, 344, "FERMOIR", "Luc Aubrelin", Side.SSM, status=LinkStatus.ASLEEP, reason="out_of_scope")
TOO_LONG = Entry(
    Subject("CARAT", 12, 340, "Claire Morel"),
    ValueTooLong(limit=69, length=80),
    field="email",
    sage100_value="claire@carat.example",
    ssm_value="x" * 80,
)
NO_COMPANY = Entry(Subject(None, None, 501, "Zoé Lancel"), CompanyMissing())
SETTLED = Entry(
    Subject("CARAT", 12, 340, "Claire Morel"),
    ConflictSettled(Side.SAGE100),
    field="phone",
    sage100_value="01 99 00 10 00",
    ssm_value="01 99 00 10 01",
)
COUNTS = {
    "sage100": {"read": 80, "created": 1, "updated": 2, "deleted": 0, "failed": 0},
    "ssm": {"read": 81, "created": 3, "updated": 4, "deleted": 0, "failed": 1, "requests": 9},
    "linked": 2,
    "problems_opened": 1,
    "problems_closed": 0,
    "problems_open": 2,
    "notices": 1,
}


@pytest.fixture(autouse=True)
def usual_width(monkeypatch):
    """What is printed is as wide as it is without a terminal, whatever the shell that runs the tests says."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def settings(tmp_path):
    """A function that writes settings in a language; nothing that they name is opened by those who only look."""

    def write(language: str = "fr"):
        file = tmp_path / "sync.yaml"
        file.write_text(
            f"language: {language}\n"
            "sage100: {company: BIJOU, connection: {kind: sqlite, path: absent.db}}\n"
            "ssm: {public_key: pk, private_key: sk-hunter2, default_sales_rep_id: 310}\n"
        )
        return file

    return write


@pytest.fixture
def state(tmp_path, empty_state):
    """A state with two links, two open problems, a closed one, a notice and a run."""
    url = f"sqlite:///{shutil.copy(empty_state, tmp_path / 'sync-state.db')}"
    with StateStore.open(url) as store, store.transaction() as memory:
        memory.start_run(RunRow("r1", NOON))
        for link in (CLAIRE, LUC):
            memory.save_link(link)
        memory.save_observed(
            "contacts", [{"id": 502, "firstName": "Noé", "lastName": "Vial", "email": "noe@x.example"}]
        )
        gone = Entry(Subject("CARAT", 12, 340, "Claire Morel"), RecordLocked())
        memory.report_problems([gone], now=NOON - timedelta(hours=1), run_id="r0", keep=lambda _: False)
        memory.report_problems([TOO_LONG, NO_COMPANY], now=NOON, run_id="r1", keep=lambda _: False)
        memory.add_notice(SETTLED, now=NOON, run_id="r1")
        memory.finish_run(RunRow("r1", NOON, NOON + timedelta(seconds=2), RunStatus.DONE, COUNTS, 0))
    return url


@pytest.fixture
def call():
    """The command, called with words of a command line."""
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])
