"""What the database refuses whatever the record stops the writing, and nothing is acknowledged; real drivers, both."""

import json
from dataclasses import replace

import pytest
from airbyte_cdk.models import AirbyteMessage, AirbyteRecordMessage, AirbyteStateMessage, AirbyteStateType, Type
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from destination_sage100.destination import DestinationSage100
from destination_sage100.writer import _SAME_ANSWERS
from sage100_ssm.exchange.receipt import Cause, Outcome
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.tables import F_CONTACTT
from sage100_ssm.standins.sql_server.errors import SqlError
from sage100_ssm.standins.sql_server.server import Fault
from tests.support.sage100_databases import ON_SERVERS, ON_SQLITE, only_here

CHEF = {"CT_Fonction": "Chef"}
NEW = {"CT_Num": "CARAT", "CT_Nom": "Blanc", "_create": True}
GONE = {"_ab_cdc_deleted_at": "2026-03-02T10:00:00Z"}
FULL = SqlError(9002, "The transaction log for database 'BIJOU' is full.", 17)
BY_NUMBER = {
    9002: (FULL, "database_full"),
    1105: (SqlError(1105, "Could not allocate space for object 'dbo.F_CONTACTT'.", 17), "database_full"),
    3906: (SqlError(3906, "Failed to update database because the database is read-only."), "database_read_only"),
    3908: (SqlError(3908, "Could not run BEGIN TRANSACTION in database."), "database_closed"),
    **{
        number: (SqlError(number, "Cannot be opened.", 14), "database_closed")
        for number in (921, 922, 924, 927, 942, 945, 976, 983)
    },
    1934: (
        SqlError(1934, "UPDATE failed because the following SET options have incorrect settings."),
        "database_refuses",
    ),
    49999: (SqlError(49999, "An error of a later version."), "database_refuses"),
}


@pytest.fixture
def order(sage, sql_server):
    """Orders faults of the server."""
    only_here(sage)
    return sql_server.order


@ON_SERVERS
@pytest.mark.parametrize("number", BY_NUMBER)
def test_the_native_number_decides_that_it_is_the_database(order, write, sage, number):
    error, code = BY_NUMBER[number]
    order(Fault("^UPDATE", error, times=50))
    receipts = []
    with pytest.raises(AirbyteTracedException) as caught:
        write({"cbMarq": 1, **CHEF}, {"cbMarq": 2, **CHEF}, sink=receipts)
    assert [(r.index, r.outcome, r.cause) for r in receipts] == [(0, Outcome.RETRY, Cause.REJECTED)]
    assert (caught.value.internal_message, caught.value.failure_type.value) == (code, "transient_error")
    assert error.message in receipts[0].detail
    assert sage.contact(1)["CT_Fonction"] is None


@ON_SERVERS
@pytest.mark.parametrize(
    "given", [{"cbMarq": 1, **CHEF}, {"cbMarq": 1, **GONE}, NEW], ids=["update", "delete", "create"]
)
def test_whatever_is_written_and_at_the_first_look_too(order, write, sage, given):
    for pattern in ("^(UPDATE|DELETE|INSERT)", "WITH .UPDLOCK"):
        order(Fault(pattern, FULL))
        receipts = []
        with pytest.raises(AirbyteTracedException, match="full"):
            write(given, sink=receipts)
        assert [(r.outcome, r.cause) for r in receipts] == [(Outcome.RETRY, Cause.REJECTED)]
    assert len(sage.contacts()) == 3


def record(data):
    return AirbyteMessage(type=Type.RECORD, record=AirbyteRecordMessage(stream="contacts", data=data, emitted_at=1))


def state():
    return AirbyteMessage(type=Type.STATE, state=AirbyteStateMessage(type=AirbyteStateType.LEGACY, data={}))


@ON_SERVERS
def test_no_state_of_a_pipeline_passes_a_full_log(order, sage, catalog):
    order(Fault("^UPDATE", FULL, times=50))
    messages = [record({"cbMarq": 1, **CHEF}), state(), record({"cbMarq": 2, **CHEF}), state()]
    returned = DestinationSage100().write(sage.config, catalog(), messages)
    with pytest.raises(AirbyteTracedException, match="full"):
        next(returned)


def alone(sage, catalog, records):
    """How many states come back of a destination that works alone, and why it fails."""
    states, failure = [], None
    messages = [*map(record, records), state()]
    try:
        states += DestinationSage100().write(sage.config, catalog(), messages)
    except AirbyteTracedException as error:
        failure = error
    return len(states), failure


REACH = {
    "disk full": ("^INSERT", SqlError(1105, "Could not allocate space.", 17), "database_full"),
    "read-only": ("^INSERT", BY_NUMBER[3906][0], "database_read_only"),
    "being restored": ("^LOGIN", SqlError(927, "It is in the middle of a restore.", 14), "database_closed"),
    "right taken away": ("^INSERT", SqlError(229, "The INSERT permission was denied.", 14), "right_missing"),
    "service stopped": ("^INSERT", None, "unreachable"),
}


@ON_SERVERS
@pytest.mark.parametrize("reach", REACH)
def test_alone_no_state_passes_what_no_record_can_help_and_the_sync_says_why(order, sage, catalog, caplog, reach):
    statement, error, code = REACH[reach]
    order(Fault(statement, error, times=99))
    people = [{**NEW, "CT_Nom": f"Blanc {n}"} for n in range(40)]
    states, failure = alone(sage, catalog, people)
    assert (states, failure.internal_message) == (0, code)
    assert failure.failure_type.value == ("config_error" if code.endswith("missing") else "transient_error")
    assert failure.message.count("\n") == 0
    assert '"receipt":"refused"' not in caplog.text


@ON_SERVERS
def test_alone_a_record_that_is_wrong_is_refused_before_the_disk_is_full_and_stays_its_own(
    order, sage, catalog, caplog
):
    order(Fault("^INSERT", FULL, times=99))
    wrong = {**NEW, "CT_Nom": "X" * 40}
    states, failure = alone(sage, catalog, [wrong, NEW, {**NEW, "CT_Nom": "Noir"}])
    assert (states, failure.internal_message) == (0, "database_full")
    (refused,) = [json.loads(line) for line in caplog.messages if '"receipt":"refused"' in line]
    assert (refused["record"], refused["cause"], refused["field"]) == (0, "too_long", "CT_Nom")
    assert refused["reason"] == "CT_Nom holds 35 characters, 40 were given"


@ON_SERVERS
def test_what_the_database_says_of_a_record_is_logged_by_its_number_without_the_values_that_it_quotes(
    order, sage, catalog, caplog
):
    words = "String or binary data would be truncated. Truncated value: 'Blanc'."
    order(Fault("^INSERT", SqlError(2628, words)))
    assert alone(sage, catalog, [NEW]) == (1, None)
    (refused,) = [json.loads(line) for line in caplog.messages if '"receipt":"refused"' in line]
    assert (refused["cause"], refused["reason"]) == ("too_long", "the database refuses it with its error 2628")
    assert "Blanc" not in caplog.text


@ON_SQLITE
@pytest.mark.parametrize("applied", [0, 1], ids=["nothing was written", "something was written"])
def test_what_a_trigger_says_to_every_record_is_the_sides_unless_one_was_written(sage, write, applied):
    many = [{"CT_Num": "CARAT", "CT_Nom": f"Blanc {n}", "_create": True} for n in range(2 * _SAME_ANSWERS)]
    sage.run("CREATE TRIGGER ZZ_INS BEFORE INSERT ON F_CONTACTT BEGIN SELECT RAISE(ABORT, 'closed for work'); END")
    records = [{"cbMarq": 1, **CHEF}][:applied] + many
    if applied:
        receipts = write(*records)
        assert [r.outcome for r in receipts] == [Outcome.APPLIED] + [Outcome.REFUSED] * len(many)
        return
    receipts = []
    with pytest.raises(AirbyteTracedException, match="closed for work"):
        write(*records, sink=receipts)
    assert [r.outcome for r in receipts] == [Outcome.REFUSED] * (_SAME_ANSWERS - 1) + [Outcome.RETRY]


@ON_SERVERS
@pytest.mark.parametrize(
    ("fault", "is_written"),
    [
        (Fault("^COMMIT", SqlError(9002, "The log is full.", 17, undoes_transaction=True)), False),
        (Fault("^COMMIT"), False),
        (Fault("^COMMIT", after=True), True),
    ],
    ids=["refused", "it did not arrive", "its answer was lost"],
)
def test_a_commit_that_fails_leaves_the_record_uncertain(order, sage, write, fault, is_written):
    steps = [lambda: None, lambda: order(replace(fault))]  # before the UPDATE, and before the COMMIT

    def before_write():
        steps.pop(0)()

    config, receipts = Sage100Config.model_validate(sage.config), []
    with (
        open_database(config, before_write) as database,
        pytest.raises(AirbyteTracedException) as caught,
    ):
        write({"cbMarq": 1, **CHEF}, {"cbMarq": 2, **CHEF}, sink=receipts, database=database)
    assert [(r.index, r.outcome, r.cause) for r in receipts] == [(0, Outcome.UNCERTAIN, Cause.CONNECTION)]
    assert caught.value.internal_message == "unreachable"
    assert (sage.contact(1)["CT_Fonction"] == "Chef") is is_written


@ON_SQLITE
def test_a_column_without_values_is_warned_of_before_the_first_write(sage, catalog, caplog):
    sage.edit_all(F_CONTACTT, CT_Telecopie="1", CT_Civilite=1)
    fields = ("cbMarq", "CT_Num", "CT_Nom", "CT_Prenom", "CT_Telecopie", "CT_Civilite", "CT_Fonction", "CT_Telephone")
    by_number = [record({"cbMarq": n, "CT_Telephone": str(n)}) for n in (1, 2)]
    by_name = record({"CT_Num": "FOURNI", "CT_Nom": "Moreau", "CT_Prenom": "Luc"})
    of_nobody = record({"cbMarq": 99})
    list(DestinationSage100().write(sage.config, catalog(fields=fields), [*by_number, by_name, of_nobody, state()]))
    assert len(sage.contacts()) == 3
    warned = next(n for n, line in enumerate(caplog.messages) if line.startswith("Empty in all"))
    assert "first 4 records of contacts" in caplog.messages[warned]
    assert "cleared here: CT_Civilite (3 values), CT_Telecopie (3 values)." in caplog.messages[warned]
    assert not [line for line in caplog.messages[:warned] if "receipt" in line]


@ON_SQLITE
def test_a_column_without_values_is_noticed_where_a_state_follows_each_record(sage, catalog, caplog):
    sage.edit_all(F_CONTACTT, CT_Telecopie="1")
    messages = [message for n in (1, 2, 3) for message in (record({"cbMarq": n}), state())]
    list(DestinationSage100().write(sage.config, catalog(fields=("cbMarq", "CT_Telecopie")), messages))
    assert [line for line in caplog.messages if "first 2 records of contacts" in line]
