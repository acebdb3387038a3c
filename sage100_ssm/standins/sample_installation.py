"""The sample company ready to use: its database, its SSM API, the settings that name both, and people at work."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from sage100_ssm.standins import sample
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.standins.people import SageUser, SsmUser
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Clock, system_clock
from sage100_ssm.standins.ssm_api.tenant import BRANCH, SALES_REP

DATABASE = "bijou.db"
SETTINGS = "sync.yaml"


@dataclass(frozen=True, slots=True)
class SampleInstallation:
    """The sample company, its SSM API being open.

    Attributes:
        settings: the settings file, for ``sage100-ssm --config``.
        database: the company database.
        api: the SSM API.
        sage: a user of Sage.
        ssm: a user of SSM.
    """

    settings: Path
    database: Path
    api: SsmApiServer
    sage: SageUser
    ssm: SsmUser


@contextmanager
def sample_installation(
    directory: Path,
    *,
    port: int = 0,
    language: str = "fr",
    quirks: Quirks | None = None,
    clock: Clock = system_clock,
) -> Iterator[SampleInstallation]:
    """Write the sample database and settings, and answer as SSM while the context is open.

    Args:
        directory: where the files go; created if it does not exist.
        port: the port of the API; 0 takes a free one.
        language: the language of the settings.
        quirks: how SSM behaves.
        clock: the time on both sides.

    Raises:
        FileExistsError: the directory contains a sample database already.
    """
    directory.mkdir(parents=True, exist_ok=True)
    database, settings = directory / DATABASE, directory / SETTINGS
    create_company_database(database)
    with SsmApiServer(sample.tenant(quirks, clock=clock), port=port) as api:
        settings.write_text(_settings(api, language), "utf-8")
        yield SampleInstallation(settings, database, api, SageUser(database, clock=clock), SsmUser(api))


def _settings(api: SsmApiServer, language: str) -> str:
    tree = {
        "sage100": {"company": sample.COMPANY, "connection": {"kind": "sqlite", "path": DATABASE}},
        "ssm": {
            "base_url": api.base_url,
            "public_key": api.public_key,
            "private_key": api.private_key,
            "requests_per_second": 500,
            "default_sales_rep_id": SALES_REP,
            "default_branch_id": BRANCH,
        },
        "state": "sqlite:///sync-state.db",
        "language": language,
    }
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
