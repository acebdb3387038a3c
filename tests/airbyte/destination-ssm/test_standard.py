"""Airbyte's own standard tests of `destination-ssm`."""

import pytest
from airbyte_cdk.test.standard_tests import DestinationTestSuiteBase, SourceTestSuiteBase

from destination_ssm.destination import DestinationSsm


@pytest.mark.usefixtures("places")
class TestSuite(DestinationTestSuiteBase):
    connector = DestinationSsm
    test_spec = SourceTestSuiteBase.test_spec  # which the CDK asks of sources alone
