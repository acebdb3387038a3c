"""The example pipeline: the companies of Sage become accounts of SSM, by the very files in ``examples/companies``."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sage100_ssm.standins import sample
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.standins.people import SageUser
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import BRANCH, CLIENT, OTHER_SALES_REP, PROSPECT, SALES_REP, with_value_lists

EXAMPLE = Path(__file__).parents[2] / "examples" / "companies"


class Pipeline:
    """The example's files in a folder of their own, pointed at a sample company and an SSM on loopback."""

    def __init__(self, folder, api):
        shutil.copytree(EXAMPLE, folder)
        create_company_database(folder / "bijou.db")
        self.folder, self.api, self.sage = folder, api, SageUser(folder / "bijou.db")
        self.point("sage100.json", connection={"kind": "sqlite", "path": "bijou.db"})
        keys = {"public_key": api.public_key, "private_key": api.private_key}
        self.point("ssm.json", base_url=api.base_url, requests_per_second=500, **keys)

    def point(self, file, **settings):
        path = self.folder / file
        path.write_text(json.dumps(json.loads(path.read_text()) | settings))

    def start(self):
        """One run, whichever way it ends."""
        scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(  # noqa: S603 - our own script
            [str(self.folder / "run.sh")],
            env={**os.environ, "PATH": scripts},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def run(self):
        """One run that goes well; its summary, and what it wrote to SSM."""
        before = len(self.api.requests)
        done = self.start()
        assert done.returncode == 0, done.stderr
        messages = [json.loads(line) for line in (self.folder / "destination.jsonl").read_text().splitlines()]
        told = [message["log"]["message"] for message in messages if message["type"] == "LOG"]
        summary = next((json.loads(line) for line in told if line.startswith('{"summary"')), {})
        calls = self.api.requests[before:]
        return summary, [call for call in calls if call.method != "GET" and call.path != "/login"]

    def account(self, code):
        (row,) = [row for row in self.api.store.rows("accounts") if row["extId"] == code]
        return row


@pytest.fixture
def pipeline(tmp_path):
    with SsmApiServer(with_value_lists(Store())) as api:
        yield Pipeline(tmp_path / "companies", api)


def test_companies_become_accounts_and_follow_what_changes_in_sage(pipeline):
    summary, _ = pipeline.run()
    assert summary["created"] == len(sample.CLIENTS) + len(sample.PROSPECTS), "and no supplier"
    client, prospect = pipeline.account("AMBRE"), pipeline.account("SAPHIRIN")
    assert (client["name"], client["city"], client["postcode"]) == ("L'Ambre et l'Écrin", "Annecy", "74000")
    assert (client["branchId"], client["salesRepId1"]) == (BRANCH, SALES_REP)
    assert (client["statusId"], prospect["statusId"]) == (CLIENT, PROSPECT)

    summary, written = pipeline.run()
    assert written == [], "a second run writes nothing"

    pipeline.sage.edit_company("AMBRE", CT_Intitule="L'Ambre seul", CT_EMail="")
    pipeline.sage.edit_company("SAPHIRIN", CT_Prospect=0)
    pipeline.sage.create_company("ZEPHYR", "Zircon & Zéphyr")
    pipeline.sage.create_company("FONTE", "Fonte et Fer", CT_Type=sample.SUPPLIER_TYPE)
    pipeline.api.store.update("accounts", client["id"], {"salesRepId1": OTHER_SALES_REP}, user=OTHER_SALES_REP)
    pipeline.sage.edit_company("VERMEIL", CT_Intitule="")
    summary, _ = pipeline.run()
    assert (summary["created"], summary["updated"], summary["refused"]) == (1, 2, 1)
    assert {"L'Ambre seul", "Zircon & Zéphyr"} <= {row["name"] for row in pipeline.api.store.rows("accounts")}
    assert not pipeline.account("AMBRE")["email"]
    assert pipeline.account("AMBRE")["salesRepId1"] == OTHER_SALES_REP, "SSM's own fields stay"
    assert pipeline.account("SAPHIRIN")["statusId"] == CLIENT
    assert pipeline.account("ZEPHYR")["statusId"] == CLIENT
    assert pipeline.account("VERMEIL")["name"], "what SSM refuses is kept beside, with its words, and stops no other"
    (line,) = map(json.loads, (pipeline.folder / "refused.jsonl").read_text().splitlines())
    assert (line["cause"], line["field"], line["record"]["CT_Num"]) == ("value_refused", "name", "VERMEIL")
    assert "name" in line["detail"]


def test_deletions_asked_for_reach_the_account_of_the_company_and_no_other(pipeline):
    pipeline.point("sage100.json", emit_deletions=True)
    pipeline.sage.create_company("BREF", "Brève Bijouterie")
    pipeline.sage.create_company("ANEW", "Anneau Neuf")
    pipeline.run()
    kept = pipeline.account("ANEW")["id"]

    pipeline.sage.delete_company("BREF")
    pipeline.sage.delete_company("ANEW")
    pipeline.sage.create_company("ANEW", "Anneau Neuf & Fils")
    summary, written = pipeline.run()
    assert (summary["deleted"], summary["created"], summary["updated"]) == (1, 0, 1)
    assert pipeline.account("BREF")["deleted"] is True
    assert (pipeline.account("ANEW")["id"], pipeline.account("ANEW")["deleted"]) == (kept, False)
    assert pipeline.account("ANEW")["name"] == "Anneau Neuf & Fils", "entered anew, it is the same account"
    assert sum(row["deleted"] for row in pipeline.api.store.rows("accounts")) == 1

    _, written = pipeline.run()
    assert written == [], "a deletion is told once"


def test_nothing_is_deleted_unless_asked_for(pipeline):
    pipeline.sage.create_company("BREF", "Brève Bijouterie")
    pipeline.run()
    pipeline.sage.delete_company("BREF")
    _, written = pipeline.run()
    assert written == []


def test_why_a_run_failed_is_told_in_a_sentence_for_either_side(pipeline):
    pipeline.point("sage100.json", connection={"kind": "sqlite", "path": "elsewhere.db"})
    pipeline.point("ssm.json", private_key="another-key", refused_records={"kind": "file", "path": "no/such/folder"})
    done = pipeline.start()
    assert done.returncode != 0
    assert "database does not exist" in done.stderr
    assert "cannot be kept in no/such/folder" in done.stderr
