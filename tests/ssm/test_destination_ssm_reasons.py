"""Why SSM refused a record, as a plain log says it: without any value, whatever SSM quotes."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from destination_ssm.reasons import reason_of, without_values
from sage100_ssm.ssm.errors import (
    Forbidden,
    LoginRefused,
    MalformedAnswer,
    QuotaExhausted,
    Rejected,
    UnexpectedStatus,
    Unreachable,
)

SENT = {"email": "anne.durand@example.org", "lastName": "Long", "firstName": "Anne", "typeId": 9, "extId": "CARAT"}
SAID = {
    "our field, their words": ("The value of email is not valid", "The value of email is not valid"),
    "the value quoted": ("email 'anne.durand@example.org' is not valid", "email … is not valid"),
    "somebody else named": ("extId CARAT is already used by Paul Martin", "extId … is already used by"),
    "a name that is a common word": ("lastName Long is too long", "lastName … is too"),
    "a telephone number": ("06 12 34 56 78 is already used", "is already used"),
    "another language": ("Le champ email est obligatoire", "email"),
    "words that say nothing without the others": ("Durand is not Martin", ""),
    "nothing": ("", ""),
    "JSON in one line": ('{"lastName": ["is required"], "x": "Durand"}', "lastName is required"),
}


@pytest.mark.parametrize(("said", "logged"), SAID.values(), ids=SAID)
def test_of_the_words_of_ssm_fields_and_a_fixed_list_are_logged(said, logged):
    assert without_values(said, SENT) == logged


@settings(max_examples=50)
@given(st.text(), st.dictionaries(st.sampled_from(["email", "Z_note"]), st.text()))
@example("", {"email": "\x1fA"})  # as JSON, the word would be another one
def test_no_value_is_logged_whatever_ssm_quotes(said, sent):
    logged = without_values(" ".join([said, *sent.values(), "is not valid"]), sent)
    of_values = {word.lower() for value in sent.values() for word in re.findall(r"\w+", value)}
    assert {word.lower() for word in re.findall(r"\w+", logged)} & of_values <= {name.lower() for name in sent}


REASONS = {
    "with a code": (Rejected(400, "No row: 910", codes=[910]), "HTTP 400, code 910 (there is no such row): No row"),
    "a code that says nothing": (Rejected(400, "Bad Request: 77", codes=[77, 400]), "HTTP 400, code 77: Bad Request"),
    "no words": (Rejected(422, ""), "HTTP 422"),
    "a right": (
        Forbidden("contacts", "Anne may not"),
        "The keys give no right to contacts of Sage Sales Management (HTTP 403)",
    ),
    "a gateway": (
        UnexpectedStatus(409, "Conflict with Durand"),
        "Sage Sales Management, or something between here and there, refuses the request: HTTP 409 Conflict with",
    ),
    "the server": (
        Unreachable("HTTP 500 cannot save Durand", sent=True),
        "Sage Sales Management cannot be reached or does not answer: HTTP 500 cannot save",
    ),
    "no answer": (Unreachable("ReadError", sent=True), str(Unreachable("ReadError", sent=True))),
    "a login page": (
        MalformedAnswer("not JSON, or cut short", sent=True),
        "Sage Sales Management gives an answer that cannot be understood: not JSON, or cut short.",
    ),
    "too many": (
        QuotaExhausted("Durand has reached the limit", sent=False),
        "Sage Sales Management takes no more requests for now: has reached the limit",
    ),
    "the login": (LoginRefused(), str(LoginRefused())),
}  # fmt: skip


@pytest.mark.parametrize(("error", "reason"), REASONS.values(), ids=REASONS)
def test_a_reason_has_the_status_the_code_and_what_the_code_means(error, reason):
    assert reason_of(error, SENT) == reason
