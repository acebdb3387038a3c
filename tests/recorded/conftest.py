"""The tenant that the recorded conversations are with: one on loopback or a living one, and on replay neither.

``make record`` records what the environment names: ``SSM_PUBLIC_KEY``, ``SSM_PRIVATE_KEY``, ``SSM_SALES_REP_ID`` and
``SSM_ACCOUNT_ID``, of an account under which contacts may be made and deleted; if need be ``SSM_BASE_URL``. Without
keys in the environment it records the stand-in.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.standins import sample
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.tenant import SALES_REP
from tests.support.scrub import HOST, PRIVATE_KEY, PUBLIC_KEY, Scrubber

LABEL = Path(__file__).parent / "cassettes" / "tenant.yaml"


@dataclass(frozen=True)
class Tenant:
    """What the cassettes were recorded against.

    Attributes:
        against: ``stand-in`` or ``live``.
        recorded_at: when the recording began, by the recorder's clock.
        account: the account under which contacts are made.
        sales_rep: who owns them.
    """

    against: str
    recorded_at: str
    account: int
    sales_rep: int


@dataclass(frozen=True)
class Access:
    """How the tenant is reached; on replay, by what stands in the cassettes."""

    base_url: str = HOST
    public_key: str = PUBLIC_KEY
    private_key: str = PRIVATE_KEY
    requests_per_second: float = 10_000


@pytest.fixture(scope="session")
def recording(record_mode):
    return record_mode != "none"


@pytest.fixture(scope="session")
def reached(recording):
    """The tenant, and the way to it."""
    if not recording:
        yield Tenant(**yaml.safe_load(LABEL.read_text("utf-8"))), Access()
        return
    with _living() if "SSM_PUBLIC_KEY" in os.environ else _on_loopback() as (tenant, access):
        LABEL.parent.mkdir(exist_ok=True)
        LABEL.write_text(yaml.safe_dump(asdict(tenant), sort_keys=False), "utf-8")
        yield tenant, access


@pytest.fixture(scope="session")
def tenant(reached):
    return reached[0]


@pytest.fixture(scope="session")
def config(reached):
    """The connectors' configuration."""
    return asdict(reached[1]) | {"default_sales_rep_id": reached[0].sales_rep}


@pytest.fixture(scope="session")
def ssm_config(config):
    return SsmConfig.model_validate(config)


@pytest.fixture(scope="session")
def scrubber(config):
    return Scrubber(config["public_key"], config["private_key"])


@pytest.fixture
def vcr_config(recording, scrubber):
    return {
        "match_on": ["method", "uri", "body"],
        "before_record_request": scrubber.request,
        # On replay the answers are scrubbed already.
        "before_record_response": scrubber.answer if recording else None,
        "decode_compressed_response": True,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@contextmanager
def _on_loopback() -> Iterator[tuple[Tenant, Access]]:
    with SsmApiServer(sample.tenant()) as api:
        account = min(row["id"] for row in api.store.rows("accounts") if not row["deleted"])
        access = Access(api.base_url, api.public_key, api.private_key)
        yield Tenant("stand-in", _now(), account, SALES_REP), access


@contextmanager
def _living() -> Iterator[tuple[Tenant, Access]]:
    given = os.environ
    access = Access(
        given.get("SSM_BASE_URL", "https://api.forcemanager.com/api/v4"),
        given["SSM_PUBLIC_KEY"],
        given["SSM_PRIVATE_KEY"],
        requests_per_second=4,
    )
    yield Tenant("live", _now(), int(given["SSM_ACCOUNT_ID"]), int(given["SSM_SALES_REP_ID"])), access
