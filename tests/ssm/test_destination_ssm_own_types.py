"""Values in the type of their field."""

import pytest

from destination_ssm.decision import OWNED
from destination_ssm.own_types import FLAGS, NUMBERS, TEXTS, in_own_type
from source_ssm.schemas import ACCOUNTS, CONTACTS

AS_SENT = {
    "a number for a text": ("phone1", 33612345678, None, "33612345678"),
    "a whole float for a text": ("postcode", 75001.0, None, "75001"),
    "any other number for a text is for SSM to refuse": ("postcode", 75001.5, None, 75001.5),
    "a truth value is no text": ("comment", True, None, True),
    "an object is no text": ("address1", {"street": "x"}, None, {"street": "x"}),
    "a list is no text": ("email", ["a@x.fr"], None, ["a@x.fr"]),
    "a name that looks like a number": ("lastName", "007", None, "007"),
    "a NUL in a text, which SSM's rows are read without": ("extId", "crm\0:12", None, "crm:12"),
    "a text of the tenant's own": ("Z_badge", 12, "11", "12"),
    "a date of the tenant's own": ("Z_seen", 20240501, "2024-05-01", 20240501),
    "an unknown field of a new row": ("Z_badge", 12, None, 12),
    "digits for a number": ("permissionLevel", "3", None, 3),
    "a decimal for a number": ("latitude", "45.5", None, 45.5),
    "words for a number are for SSM to refuse": ("latitude", "north", None, "north"),
    "no number": ("latitude", "NaN", None, "NaN"),
    "a number without end": ("latitude", "9" * 5000, None, "9" * 5000),
    "a number of the tenant's own": ("Z_rate", "4", 3, 4),
    "truth as a text": ("public", "True", None, True),
    "truth as a number": ("public", 0, None, False),
    "truth as a float": ("public", 1.0, None, True),
    "another text for truth": ("public", "oui", None, "oui"),
    "another number for truth": ("public", 2, None, 2),
    "truth of the tenant's own": ("Z_vip", "false", True, False),
    "an infinite float": ("phone1", float("inf"), None, float("inf")),
}


@pytest.mark.parametrize(("field", "value", "current", "sent"), AS_SENT.values(), ids=AS_SENT)
def test_a_value_is_sent_as_its_field_holds_it(field, value, current, sent):
    result = in_own_type(field, value, current)
    assert (result, type(result)) == (sent, type(sent))


@pytest.mark.parametrize(
    ("fields", "kinds"), [(TEXTS, {"string"}), (NUMBERS, {"integer", "number"}), (FLAGS, {"boolean"})]
)
def test_the_fields_of_a_type_are_those_that_the_source_declares(fields, kinds):
    declared = {**CONTACTS["properties"], **ACCOUNTS["properties"]}
    assert fields == {
        name
        for name, field in declared.items()
        if {*field["type"]} - {"null"} <= kinds and "format" not in field and name not in OWNED
    }
