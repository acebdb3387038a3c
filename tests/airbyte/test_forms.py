"""What Airbyte makes of a specification: a form that somebody fills in who never read the code."""

import logging

import pytest

from destination_sage100.destination import DestinationSage100
from destination_ssm.destination import DestinationSsm
from source_contact_sync.source import SourceContactSync
from source_sage100.source import SourceSage100
from source_ssm.source import SourceSsm


@pytest.fixture(params=[SourceSage100, SourceSsm, SourceContactSync, DestinationSage100, DestinationSsm])
def form(request):
    return request.param().spec(logging.getLogger("airbyte")).connectionSpecification


def inputs(schema):
    """All inputs that the form shows, those within a choice or an entry of a list included."""
    for name, field in schema["properties"].items():
        if not field.get("airbyte_hidden") and "const" not in field:
            yield name, field
        for option in field.get("oneOf", ()):
            yield from inputs(option)
        if not field.get("airbyte_hidden") and field.get("type") == "array" and field["items"]["type"] == "object":
            yield from inputs(field["items"])


def test_every_input_has_a_title_and_a_description(form):
    assert [name for name, field in inputs(form) if not field["title"] or not field["description"].endswith(".")] == []


def test_a_description_is_plain_text_since_the_form_shows_markup_as_it_stands(form):
    assert [name for name, field in inputs(form) if set("`<*") & set(field["description"])] == []


def test_every_input_to_be_typed_shows_an_example_unless_it_is_secret(form):
    typed = [
        (name, field)
        for name, field in inputs(form)
        if field["type"] in {"string", "integer", "number"} and "enum" not in field and not field.get("multiline")
    ]

    assert [name for name, field in typed if not field.get("examples") and not field.get("airbyte_secret")] == []


def test_a_pattern_is_told_in_words(form):
    assert [name for name, field in inputs(form) if "pattern" in field and "pattern_descriptor" not in field] == []


def test_every_input_is_in_a_group_that_there_is_and_no_group_is_empty(form):
    shown = [field["group"] for field in form["properties"].values() if not field.get("airbyte_hidden")]

    assert {group["id"] for group in form["groups"]} == set(shown)


def test_a_choice_has_options_with_titles_told_apart_by_one_constant(form):
    for _, field in inputs(form):
        options = field.get("oneOf", ())
        assert len({option["title"] for option in options}) == len(options)
        assert len({option["properties"]["kind"]["const"] for option in options}) == len(options)


def test_inputs_have_an_order_of_their_own_the_required_ones_first_within_a_group(form):
    orders = [field["order"] for field in form["properties"].values()]
    groups = [
        [name for name, field in form["properties"].items() if field.get("group") == g["id"]] for g in form["groups"]
    ]

    assert len(set(orders)) == len(orders)
    for group in groups:
        required = [name in form["required"] for name in group]
        assert required == sorted(required, reverse=True)


def test_a_list_in_the_form_has_entries_of_its_own_inputs_and_no_secret_which_airbyte_would_not_mask(form):
    for _, field in inputs(form):
        if field["type"] == "array" and field["items"]["type"] == "object":
            entry = field["items"]
            orders = [one["order"] for one in entry["properties"].values()]
            assert (entry["type"], sorted(set(orders))) == ("object", orders)
            assert not any("airbyte_secret" in one for one in entry["properties"].values())


@pytest.mark.parametrize("destination", [DestinationSage100, DestinationSsm])
def test_the_map_of_names_and_values_has_its_inputs_in_the_form_of_a_destination(destination):
    form = destination().spec(logging.getLogger("airbyte")).connectionSpecification
    shown = {
        name: list(field["items"]["properties"])
        for name, field in form["properties"].items()
        if field.get("group") == "map"
    }

    assert shown == {
        "streams": ["stream", "here"],
        "rename": ["stream", "field", "here"],
        "values": ["stream", "field", "value", "here", "type"],
    }
