"""What both destinations do alike: the catalog, the order of receipts and STATE, records that are no records."""

from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from airbyte_cdk.models import DestinationSyncMode, FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from sage100_ssm.connectors.request import MalformedRecord, write_request
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.exchange.record import DELETED_AT
from tests.support.airbyte_messages import Destination, catalog, record, state

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


class Shelf:
    """A writer that keeps what it is given, three records at a time."""

    id_field, batch_size = "id", 3

    def __init__(self, log):
        self._log = log

    def write(self, requests):
        for request in requests:
            self._log.append(request.values)
            yield Receipt(request.index, request.stream, request.action or Action.CREATE, Outcome.APPLIED, wrote=True)


class Shelves(Destination):
    def __init__(self, log):
        super().__init__(log.append)
        self._log = log

    @contextmanager
    def writers(self, config):
        yield {"contacts": Shelf(self._log)}


def written(messages, configured=None, config=None):
    """What was written, reported and given back, in the order in which it happened."""
    log = []
    for message in Shelves(log).write(config or {}, configured or catalog("contacts"), messages):
        log.append(message.state.stream.stream_state.__dict__)  # noqa: PERF401 - the writer appends to it, too
    return log


def outcomes(log):
    return [entry.outcome for entry in log if isinstance(entry, Receipt)]


@pytest.mark.parametrize(
    ("configured", "named"),
    [
        (catalog("contacts", "invoices"), "invoices"),
        (catalog("contacts", mode=DestinationSyncMode.overwrite), "append_dedup"),
        (catalog("contacts", mode=DestinationSyncMode.update), "append_dedup"),
    ],
    ids=["stream that it does not take", "overwrite", "a mode of a later protocol"],
)
def test_what_the_destination_does_not_offer_is_refused_before_anything_is_written(configured, named):
    with pytest.raises(AirbyteTracedException) as caught:
        written([record(name="a")], configured)
    assert (caught.value.failure_type, named in caught.value.message) == (FailureType.config_error, True)


def test_state_is_given_back_after_all_that_came_before_it_is_written():
    log = written([record(name="a"), record(name="b"), state(at=1), record(name="c"), state(at=2)])
    assert [entry for entry in log if not isinstance(entry, Receipt)] == [
        {"name": "a"},
        {"name": "b"},
        {"at": 1},
        {"name": "c"},
        {"at": 2},
    ]


def test_a_declared_field_that_the_wire_dropped_counts_as_null_and_set_narrows():
    assert written([record(id=4)])[0] == {"name": None}
    assert written([record(id=4, _set=[])])[0] == {}


@pytest.mark.parametrize("text", ['["NAME"]', ' ["name"]\n'])
def test_set_may_be_json_text_as_a_database_s_json_column_has_it(text):
    assert written([record(id=4, name="a", other="b", _set=text)])[0] == {"name": "a"}


@pytest.mark.parametrize("nothing", ["", "  ", "null"])
def test_an_instruction_that_is_an_empty_text_is_none(nothing):
    declared = {"declared": ["id", "name"], "id_field": "id", "rename": {}}
    request = write_request(0, "contacts", {"id": 4, "name": "a", "_set": nothing, "_expected": nothing}, **declared)
    assert (request.values, request.expected) == ({"name": "a"}, None)


def test_expected_may_be_json_text_with_the_sender_s_names_and_values():
    request = write_request(
        0, "contacts", {"id": 4, "kind": "0", "_expected": '{"KIND": "0", "birth": null}'},
        id_field="id", declared=["kind", "birth"], rename={"kind": "status"}, values={"kind": {"0": 1}},
    )  # fmt: skip
    assert request.expected == {"status": 1, "birth": None}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("_set", "name"), ("_set", '"name"'), ("_set", '{"name": 1}'), ("_set", '["name"'), ("_set", '["\\ud800"]'),
        ("_expected", "[1]"), ("_expected", "7"), ("_expected", '{"name": NaN}'), ("_expected", "[" * 5000),
        ("_expected", '{"name": ' + "[" * 900 + "]" * 900 + "}"),
    ],
)  # fmt: skip
def test_an_instruction_that_is_neither_is_refused_under_its_name(field, text):
    (receipt,) = written([record(id=4, name="a", **{field: text})])
    assert (receipt.cause, receipt.field) == (Cause.MALFORMED, field)
    assert receipt.detail.endswith("or JSON text of one")


def test_whose_ids_a_record_bears_is_no_field_of_it():
    declared = catalog("contacts", fields=("id", "name", "_company"))
    assert written([record(id=4, name="a", _company="BIJOU")], declared)[0] == {"name": "a"}


def test_a_record_that_is_none_is_reported_and_stops_nothing():
    broken = [record(_set="name"), record(_expected=[1]), record(id="x"), record(stream="other", name="a")]
    log = written([*broken, record(name="b")])
    assert outcomes(log) == [Outcome.REFUSED] * 4 + [Outcome.APPLIED]
    assert {entry.cause for entry in log if isinstance(entry, Receipt)} == {Cause.MALFORMED, None}


def test_a_sender_s_own_names_are_led_to_the_side_s():
    config = {"rename": {"contacts": {"prenom": "name"}}}
    assert written([record(prenom="Ada")], catalog("contacts", fields=("prenom",)), config)[0] == {"name": "Ada"}


def test_a_sender_s_stream_goes_to_the_side_s_and_is_reported_under_its_own_name():
    config = {"streams": {"people": "contacts"}, "rename": {"people": {"prenom": "name"}}}
    log = written([record("people", prenom="Ada")], catalog("people", fields=("prenom",)), config)
    assert log[0] == {"name": "Ada"}
    assert log[1].stream == "people"


@pytest.mark.parametrize(
    ("value", "stands_for"), [(0, 1), ("0", 1), (None, 9), (True, 2), ("Été", 3)], ids=["0", "'0'", "null", "true", "é"]
)
def test_a_value_is_put_as_the_side_has_it(value, stands_for):
    config = {"values": {"contacts": {"kind": {"0": 1, "true": 2, "Été": 3, "": 9}}}, "rename": RENAMED}
    assert written([record(kind=value)], catalog("contacts", fields=("kind",)), config)[0] == {"status": stands_for}


def test_a_value_that_stands_for_nothing_is_refused_under_its_field_s_name():
    config = {"values": {"contacts": {"kind": {"0": 1}}}, "rename": RENAMED}
    (receipt,) = written([record(kind=7)], catalog("contacts", fields=("kind",)), config)
    assert (receipt.outcome, receipt.cause, receipt.field) == (Outcome.REFUSED, Cause.MALFORMED, "kind")


def test_a_deletion_needs_no_value_for_the_fields_that_it_lacks():
    config = {"values": {"contacts": {"kind": {"0": 1}}}, "rename": RENAMED}
    log = written([record(id=4, _ab_cdc_deleted_at="2026-03-02")], catalog("contacts", fields=("kind",)), config)
    assert outcomes(log) == [Outcome.APPLIED]


RENAMED = {"contacts": {"kind": "status"}}


def test_records_of_several_streams_that_take_turns_are_still_written_in_full_batches():
    batches = []

    class Counting(Shelf):
        def write(self, requests):
            batches.append([request.index for request in requests])
            return super().write(requests)

    class Two(Shelves):
        @contextmanager
        def writers(self, config):
            yield {"contacts": Counting([]), "accounts": Counting([])}

    messages = [record(("contacts", "accounts")[number % 2], name="a") for number in range(6)]
    list(Two([]).write({}, catalog("contacts", "accounts"), messages))
    assert batches == [[0, 2, 4], [1, 3, 5]]


def test_a_field_that_the_settings_name_and_the_catalog_does_not_is_told(caplog):
    config = {"rename": {"contacts": {"Prenom": "name", "id": "id"}}, "values": {"contacts": {"Kind": {}}}}
    written([], catalog("contacts", fields=("id", "prenom")), config)
    (warning,) = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert warning == "The settings name fields that contacts does not have: Kind, Prenom."


def test_a_stream_that_the_settings_name_and_the_catalog_does_not_is_told(caplog):
    config = {"streams": {"people": "contacts"}, "rename": {"contact": {}, "contacts": {}}, "values": {"Contacts": {}}}
    written([], None, config)
    (warning,) = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert warning == "The settings name streams that the catalog does not have: Contacts, contact, people."


def test_a_record_whose_names_are_in_another_case_than_the_catalog_s_clears_nothing():
    declared = catalog("contacts", fields=("id", "firstName", "Email"))
    assert written([record(id=4, firstname="Ada", email="a@or.example")], declared)[0] == {
        "firstName": "Ada",
        "Email": "a@or.example",
    }


@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_instructions_are_understood_in_whatever_case_a_database_keeps_names(case):
    """A deletion that is not understood would clear the row instead."""

    def asked(**data):
        named = {case(name): value for name, value in data.items()}
        return write_request(0, "contacts", named, id_field="id", declared=("id", "Email"), rename={})

    assert asked(id=4, _ab_cdc_deleted_at="2026-11-24").action is Action.DELETE
    assert asked(email="a@or.example", _create=True).action is Action.CREATE
    narrowed = asked(id=4, email="new@or.example", _set=[case("email")], _expected={case("email"): "a@or.example"})
    assert (narrowed.values, narrowed.expected) == ({"Email": "new@or.example"}, {"Email": "a@or.example"})
    assert asked(id=4, _company="BIJOU").company == "BIJOU"


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_is_deleted_without_a_moment_of_deletion(nothing):
    request = write_request(0, "contacts", {"id": 4, DELETED_AT: nothing}, id_field="id", declared=(), rename={})
    assert request.action is Action.UPDATE


@pytest.mark.parametrize(
    "moment",
    ["2026-11-24", "2026-11-24T10:00:00Z", "2026-11-24 10:00:00+00", "2026-11-24T10:00:00.0000000+01:00", "20261124"],
)
def test_a_moment_deletes_in_whatever_form_of_iso_8601(moment):
    request = write_request(0, "contacts", {"id": 4, DELETED_AT: moment}, id_field="id", declared=(), rename={})
    assert request.action is Action.DELETE


@pytest.mark.parametrize(
    "marker",
    ["false", "0", "no", "NaT", "None", "null", " ", "true", "yes", "deleted", False, True, 0, 1, 1732406400, [], {},
     "0001-01-01T00:00:00Z", "1899-12-30", "1900-01-01", "1970-01-01T00:00:00Z", "9999-12-31", "2099-12-31T00:00:00Z"],
)  # fmt: skip
def test_what_is_no_moment_of_deletion_deletes_nobody_and_is_refused_by_its_name(marker):
    (receipt,) = written([record(id=4, _ab_cdc_deleted_at=marker)])
    assert (receipt.outcome, receipt.cause, receipt.field) == (Outcome.REFUSED, Cause.MALFORMED, DELETED_AT)
    assert receipt.action is (Action.DELETE if marker else Action.UPDATE)


@pytest.mark.parametrize(
    ("value", "creates"),
    [(True, True), (1, True), ("True", True), ("1", True), ("false", False), ("0", False), (0, False), ("", False),
     (None, False)],
)  # fmt: skip
def test_a_creation_is_asked_for_by_yes_alone(value, creates):
    request = write_request(0, "contacts", {"_create": value}, id_field="id", declared=(), rename={})
    assert (request.action is Action.CREATE) is creates


@pytest.mark.parametrize("value", ["maybe", 2, [], {}, "NaT"])
def test_a_creation_that_is_neither_asked_for_nor_not_is_refused(value):
    (receipt,) = written([record(name="a", _create=value)])
    assert (receipt.outcome, receipt.field) == (Outcome.REFUSED, "_create")


@pytest.mark.parametrize(("company", "read"), [(2024, "2024"), (True, "True"), ("BIJOU", "BIJOU"), (None, None)])
def test_whose_ids_a_record_bears_is_told_by_whatever_stands_there(company, read):
    request = write_request(0, "contacts", {"id": 4, "_company": company}, id_field="id", declared=(), rename={})
    assert request.company == read


@pytest.mark.parametrize("marker", ["2079-06-06T23:59:00", "2026-11-27T10:00:01Z", "2027-12-31"])
def test_a_moment_to_come_deletes_nobody_today_except_by_a_sender_that_is_sure(marker):
    data = {"id": 4, DELETED_AT: marker}
    with pytest.raises(MalformedRecord, match="to come"):
        write_request(0, "contacts", data, id_field="id", declared=(), rename={}, now=NOW)
    assert write_request(0, "contacts", data, id_field="id", declared=(), rename={}).action is Action.DELETE


def test_a_clock_that_is_an_hour_ahead_deletes():
    data = {"id": 4, DELETED_AT: "2026-11-26T11:00:00Z"}
    request = write_request(0, "contacts", data, id_field="id", declared=(), rename={}, now=NOW)
    assert request.action is Action.DELETE


@pytest.mark.parametrize("number", [2**70, str(2**70), 1e30, 10**400, "9" * 5_000])
def test_a_key_that_no_row_can_bear_is_refused_and_the_next_record_goes_on(number):
    log = written([record(id=number), record(id=number, _ab_cdc_deleted_at="2026-11-24"), record(id=4)])
    assert outcomes(log) == [Outcome.REFUSED, Outcome.REFUSED, Outcome.APPLIED]


def test_set_that_names_no_field_of_the_record_or_its_catalog_is_refused_and_clears_nothing():
    log = written([record(id=4, name="a", _set=["naem"])], catalog("contacts", fields=("id", "name")))
    assert [(entry.outcome, entry.field) for entry in log] == [(Outcome.REFUSED, "_set")]


def test_a_field_that_is_renamed_counts_where_the_sender_has_one_of_that_name_too():
    rename = {"people": {"key_there": "id", "full": "name"}}
    of_people = catalog("people", fields=("id", "key_there", "full", "name"))
    given = {"id": 7, "key_there": 4, "full": "Durand", "name": "D."}
    log = written([record("people", **given)], of_people, {"streams": {"people": "contacts"}, "rename": rename})
    assert log[0] == {"name": "Durand"}
    request = write_request(0, "people", given, id_field="id", declared=[*given], rename=rename["people"])
    assert request.id == 4


def test_names_that_differ_in_case_alone_stay_apart_where_the_catalog_knows_both():
    declared = catalog("contacts", fields=("id", "Name", "name"))
    assert written([record(id=4, name="low")], declared)[0] == {"Name": None, "name": "low"}
    declared = catalog("contacts", fields=("id", "Name"))
    assert written([record(id=4, Name="high", name="low")], declared)[0] == {"Name": "high"}


def in_namespaces(*namespaces, **more):
    """A catalog with the stream `contacts` in each of some namespaces, with fields of its own."""
    streams = [each for fields in more.values() for each in catalog("contacts", fields=fields).streams]
    for configured, namespace in zip(streams, namespaces, strict=True):
        configured.stream.namespace = namespace
    both = catalog()
    both.streams = streams
    return both


def record_of(namespace, **data):
    message = record(**data)
    message.record.namespace = namespace
    return message


def test_streams_of_one_name_in_two_namespaces_are_two():
    configured = in_namespaces("paris", "lyon", first=("id", "name"), second=("id", "email", "phone"))
    log = written([record_of("paris", id=4, name="a"), record_of("lyon", id=5, email="b")], configured)
    assert [entry for entry in log if not isinstance(entry, Receipt)] == [{"name": "a"}, {"email": "b", "phone": None}]
    assert [entry.stream for entry in log if isinstance(entry, Receipt)] == ["paris.contacts", "lyon.contacts"]


def test_a_record_without_a_namespace_belongs_to_the_only_stream_of_its_name_and_to_none_of_two():
    one = in_namespaces("paris", first=("id", "name"))
    assert outcomes(written([record(id=4, name="a"), record_of("", id=5, name="a")], one)) == [Outcome.APPLIED] * 2
    two = in_namespaces("paris", "lyon", first=("id", "name"), second=("id", "name"))
    assert outcomes(written([record(id=4, name="a")], two)) == [Outcome.REFUSED]
    assert outcomes(written([record_of("nice", id=4, name="a")], one)) == [Outcome.REFUSED]


def test_clearing_a_connection_s_data_gives_the_states_back_deletes_nothing_and_says_so(caplog):
    cleared = catalog("contacts", "invoices", mode=DestinationSyncMode.overwrite)
    assert written([state(), state("invoices")], cleared) == [{}, {}]
    (warning,) = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert warning.startswith("Nothing is cleared in contacts, invoices:")


def test_a_record_for_a_stream_that_is_overwritten_ends_the_write_before_any_state():
    log = []
    given = [record(name="a"), state(at=1)]
    with pytest.raises(AirbyteTracedException, match="not overwritten"):
        log += Shelves(log).write({}, catalog("contacts", mode=DestinationSyncMode.overwrite), given)
    assert not log
