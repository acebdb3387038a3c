"""Airbyte's own standard tests of `source-ssm`."""

import pytest
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase

from source_ssm.source import SourceSsm


@pytest.mark.usefixtures("places")
class TestSuite(SourceTestSuiteBase):
    connector = SourceSsm
