"""Airbyte's own standard tests of the connectors."""

from pathlib import Path

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase
from airbyte_cdk.test.standard_tests.pytest_hooks import pytest_generate_tests  # noqa: F401 - a hook for this module
from airbyte_cdk.test.standard_tests.util import create_connector_test_suite


def suite(name):
    return create_connector_test_suite(connector_directory=Path(__file__).parent / name)


class TestSourceSage100(suite("source-sage100")):
    pass


class TestSourceSsm(suite("source-ssm")):
    pass


class TestSourceContactSync(suite("source-contact-sync")):
    pass


class TestDestinationSage100(suite("destination-sage100")):
    test_spec = SourceTestSuiteBase.test_spec  # which the CDK asks of sources alone


class TestDestinationSsm(suite("destination-ssm")):
    test_spec = SourceTestSuiteBase.test_spec  # which the CDK asks of sources alone
