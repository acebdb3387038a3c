"""The configuration of the Sage 100 connectors, after docs/contract.md."""

import pytest
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets
from pydantic import ValidationError

from sage100_ssm.connectors.spec import connection_specification, invalid_fields
from sage100_ssm.sage100.config import Odbc, Sage100Config, Sqlite, SqlServer

SERVER = {"kind": "sqlserver", "host": "SRV-SAGE", "database": "BIJOU"}
LOGIN = SERVER | {"port": 1433, "username": "sync", "password": "p4ss;word}"}
STRING = {"kind": "odbc", "connection_string": "DSN=BIJOU;UID=sync;PWD=p4ss"}
FILE = {"kind": "sqlite", "path": "bijou.db"}


def config(connection, **others):
    return Sage100Config.model_validate({"company": "BIJOU", "connection": connection} | others)


@pytest.mark.parametrize(
    ("connection", "kind"),
    [
        (SERVER, SqlServer),
        (LOGIN, SqlServer),
        (SERVER | {"instance": "SAGE100"}, SqlServer),
        (STRING, Odbc),
        (FILE, Sqlite),
    ],
)
def test_each_kind_of_connection_is_taken(connection, kind):
    assert isinstance(config(connection).connection, kind)


def test_a_sql_server_is_encrypted_and_its_certificate_checked_unless_said_otherwise():
    server = config(SERVER).connection
    assert (server.driver, server.encrypt, server.trust_server_certificate) == (
        "ODBC Driver 18 for SQL Server",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"connection": SERVER | {"port": 1433, "instance": "SAGE100"}}, "a port or an instance"),
        ({"connection": SERVER | {"port": 0}}, "connection.port"),
        ({"connection": SERVER | {"host": "SRV\\SAGE100"}}, "connection.host: must be of this form: SRV-SAGE, without"),
        ({"connection": SERVER | {"host": "SRV:1433"}}, "connection.host: must be of this form: SRV-SAGE, without"),
        ({"connection": SERVER | {"host": "tcp:SRV"}}, "connection.host: must be of this form: SRV-SAGE, without"),
        ({"connection": {"kind": "oracle"}}, "connection: must be of one of the kinds sqlserver, odbc, sqlite"),
        ({"connection": FILE, "time_zone": "Europe/Nowhere"}, "time_zone: no such time zone"),
        ({"connection": FILE, "time_zone": "Europe"}, "time_zone: no such time zone"),
        ({"connection": FILE, "time_zone": "../../etc/passwd"}, "time_zone: no such time zone"),
        ({"connection": FILE, "company": "A:B"}, "company"),
        ({"connection": FILE, "company": ""}, "company"),
    ],
)
def test_what_cannot_work_is_told_by_the_name_of_the_field(settings, told):
    with pytest.raises(ValidationError) as caught:
        Sage100Config.model_validate({"company": "BIJOU"} | settings)
    assert told in invalid_fields(caught.value, connection_specification(Sage100Config))


@pytest.mark.parametrize("connection", [LOGIN, STRING])
def test_secrets_show_neither_in_repr_nor_in_an_error(connection):
    assert "p4ss" not in repr(config(connection))
    with pytest.raises(ValidationError) as caught:
        config(connection, time_zone="Europe/Nowhere")
    assert "p4ss" not in str(caught.value)


def test_the_cdk_masks_the_password_and_the_connection_string():
    spec = connection_specification(Sage100Config)
    assert get_secrets(spec, {"company": "BIJOU", "connection": LOGIN}) == ["p4ss;word}"]
    assert get_secrets(spec, {"company": "BIJOU", "connection": STRING}) == ["DSN=BIJOU;UID=sync;PWD=p4ss"]
