"""Airbyte's own standard tests of `source-sage100`."""

import pytest
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase

from source_sage100.source import SourceSage100


@pytest.mark.usefixtures("places")
class TestSuite(SourceTestSuiteBase):
    connector = SourceSage100
