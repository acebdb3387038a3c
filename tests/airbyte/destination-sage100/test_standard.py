"""Airbyte's own standard tests of `destination-sage100`."""

import pytest
from airbyte_cdk.test.standard_tests import DestinationTestSuiteBase, SourceTestSuiteBase

from destination_sage100.destination import DestinationSage100


@pytest.mark.usefixtures("places")
class TestSuite(DestinationTestSuiteBase):
    connector = DestinationSage100
    test_spec = SourceTestSuiteBase.test_spec  # which the CDK asks of sources alone
