"""Where the connectors work in Airbyte's standard tests: the sample company's database, and the SSM API on loopback.

For `airbyte-cdk connector test` in a connector's folder, for `airbyte-cdk image test`, and for this repository's tests.
"""

from string import Template

import pytest
import yaml

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
from airbyte_cdk.test.models import ConnectorTestScenario

from sage100_ssm.standins import sample
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from tests.support import postgresql

COMMANDS = {
    "test_config_matches_spec": "spec",
    "test_check": "check",
    "test_discover": "discover",
    "test_basic_read": "read",
    "test_fail_read_with_bad_catalog": "read",
    "test_docker_image_build_and_config_matches_spec": "spec",
}
"""What each of the standard tests runs. The CDK would run them all with each configuration, and skip."""

OF_AN_IMAGE = {"test_docker_image_build_and_spec", "test_docker_image_build_and_config_matches_spec"}
"""The tests of an image that reach no side: from a container, the sides on loopback cannot be reached."""


def pytest_collection_modifyitems(config, items):
    """Leave out the standard tests that cannot be run here, and those that a configuration is not meant for."""
    has_image = config.getoption("--connector-image", default=None) is not None
    left_out = [item for item in items if not (_can_run(item, has_image=has_image) and _is_meant(item))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _can_run(item, *, has_image):
    """Whether a test needs no image, or there is one and it can be tested alone."""
    return not item.get_closest_marker("image_tests") or (has_image and item.originalname in OF_AN_IMAGE)


def _is_meant(item):
    """Whether `acceptance-test-config.yml` lists the configuration for what the test does."""
    scenario = item.callspec.params.get("scenario") if hasattr(item, "callspec") else None
    return not isinstance(scenario, ConnectorTestScenario) or scenario.runs(COMMANDS[item.originalname])


@pytest.fixture(scope="session")
def api():
    """The sample tenant; for those who only read."""
    with SsmApiServer(sample.tenant(), public_key="the-public-key-of-it", private_key="the-private-key-of-it") as api:
        yield api


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """The sample company's database; for those who only read."""
    path = tmp_path_factory.mktemp("company") / "bijou.db"
    create_company_database(path)
    return path


@pytest.fixture(scope="session")
def own_api():
    """A tenant of its own for the connector whose read writes."""
    with SsmApiServer(sample.tenant(), public_key="the-public-key-of-it", private_key="the-private-key-of-it") as api:
        yield api


@pytest.fixture(scope="session")
def own_database(tmp_path_factory):
    """A company database of its own for the same."""
    path = tmp_path_factory.mktemp("own") / "bijou.db"
    create_company_database(path)
    return path


@pytest.fixture(scope="session")
def state():
    """The state of the same; its tests are skipped where there is no PostgreSQL."""
    with postgresql.running() as server, postgresql.new_database(server) as url:
        yield url


class _Places(dict):
    """Where everything is, by `${NAME}`; what no configuration names is not opened."""

    def __init__(self, request):
        super().__init__()
        self._request = request

    def __missing__(self, name):
        owner = "own_" if name.startswith("OWN_") else ""
        match name.removeprefix("OWN_"):
            case "STATE":
                return self._request.getfixturevalue("state")
            case "SAGE100_DATABASE":
                return str(self._request.getfixturevalue(f"{owner}database"))
            case of_ssm:
                api = self._request.getfixturevalue(f"{owner}api")
                return getattr(api, of_ssm.removeprefix("SSM_").lower())


@pytest.fixture(autouse=True)
def places(monkeypatch, request):
    """Let `${NAME}` in the standard tests' configurations stand for where the database and the API are."""
    names = _Places(request)

    def filled(scenario, *, connector_root, empty_if_missing):
        if scenario.config_path is None:
            return {}
        text = (connector_root / scenario.config_path).read_text("utf-8")
        return yaml.safe_load(Template(text).substitute(names))

    monkeypatch.setattr(ConnectorTestScenario, "get_config_dict", filled)
