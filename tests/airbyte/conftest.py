"""Where the four connectors work in these tests: the sample company's database, and the SSM API on loopback."""

from string import Template

import pytest
import yaml
from airbyte_cdk.test.models import ConnectorTestScenario
from airbyte_cdk.test.standard_tests.pytest_hooks import pytest_generate_tests  # noqa: F401 - a hook for pytest

from sandbox import sample
from sandbox.company import create_company_database
from sandbox.ssm_api import SsmSandbox


def pytest_collection_modifyitems(config, items):
    """Leave out those of Airbyte's tests that build an image and run it: they need a Docker engine."""
    images = [item for item in items if item.get_closest_marker("image_tests")]
    if images:
        config.hook.pytest_deselected(items=images)
        items[:] = [item for item in items if item not in images]


@pytest.fixture(scope="session")
def api():
    """The sample tenant; for those who only read."""
    with SsmSandbox(sample.tenant(), public_key="the-public-key-of-it", private_key="the-private-key-of-it") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """The sample company's database; for those who only read."""
    path = tmp_path_factory.mktemp("company") / "bijou.db"
    create_company_database(path)
    return path


@pytest.fixture
def places(monkeypatch, api, database):
    """Let `${NAME}` in the standard tests' configurations stand for where the database and the API are."""
    names = {
        "SAGE100_DATABASE": str(database),
        "SSM_BASE_URL": api.base_url,
        "SSM_PUBLIC_KEY": api.public_key,
        "SSM_PRIVATE_KEY": api.private_key,
    }

    def filled(scenario, *, connector_root, empty_if_missing):
        if scenario.config_path is None:
            return {}
        text = (connector_root / scenario.config_path).read_text("utf-8")
        return yaml.safe_load(Template(text).substitute(names))

    monkeypatch.setattr(ConnectorTestScenario, "get_config_dict", filled)
