"""The address of a state in PostgreSQL: no part of its password is shown, however it is written."""

import pytest
from sqlalchemy.exc import ArgumentError

from sage100_ssm.app.contact_sync.form import ContactSyncConfig
from sage100_ssm.app.settings import Settings
from sage100_ssm.connectors.errors import ConnectorError, parse_configuration
from sage100_ssm.sync.state.address import AtInPasswordError, parse_address
from sage100_ssm.sync.state.errors import StateUnavailable
from sage100_ssm.sync.state.store import StateStore

SIDES = {
    "company": "BIJOU",
    "connection": {"kind": "sqlite", "path": "bijou.db"},
    "public_key": "public",
    "private_key": "private",
    "default_sales_rep_id": 1,
}
WITH_AT = [
    "postgresql+psycopg://u:p@s3cret@127.0.0.1:1/d",
    "postgresql+psycopg://u:p@s3cret:5@127.0.0.1:1/d",
    "postgresql+psycopg://u:p/x@s3cret@127.0.0.1:1/d",
]


@pytest.mark.parametrize("address", WITH_AT)
def test_at_in_password_is_refused_with_its_remedy_and_without_the_password(address):
    with pytest.raises(AtInPasswordError):
        parse_address(address)
    with pytest.raises(StateUnavailable, match="%40") as of_state:
        StateStore.open(address, read_only=True)
    with pytest.raises(ConnectorError, match="%40") as of_form:
        parse_configuration(ContactSyncConfig, SIDES | {"state": address})
    with pytest.raises(ValueError, match="%40") as of_settings:
        Settings.model_validate({"state": address})
    assert "s3cret" not in f"{of_state.value}{of_form.value.message}"
    state = next(error for error in of_settings.value.errors() if error["loc"] == ("state",))
    assert "s3cret" not in state["msg"]


def test_at_in_password_written_as_escape_is_taken():
    assert parse_address("postgresql+psycopg://u:p%40s3cret@h/d").password == "p@s3cret"


def test_wrong_port_is_no_address_and_is_not_quoted():
    with pytest.raises(ArgumentError) as error:
        parse_address("postgresql://u:p@h:s3cret/d")
    assert "s3cret" not in str(error.value)


def test_password_among_the_options_is_not_shown():
    with pytest.raises(StateUnavailable) as error:
        StateStore.open("postgresql+psycopg://127.0.0.1:1/d?user=u&password=s3cret", read_only=True)
    assert "s3cret" not in f"{error.value}"


def test_an_option_that_the_server_does_not_know_is_named_in_the_sentence():
    with pytest.raises(StateUnavailable, match="bogus"):
        StateStore.open("postgresql+psycopg://127.0.0.1:1/d?bogus=1", read_only=True)
