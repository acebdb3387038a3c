"""Prefect's database of each release is brought up to date by the Prefect that is installed."""

from contextlib import closing

import pytest

from sage100_ssm.orchestration.flow import sync_contacts
from tests.upgrades.keep import RELEASES
from tests.upgrades.prefect_database import PREFECT, upgraded

KEPT = sorted(RELEASES.iterdir())


@pytest.mark.parametrize("release", KEPT, ids=lambda folder: folder.name)
def test_prefects_database_is_brought_up_to_date_with_the_deployment_and_its_runs(release, tmp_path):
    with closing(upgraded(release / PREFECT, tmp_path / "prefect.db")) as connection:
        found = connection.execute(
            "SELECT deployment.name, flow.name, deployment.concurrency_limit, flow_run.name, flow_run.state_type"
            " FROM deployment JOIN flow ON flow.id = deployment.flow_id"
            " JOIN flow_run ON flow_run.deployment_id = deployment.id WHERE flow_run.state_type = 'COMPLETED'"
        ).fetchall()
        [(intact,)] = connection.execute("PRAGMA integrity_check").fetchall()

    assert found == [("TEST", sync_contacts.name, 1, "TEST 12:00", "COMPLETED")]
    assert intact == "ok"
