"""Fields that an instance has and the schemas do not: they are discovered, in types that nothing contradicts."""

import logging

import jsonschema
import pytest

from sage100_ssm.connectors import in_process
from sage100_ssm.exchange.failure import SideFailedError
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.responses import SchemaField
from sage100_ssm.standins.ssm_api.faults import CannedResponse, Fault
from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.resources import ApiField, ApiType
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import with_value_lists
from source_ssm import schemas
from source_ssm.source import SourceSsm
from source_ssm.tenant_fields import with_tenant_fields
from tests.support.ssm_reading import Reading

OWN = [
    ApiField("Z_godfather"),
    ApiField("Z_children", ApiType.INTEGER),
    ApiField("Z_score", ApiType.NUMBER),
    ApiField("Z_vip", ApiType.BOOLEAN),
    ApiField("Z_met", ApiType.DATE),
    ApiField("Z_club", ApiType.REFERENCE, table="branches"),
]
FILLED = {
    "Z_godfather": "Léa",
    "Z_children": 2,
    "Z_score": 1.5,
    "Z_vip": True,
    "Z_met": "2024-05-01T00:00:00Z",
    "Z_club": 16,
}


@pytest.fixture
def tenant():
    """Opens a tenant that has fields of its own for contacts, and a contact with some of them."""
    opened = []

    def opens(fields=FILLED, **quirks):
        store = with_value_lists(Store(Quirks(**quirks), extra_fields={"contacts": OWN}))
        account = store.create("accounts", {"name": "Or", "branchId": 16, "salesRepId1": 310}, user=90)
        names = {"firstName": "Zoé", "lastName": "Or", "accountId": account, "salesRepId": 310}
        store.create("contacts", {**names, **fields}, user=90)
        opened.append(SsmApiServer(store))
        return opened[-1].__enter__()

    yield opens
    for api in opened:
        api.__exit__(None, None, None)


def config_of(api):
    keys = {"public_key": api.public_key, "private_key": api.private_key}
    return {"base_url": api.base_url, "requests_per_second": 10_000, **keys}


def discovered(api, stream="contacts"):
    """The fields of a stream as discovered."""
    found = SourceSsm().discover(logging.getLogger("airbyte"), config_of(api)).streams
    return {each.name: each.json_schema["properties"] for each in found}[stream]


def kinds(fields):
    return {
        name: (*field["type"], *filter(None, [field.get("format")]))
        for name, field in fields.items()
        if name[:2] == "Z_"
    }


TYPED = {
    "Z_godfather": ("null", "string"),
    "Z_vip": ("null", "boolean"),
    "Z_club": ("null", "object"),
    "Z_club_id": ("null", "integer"),
}  # fmt: skip


def test_fields_are_discovered_in_the_types_that_the_instance_describes(tenant):
    fields = discovered(tenant(fields={}))
    described = {
        "Z_children": ("null", "integer"),
        "Z_met": ("null", "string", "date-time"),
        "Z_score": ("null", "number"),
    }
    assert kinds(fields) == {**TYPED, **described}
    assert fields["Z_met"]["airbyte_type"] == "timestamp_with_timezone"
    assert fields["Z_vip"]["description"] == "A field of this tenant: Z_vip"


def test_without_a_description_fields_are_discovered_in_the_types_of_the_values_of_a_page(tenant):
    fields = discovered(tenant(schema_readable=False))
    seen = {"Z_children": ("null", "number"), "Z_met": ("null", "string"), "Z_score": ("null", "number")}
    assert kinds(fields) == {**TYPED, **seen}
    assert fields["Z_vip"]["description"] == "A field of this tenant."


def test_discovery_costs_two_requests_for_each_stream_and_a_login(tenant):
    api = tenant()
    discovered(api)
    assert len(api.requests) <= 9


@pytest.mark.parametrize("status", [403, 404, 500])
def test_discovery_goes_on_where_the_description_is_refused(tenant, status, monkeypatch):
    api = tenant()
    api.faults.add(Fault(CannedResponse(status), "GET", "/contacts/schema", times=None))
    monkeypatch.setattr("stamina.RetryingCaller.__call__", lambda _self, _error, once: once())
    assert discovered(api)["Z_godfather"]["type"] == ["null", "string"]


def test_discovery_goes_on_where_a_list_may_not_be_read(tenant):
    api = tenant()
    api.faults.add(Fault(CannedResponse(400), "GET", "/users", times=None))
    assert discovered(api, "users").keys() >= {"email", "managerId_id"}


def test_discovery_fails_where_ssm_cannot_be_read_rather_than_without_the_fields(tenant):
    config = {**config_of(tenant()), "private_key": "another"}
    with pytest.raises(SideFailedError) as caught:
        in_process.discover(SourceSsm(), config)
    assert caught.value.failure.code == "login_refused"


def test_who_lends_a_client_is_given_the_documented_fields_and_no_request_is_sent(tenant):
    api = tenant()
    with SsmClient(SsmConfig.model_validate(config_of(api))) as client:
        found = in_process.discover(SourceSsm(client), config_of(api))
    assert not [name for name in found["contacts"]["properties"] if name.startswith("Z_") or name.endswith("_id")]
    assert api.requests == []


def test_records_fit_what_was_discovered(tenant):
    api = tenant()
    (record,) = Reading(SourceSsm(), config_of(api), "contacts").records["contacts"]
    jsonschema.validate(record, {"type": "object", "properties": discovered(api)})
    assert (record["Z_club"]["id"], record["Z_club_id"], record["accountId_id"]) == (16, 16, record["accountId"]["id"])


# --- types, without a server

TEXT = SchemaField(None, required=False, read_only=False, types=frozenset({"string"}))


def described(*types, **more):
    return SchemaField(None, required=False, read_only=False, types=frozenset(types), **more)


@pytest.mark.parametrize(
    ("field", "values", "kind"),
    [
        (described("integer"), [], "integer"),
        (described("integer"), [1, 2], "integer"),
        (described("integer"), [1.5], "number"),
        (described("integer"), ["x"], "string"),
        (described("integer"), [{"id": 1}], "reference"),
        (described("number"), [1, 1.5], "number"),
        (described("boolean"), [1], "number"),
        (described("string"), ["x", ""], "string"),
        (described("string", is_moment=True), ["1900-01-01T00:00:00Z", ""], "moment"),
        (described("string", is_moment=True), ["soon"], "string"),
        (described("object", is_reference=True), [], "reference"),
        (described("object", is_reference=True), [3], "reference"),
        (described("object", is_reference=True), [[{"id": 3}]], "array"),
        (described("object"), [], "object"),
        (described("object"), [{"id": 3}], "object"),
        (described("object", "array"), [], "string"),
        (described("point"), [], "string"),
        (described(), [], "string"),
        (None, [], "string"),
        (None, [None, ""], "string"),
        (None, [1, 2], "number"),
        (None, [True], "boolean"),
        (None, [True, 1], "string"),
        (None, ["x", 1], "string"),
        (None, ["2024-05-01T00:00:00Z"], "string"),
        (None, [{"id": 3}], "reference"),
        (None, [{"id": 3}, {}], "string"),
        (None, [{"x": 3}], "object"),
        (None, [[3]], "array"),
    ],
)
def test_a_type_is_declared_only_where_no_value_contradicts_it(field, values, kind):
    rows = [{"id": number, "Z_own": value} for number, value in enumerate(values)]
    own = with_tenant_fields(schemas.CONTACTS, {"Z_own": field} if field else {}, [*rows, {"id": 99, "Z_own": None}])
    declared = own["properties"]["Z_own"]
    expected = {
        "reference": schemas.reference(declared["description"]),
        "moment": schemas.moment(declared["description"]),
    }
    assert declared == expected.get(kind, schemas.nullable(kind, declared["description"]))


def test_what_is_declared_already_or_has_no_name_that_can_be_written_is_left_alone():
    rows = [{"id": 1, "email": 5, "changed_at": 3}]
    assert (
        with_tenant_fields(schemas.CONTACTS, {"lastName": described("integer"), "Z_\ud800": TEXT}, rows)
        == schemas.CONTACTS
    )
