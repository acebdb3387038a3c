"""Records that hold more than SSM does: what is left out, and that it costs next to nothing to know."""

import pytest

from sage100_ssm.exchange.receipt import Outcome
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault
from sage100_ssm.standins.ssm_api.quirks import Quirks

SCHEMA = ("GET", "/contacts/schema")


def test_what_is_no_field_of_ssm_is_left_out_and_told_once(side, caplog):
    for _ in range(2):
        (receipt,) = side.write(side.new(extId="x1", cbMarq=4, CT_Encours=1500.5))
        assert receipt.outcome is Outcome.APPLIED
    sent = [call for call in side.api.requests if call.path == "/contacts" and call.method != "GET"]
    assert [set(call.body) for call in sent] == [{"accountId", "extId", "firstName", "lastName", "salesRepId"}]
    warnings = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert warnings[0] == "Not fields of contacts in Sage Sales Management, ignored: CT_Encours, cbMarq."


def test_the_same_record_again_writes_nothing_though_it_holds_what_ssm_does_not(side):
    side.write(side.new(extId="x1", cbMarq=4))
    (receipt,) = side.write(side.new(extId="x1", cbMarq=5))
    assert (receipt.outcome, receipt.wrote) == (Outcome.APPLIED, False)


def test_the_schema_is_asked_for_only_where_no_row_shows_the_field(side):
    identifier = side.contact(email="a@or.example")
    side.write({"id": identifier, "email": "b@or.example"}, {"id": identifier, "phone1": "01 99 00 00 00"})
    assert SCHEMA not in side.calls("GET")
    side.write({"id": identifier, "cbMarq": 1}, {"id": identifier, "cbFlag": 1})
    assert side.calls("GET").count(SCHEMA) == 1


@pytest.mark.parametrize("side", [Quirks(schema_readable=False)], indirect=True)
def test_where_ssm_tells_no_schema_each_field_is_believed_to_be_one(side):
    (receipt,) = side.write(side.new(extId="x1", email="a@or.example"))
    assert (receipt.outcome, side.row(receipt.id)["email"]) == (Outcome.APPLIED, "a@or.example")


def test_a_schema_that_does_not_come_stops_nothing(side):
    side.api.faults.add(Fault(CannedResponse(500), *SCHEMA, times=None))
    (receipt,) = side.write(side.new(extId="x1"))
    assert receipt.outcome is Outcome.APPLIED
