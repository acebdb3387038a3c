"""Which secrets log lines show as asterisks, where several companies are at work in one process."""

from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from sage100_ssm.connectors.in_process import masked_secrets
from sage100_ssm.ssm.config import SsmConfig


def keys_of(company):
    return SsmConfig(public_key=f"public-{company}", private_key=f"private-{company}")


def test_the_secrets_of_all_companies_at_work_are_masked():
    with masked_secrets(keys_of("bijou")), masked_secrets(keys_of("carat")):
        assert filter_secrets("private-bijou public-carat") == "**** ****"


def test_one_that_has_ended_takes_nothing_from_the_others():
    with masked_secrets(keys_of("bijou")):
        with masked_secrets(keys_of("carat")):
            pass
        with masked_secrets(keys_of("dague")):
            assert filter_secrets("private-bijou private-dague") == "**** ****"


def test_what_is_over_is_forgotten_once_another_begins():
    with masked_secrets(keys_of("bijou")):
        pass
    assert filter_secrets("private-bijou") == "****"
    with masked_secrets(keys_of("carat")):
        assert filter_secrets("private-bijou") == "private-bijou"
