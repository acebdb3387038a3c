"""A connector's check answers FAILED in one sentence, whatever statement the server fails at, and why."""

import logging
import re

import pytest
from airbyte_cdk.models import Status
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_sage100.destination import DestinationSage100
from sage100_ssm.messages import say
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.errors import SageError
from sage100_ssm.standins.sql_server.errors import SqlError
from sage100_ssm.standins.sql_server.server import Fault
from source_sage100.source import SourceSage100
from tests.support.sage100_databases import ON_SERVERS, only_here

UNKNOWN = SqlError(49999, "In the words of a later version.", 16)
FAILURES = {"unknown": UNKNOWN, "cut": None}
CONNECTORS = pytest.mark.parametrize("connector", [SourceSage100, DestinationSage100])


def status_of(connector, config):
    """The status as Airbyte shows it: the CDK makes one of an error of configuration, and a trace of any other."""
    try:
        return connector().check(logging.getLogger(), config)
    except AirbyteTracedException as error:
        message = error.as_connection_status_message()
        if message is None:
            raise  # a trace
        return message.connectionStatus


@ON_SERVERS
@CONNECTORS
@pytest.mark.parametrize("failure", FAILURES)
def test_check_never_ends_in_a_trace(sage, sql_server, connector, failure):
    only_here(sage)
    server = sql_server.server
    server.statements.clear()
    assert status_of(connector, sage.config).status is Status.SUCCEEDED
    statements = dict.fromkeys(server.statements)
    for statement in ["LOGIN", *statements]:
        server.faults[:] = [Fault(f"^{re.escape(statement)}$", FAILURES[failure], times=100)]
        status = status_of(connector, sage.config)
        server.faults.clear()
        # What not every server knows is done without.
        assert status.message or status.status is Status.SUCCEEDED


@ON_SERVERS
@CONNECTORS
def test_a_refusal_at_opening_of_an_unknown_number_is_told_in_the_servers_words(sage, sql_server, connector):
    only_here(sage)
    sql_server.order(Fault("^LOGIN$", UNKNOWN, times=100))
    status = status_of(connector, sage.config)
    assert status.status is Status.FAILED
    assert "later version" in status.message
    assert "administrator" in status.message


@ON_SERVERS
@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(
    ("number", "code"),
    [(49999, "database_refuses"), (17892, "database_refuses"), (18470, "login_refused"), (927, "database_closed")],
)
def test_each_refusal_at_opening_has_a_sentence_with_a_remedy(sage, sql_server, language, number, code):
    only_here(sage)
    sql_server.order(Fault("^LOGIN$", SqlError(number, "In the words of the server.", 14), times=100))
    with pytest.raises(SageError) as caught:
        open_database(Sage100Config.model_validate(sage.config))
    assert caught.value.code == code
    assert len(say(code, language, side="sage100", text=str(caught.value))) > 40
