"""The sender's map, as Airbyte's form has it (lists) and as a configuration file may (mappings): one in memory."""

import jsonschema
import pytest

from destination_sage100.config import DestinationSage100Config
from destination_ssm.config import DestinationSsmConfig
from sage100_ssm.connectors.destination_settings import DestinationSettings
from sage100_ssm.connectors.errors import ConnectorError, parse_configuration
from sage100_ssm.connectors.spec import connection_specification

OF_THE_FORM = {
    "streams": [{"stream": "companies", "here": "accounts"}],
    "rename": [
        {"stream": "companies", "field": "CT_Num", "here": "extId"},
        {"stream": "companies", "field": "CT_Prospect", "here": "statusId"},
        {"stream": "people", "field": "name", "here": "lastName"},
    ],
    "values": [
        {"stream": "companies", "field": "CT_Prospect", "value": "0", "here": "1", "type": "number"},
        {"stream": "companies", "field": "CT_Prospect", "value": "1", "here": "2", "type": "number"},
        {"stream": "companies", "field": "CT_Prospect", "here": "1", "type": "number"},
        {"stream": "people", "field": "title", "value": "Mr", "here": "007"},
    ],
}
OF_A_FILE = {
    "streams": {"companies": "accounts"},
    "rename": {"companies": {"CT_Num": "extId", "CT_Prospect": "statusId"}, "people": {"name": "lastName"}},
    "values": {"companies": {"CT_Prospect": {"0": 1, "1": 2, "": 1}}, "people": {"title": {"Mr": "007"}}},
}


def settings_of(config):
    return parse_configuration(DestinationSettings, config)


def test_the_lists_of_the_form_and_the_mappings_of_a_file_are_the_same_settings():
    assert settings_of(OF_THE_FORM) == settings_of(OF_A_FILE)
    assert settings_of(OF_THE_FORM).values == OF_A_FILE["values"]
    assert settings_of({name: [] for name in OF_THE_FORM}) == settings_of({})


def test_airbyte_takes_the_lists_by_the_specification():
    jsonschema.validate(OF_THE_FORM, connection_specification(DestinationSettings))


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ({"here": "007"}, "007"),
        ({"here": " spaced ", "type": "text"}, " spaced "),
        ({"here": "true", "type": "text"}, "true"),
        ({"here": "7", "type": "number"}, 7),
        ({"here": " -7.50 ", "type": "number"}, -7.5),
        ({"here": "True", "type": "boolean"}, True),
        ({"here": "false", "type": "boolean"}, False),
        ({"type": "none"}, None),
        ({"here": " ", "type": "none"}, None),
    ],
)
def test_a_value_is_what_its_type_says_and_nothing_is_guessed(entry, value):
    (there,) = settings_of({"values": [{"stream": "s", "field": "f", "value": "x"} | entry]}).values["s"]["f"].values()
    assert (there, type(there)) == (value, type(value))


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"streams": [{"stream": "s3cret"}]}, "streams (entry 1).here: is missing"),
        ({"rename": [*OF_THE_FORM["rename"], {"stream": "a", "field": "", "here": "b"}]}, "rename (entry 4).field: "),
        ({"rename": ["s3cret"]}, "rename (entry 1): must be an object"),
        ({"streams": "s3cret"}, "streams: must be a list of entries"),
        ({"rename": {"people": "s3cret"}}, "rename.people: must be an object"),
        ({"streams": OF_THE_FORM["streams"] * 2}, "streams: entry 2 is about the same as one before it"),
        ({"values": [{"stream": "s3cret", "field": "f", "value": 0}]}, "values (entry 1).value: must be a text"),
        ({"rename": [{"stream": "s3cret", "field": "f", "here": " "}]}, "rename (entry 1).here: is empty"),
        ({"values": [{"stream": "s", "field": "f"}]}, "values (entry 1): the destination value is missing"),
    ],
)
def test_an_entry_that_cannot_be_is_named_by_its_number_without_its_values(config, sentence):
    with pytest.raises(ConnectorError) as raised:
        settings_of(config)
    assert sentence in raised.value.message
    assert "s3cret" not in raised.value.message


@pytest.mark.parametrize(
    ("here", "kind", "sentence"),
    [
        ("s3cret", "number", "is not a number"),
        ("1e5", "number", "is not a number"),
        ("1,5", "number", "is not a number"),
        ("inf", "number", "is not a number"),
        ("", "number", "is not a number"),
        ("yes", "boolean", "neither true nor false"),
        ("s3cret", "none", "although its type is none"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_refused(here, kind, sentence):
    with pytest.raises(ConnectorError, match=sentence) as raised:
        settings_of({"values": [{"stream": "s", "field": "f", "value": "x", "here": here, "type": kind}]})
    assert "s3cret" not in raised.value.message


def test_blanks_around_a_name_of_the_destination_do_not_count_and_those_of_the_source_do():
    given = {
        "streams": [{"stream": " s", "here": "contacts "}],
        "rename": [{"stream": " s", "field": "f ", "here": " g "}],
    }
    settings = settings_of(given)
    assert (settings.streams, settings.rename) == ({" s": "contacts"}, {" s": {"f ": "g"}})


@pytest.mark.parametrize(
    "rename",
    [
        [{"stream": "s", "field": "mail", "here": "email"}, {"stream": "s", "field": "mail2", "here": "email"}],
        {"s": {"mail": "email", "mail2": "email"}},
    ],
)
def test_two_fields_that_would_be_written_to_one_are_refused(rename):
    with pytest.raises(ConnectorError, match="rename: mail and mail2 of s would be written to one field, email"):
        settings_of({"rename": rename})


def test_fields_of_two_streams_may_have_one_name_here():
    rename = {"s": {"mail": "email"}, "t": {"mail2": "email"}}
    assert settings_of({"rename": rename}).rename == rename


@pytest.mark.parametrize(
    ("model", "others", "choice"),
    [
        (
            DestinationSsmConfig,
            {"public_key": "p", "private_key": "q", "default_sales_rep_id": 1},
            "accounts or contacts",
        ),
        (DestinationSage100Config, {"company": "B", "connection": {"kind": "sqlite", "path": "b.db"}}, "contacts"),
    ],
)
def test_a_check_refuses_a_stream_that_the_destination_does_not_have(model, others, choice):
    with pytest.raises(ConnectorError, match=f"streams: no stream here is named acounts: choose {choice}"):
        parse_configuration(model, others | {"streams": [{"stream": "companies", "here": "acounts"}]})
    parse_configuration(model, others | {"streams": [{"stream": "people", "here": "contacts"}]})
