"""The stand-in for the SSM API, over real HTTP, as docs/facts/ssm-api.md describes it."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from sage100_ssm.standins.ssm_api.faults import (
    EMPTY_PAGE,
    HTML,
    CannedResponse,
    CutJson,
    Delay,
    ExpireTokens,
    Fault,
    IgnorePageSize,
    Reset,
)
from sage100_ssm.standins.ssm_api.quirks import Normalisation, Quirks
from sage100_ssm.standins.ssm_api.resources import ApiField, ApiType
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import OTHER_SALES_REP, with_value_lists

ACCOUNT = {"name": "Aux Perles", "branchId": 16, "salesRepId1": 310, "extId": "PERLES"}
CONTACT = {"firstName": "Zoé", "lastName": "O'Neil", "salesRepId": 310}


class Client(httpx.Client):
    """A logged-in client with an account and, on wish, contacts in it."""

    def __init__(self, api):
        super().__init__(base_url=api.base_url, timeout=1)
        self.api = api
        self.login()
        self.account = self.post("/accounts", json=ACCOUNT).json()["id"]

    def login(self):
        keys = {"username": self.api.public_key, "password": self.api.private_key}
        self.headers["X-Session-Key"] = self.post("/login", json=keys).json()["token"]

    def create(self, **fields):
        answer = self.post("/contacts", json={**CONTACT, "accountId": self.account, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def contact(self, contact_id):
        return self.get(f"/contacts/{contact_id}").json()

    def ids(self, *, page_size=None, **query):
        headers = {"Count": str(page_size), "X-FM-Entity-Count": str(page_size)} if page_size else {}
        answer = self.get("/contacts", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()]


@pytest.fixture(scope="module")
def tenant_port():
    with SsmApiServer() as api:
        yield api


@pytest.fixture
def open_client(tenant_port):
    """Give a client of a fresh tenant with the given quirks or store."""
    with ExitStack() as stack:

        def open_one(**tenant):
            tenant_port.reset(**tenant)
            return stack.enter_context(closing(Client(tenant_port)))

        yield open_one


@pytest.fixture(scope="module")
def shared():
    with SsmApiServer() as api, closing(Client(api)) as client:
        yield client


# Login


def test_listens_on_loopback_alone(shared):
    assert shared.api.base_url.startswith("http://127.0.0.1:")
    assert shared.api.base_url.endswith("/api/v4")


@pytest.mark.parametrize(
    "keys", [{}, {"username": "x", "password": "y"}, {"publicKey": "stand-in-public-key", "privateKey": "x"}]
)
def test_login_with_wrong_keys_answers_401(shared, keys):
    assert shared.post("/login", json=keys).status_code == 401


@pytest.mark.parametrize("headers", [{"X-Session-Key": ""}, {"X-Session-Key": "forged"}])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_without_a_known_token_answers_401(shared, headers, method):
    assert shared.request(method, "/contacts", headers=headers).status_code == 401


def test_a_token_expires_after_its_life():
    with SsmApiServer(token_life=0.2) as api, closing(Client(api)) as client:
        assert client.get("/users").status_code == 200
        time.sleep(0.25)
        assert client.get("/users").status_code == 401
        client.login()
        assert client.get("/users").status_code == 200


def test_the_request_log_holds_no_secret(open_client):
    client = open_client()
    client.get("/contacts", params={"page": 0})
    text = repr(client.api.requests) + repr(client.api)
    assert client.api.private_key not in text
    assert client.headers["X-Session-Key"] not in text
    assert [(call.method, call.path) for call in client.api.requests] == [
        ("POST", "/login"),
        ("POST", "/accounts"),
        ("GET", "/contacts"),
    ]
    assert client.api.requests[1].body == ACCOUNT
    assert client.api.requests[2].query == {"page": "0"}


# Reading


@pytest.mark.parametrize(
    "resource",
    ["accounts", "contacts", "users", "branches", "contactTypes", "accountTypes", "accountStatuses", "countries"],
)
def test_a_list_is_a_bare_array(shared, resource):
    answer = shared.get(f"/{resource}")
    assert answer.status_code == 200
    assert isinstance(answer.json(), list)
    assert resource == "contacts" or answer.json()


def test_a_contact_reads_with_the_full_model_and_references_as_objects(shared):
    created = shared.create(typeId=3, gender=1, email="zoe@perles.example")
    contact = shared.contact(created)
    assert set(contact) == {
        *("UseCompanyAddress", "accountId", "address1", "birthday", "city", "comment", "countryId", "dateCreated"),
        *("dateDeleted", "dateUpdated", "deleted", "email", "email2", "email3", "extId", "fax", "firstName", "gender"),
        *("id", "lastName", "linkedin", "marketingCommunications", "permissionLevel", "phone1", "phone2", "postcode"),
        *("readOnly", "region", "salesRepId", "salesRepIdCreated", "salesRepIdDeleted", "salesRepIdUpdated"),
        *("skype", "typeId"),
    }
    assert contact["accountId"] == {"id": shared.account, "value": ""}
    assert contact["salesRepId"] == {"id": 310, "value": ""}
    assert contact["typeId"] == {"id": 3, "value": "Comptable"}
    assert contact["gender"] == {"id": 1, "value": "Femme"}
    assert contact["countryId"] is None
    assert (contact["deleted"], contact["dateUpdated"], contact["dateDeleted"]) == (False, None, None)
    assert contact["salesRepIdCreated"] == 90


def test_an_account_reads_with_its_phone_its_references_and_ext_id(shared):
    account = shared.get(f"/accounts/{shared.account}").json()
    assert account["branchId"] == {"id": 16, "value": "Siège"}
    assert account["salesRepId1"] == {"id": 310, "value": ""}
    assert account["extId"] == "PERLES"
    assert "phone" in account
    assert "phone1" not in account


def test_labels_come_in_the_language_asked_for_and_else_in_any_that_is_there(shared):
    created = shared.create(typeId=3)
    assert shared.get(f"/contacts/{created}", params={"lang": "en"}).json()["typeId"]["value"] == "Accountant"
    shared.put(f"/contacts/{created}", json={"typeId": 10})
    assert shared.get(f"/contacts/{created}", params={"lang": "en"}).json()["typeId"]["value"] == "Gemmologue"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("contact_id", ["999999", "abc"])
def test_an_unknown_id_answers_400_with_code_910(shared, method, contact_id):
    answer = shared.request(method, f"/contacts/{contact_id}", json={} if method == "PUT" else None)
    assert (answer.status_code, answer.json()["code"]) == (400, 910)


def test_pages_are_zero_based_of_50_by_id_and_end_with_an_empty_one(open_client):
    client = open_client()
    created = [client.create(lastName=f"N{number}") for number in range(51)]
    assert client.ids() == client.ids(page=0) == created[:50]
    assert client.ids(page=1) == created[50:]
    assert client.ids(page=2) == []
    assert client.get("/contacts", params={"page": "-1"}).status_code == 400


@pytest.mark.parametrize(
    ("obeyed", "sent", "rows"),
    [
        (("x-fm-entity-count", "count"), {"Count": "2"}, 2),
        (("x-fm-entity-count", "count"), {"X-FM-Entity-Count": "2"}, 2),
        (("count",), {"Count": "2"}, 2),
        (("count",), {"X-FM-Entity-Count": "2"}, 5),
        (("x-fm-entity-count",), {"Count": "2"}, 5),
        ((), {"Count": "2", "X-FM-Entity-Count": "2"}, 5),
        (("count",), {"Count": "7"}, 6),
        (("count",), {"Count": "many"}, 5),
    ],
)
def test_the_page_size_follows_the_obeyed_header_up_to_the_maximum(open_client, obeyed, sent, rows):
    client = open_client(quirks=Quirks(page_size_headers=obeyed, default_page_size=5, max_page_size=6))
    for number in range(8):
        client.create(lastName=f"N{number}")
    assert len(client.get("/contacts", headers=sent).json()) == rows


def test_where_filters_and_a_bad_one_answers_400_with_code_901(shared):
    created = shared.create(lastName="D'Alby", extId="where-1")
    assert shared.ids(where="lastName='D''Alby' AND accountId.id=" + str(shared.account)) == [created]
    assert shared.ids(extId="where-1") == [created]
    answer = shared.get("/contacts", params={"where": "lastName='D'Alby'"})
    assert (answer.status_code, answer.json()["code"]) == (400, 901)


def test_changes_are_found_by_the_dates_of_creation_update_and_deletion(open_client):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    client = open_client(store=with_value_lists(Store(clock=lambda: now)))
    old, edited, deleted = (client.create(lastName=name) for name in ("Old", "Edited", "Deleted"))
    now += timedelta(hours=1)
    client.put(f"/contacts/{edited}", json={"fax": "1"})
    client.delete(f"/contacts/{deleted}")
    since = "'2026-01-01T00:30:00Z'"
    assert client.ids(where=f"dateUpdated>{since} OR dateCreated>{since}") == [edited]
    assert client.ids(where=f"dateUpdated>{since} OR dateCreated>{since} OR dateDeleted>{since}") == [edited, deleted]
    assert client.ids(order="dateUpdated") == [edited, old, deleted]


def test_order_is_descending_and_an_unknown_field_answers_901(open_client):
    client = open_client()
    ids = [client.create(lastName=name) for name in "BCA"]
    assert client.ids(order="lastName") == [ids[1], ids[0], ids[2]]
    answer = client.get("/contacts", params={"order": "nothing"})
    assert (answer.status_code, answer.json()["code"]) == (400, 901)


def test_a_filter_on_the_date_of_deletion_can_be_unsupported(open_client):
    client = open_client(quirks=Quirks(where_on_deleted_date=False))
    answer = client.get("/contacts", params={"where": "dateDeleted>'2026-01-01T00:00:00Z'"})
    assert (answer.status_code, answer.json()["code"]) == (400, 901)


def test_the_schema_tells_types_lengths_tables_and_what_is_read_only(shared):
    properties = shared.get("/contacts/schema").json()["properties"]
    assert properties["comment"]["maxLength"] == 6000
    assert properties["accountId"]["table"] == "accounts"
    assert properties["deleted"]["readOnly"] is True
    assert properties["dateUpdated"]["format"] == "date-time"
    assert shared.get("/accounts/schema").json()["properties"]["address2"]["maxLength"] == 180


def test_dates_are_shown_in_utc_with_up_to_three_digits_and_no_trailing_zeros(open_client):
    now = datetime(2026, 1, 1, 12, 0, 0, 180_000, tzinfo=UTC)
    client = open_client(store=with_value_lists(Store(clock=lambda: now)))
    assert client.contact(client.create())["dateCreated"] == "2026-01-01T12:00:00.18Z"
    now = now.replace(microsecond=0)
    assert client.contact(client.create())["dateCreated"] == "2026-01-01T12:00:00Z"


def test_custom_fields_are_read_and_written_like_the_others(open_client):
    extra = [ApiField("Z_Fonction"), ApiField("Z_Origine", ApiType.REFERENCE, table="accountTypes")]
    client = open_client(store=with_value_lists(Store(extra_fields={"contacts": extra})))
    created = client.create(Z_Fonction="Sertisseuse", Z_Origine=2)
    contact = client.contact(created)
    assert contact["Z_Fonction"] == "Sertisseuse"
    assert contact["Z_Origine"] == {"id": 2, "value": "Grossiste"}
    bare = client.get(f"/contacts/{created}", headers={"ExtraFieldDescription": "0"}).json()
    assert bare["Z_Origine"] == 2
    assert client.get("/contacts/schema").json()["properties"]["Z_Origine"]["table"] == "accountTypes"


# Writing


@pytest.mark.parametrize("missing", ["firstName", "lastName", "accountId", "salesRepId"])
@pytest.mark.parametrize("how", ["absent", "null", "empty"])
def test_a_contact_without_a_required_field_answers_400(shared, missing, how):
    body = {**CONTACT, "accountId": shared.account}
    body |= {missing: None} if how == "null" else {missing: ""}
    if how == "absent":
        del body[missing]
    assert shared.post("/contacts", json=body).status_code == 400


@pytest.mark.parametrize("missing", ["name", "branchId", "salesRepId1"])
def test_an_account_without_a_required_field_answers_400(shared, missing):
    assert shared.post("/accounts", json={k: v for k, v in ACCOUNT.items() if k != missing}).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"accountId": 999_999},
        {"salesRepId": 999_999},
        {"typeId": 999},
        {"gender": 5},
        {"typeId": {"id": 3, "value": "Comptable"}},
        {"typeId": "3"},
        {"email": 12},
        {"deleted": True, "UseCompanyAddress": "yes"},
        {"birthday": "soon"},
        {"address1": "x" * 181},
    ],
)
def test_a_value_that_does_not_fit_answers_400_and_changes_nothing(shared, wrong):
    created = shared.create()
    before = shared.contact(created)
    assert shared.put(f"/contacts/{created}", json={"fax": "changed", **wrong}).status_code == 400
    assert shared.post("/contacts", json={**CONTACT, "accountId": shared.account, **wrong}).status_code == 400
    assert shared.contact(created) == before


def test_create_answers_200_with_id_and_message(shared):
    answer = shared.post("/contacts", json={**CONTACT, "accountId": shared.account})
    assert answer.status_code == 200
    assert set(answer.json()) == {"id", "Message"}


def test_update_is_partial_stamps_the_row_and_returns_no_record(shared):
    created = shared.create(email="a@perles.example", phone1="01 99 00 00 01")
    answer = shared.put(f"/contacts/{created}", json={"phone1": "01 99 00 00 02", "typeId": 3})
    contact = shared.contact(created)
    assert answer.json() == {"Message": "entity updated"}
    assert (contact["email"], contact["phone1"], contact["typeId"]["id"]) == ("a@perles.example", "01 99 00 00 02", 3)
    assert datetime.fromisoformat(contact["dateUpdated"]) >= datetime.fromisoformat(contact["dateCreated"])
    assert contact["salesRepIdUpdated"] == 90


def test_what_the_api_owns_is_not_written(shared):
    created = shared.create()
    shared.put(f"/contacts/{created}", json={"id": 1, "dateCreated": "2000-01-01T00:00:00Z", "deleted": True})
    contact = shared.contact(created)
    assert (contact["id"], contact["deleted"]) == (created, False)
    assert contact["dateCreated"] > "2020"


@pytest.mark.parametrize("bumps", [False, True])
def test_delete_marks_the_row_and_lists_still_show_it(open_client, bumps):
    client = open_client(quirks=Quirks(delete_bumps_date_updated=bumps))
    created = client.create()
    assert client.delete(f"/contacts/{created}").json() == {"Message": "entity deleted"}
    (contact,) = client.get("/contacts").json()
    assert (contact["id"], contact["deleted"], contact["salesRepIdDeleted"]) == (created, True, 90)
    assert contact["dateDeleted"] is not None
    assert (contact["dateUpdated"] is not None) is bumps
    assert client.ids(where="deleted=false") == []


@pytest.mark.parametrize(("readable", "status"), [(True, 200), (False, 400)])
def test_a_deleted_row_is_given_by_id_or_not(open_client, readable, status):
    client = open_client(quirks=Quirks(deleted_row_readable=readable))
    created = client.create()
    client.delete(f"/contacts/{created}")
    assert client.get(f"/contacts/{created}").status_code == status


@pytest.mark.parametrize(("writable", "status"), [(True, 200), (False, 400)])
def test_a_deleted_row_takes_updates_or_not_and_stays_deleted(open_client, writable, status):
    client = open_client(quirks=Quirks(deleted_row_writable=writable))
    created = client.create()
    client.delete(f"/contacts/{created}")
    assert client.put(f"/contacts/{created}", json={"deleted": False, "fax": "1"}).status_code == status
    assert client.contact(created)["deleted"] is True


@pytest.mark.parametrize(("writable", "status"), [(True, 200), (False, 400)])
def test_a_read_only_row_takes_updates_or_not(open_client, writable, status):
    client = open_client(quirks=Quirks(read_only_row_writable=writable))
    created = client.create(readOnly=True)
    assert client.put(f"/contacts/{created}", json={"fax": "1"}).status_code == status


@pytest.mark.parametrize(("clears", "left"), [(True, None), (False, "1")])
def test_null_in_an_update_clears_or_is_passed_over(open_client, clears, left):
    client = open_client(quirks=Quirks(null_clears=clears))
    created = client.create(fax="1")
    assert client.put(f"/contacts/{created}", json={"fax": None}).status_code == 200
    assert client.contact(created)["fax"] == left


@pytest.mark.parametrize(("refused", "status"), [(False, 200), (True, 400)])
def test_an_unknown_key_is_passed_over_or_refused(open_client, refused, status):
    client = open_client(quirks=Quirks(unknown_keys_refused=refused))
    assert client.put(f"/contacts/{client.create()}", json={"shoeSize": 42}).status_code == status


@pytest.mark.parametrize("ignored", [False, True])
def test_a_key_in_another_case_is_the_field_or_not(open_client, ignored):
    client = open_client(quirks=Quirks(keys_ignore_case=ignored))
    assert client.contact(client.create(useCompanyAddress=True))["UseCompanyAddress"] is ignored


@pytest.mark.parametrize(
    ("unique", "beside_live", "beside_deleted"), [("no", 200, 200), ("live", 400, 200), ("all", 400, 400)]
)
def test_ext_id_is_unique_or_not(open_client, unique, beside_live, beside_deleted):
    client = open_client(quirks=Quirks(ext_id_unique=unique))
    body = {**CONTACT, "accountId": client.account, "extId": "same"}
    created, other = client.create(extId="same"), client.create(extId="other")
    assert client.put(f"/contacts/{created}", json={"extId": "same"}).status_code == 200
    assert client.post("/contacts", json=body).status_code == beside_live
    assert client.put(f"/contacts/{other}", json={"extId": "same"}).status_code == beside_live
    client.put(f"/contacts/{other}", json={"extId": "other"})
    for row in client.get("/contacts", params={"where": "extId='same'"}).json():
        client.delete(f"/contacts/{row['id']}")
    assert client.post("/contacts", json=body).status_code == beside_deleted


@pytest.mark.parametrize("refused", [False, True])
def test_values_are_refused_by_rules_of_the_instance_s_own_or_not(open_client, refused):
    strict = Quirks(one_address_per_email=refused, phones_unique=refused, retired_values_refused=refused)
    client = open_client(quirks=strict)
    client.create(phone1="01 99 00 00 00")
    other = client.create()
    store = client.api.store
    store._tables["users"][OTHER_SALES_REP]["isActive"] = False
    store._tables["contactTypes"][1]["deleted"] = True
    values = [{"email": "a@x.example; b@x.example"}, {"phone2": "01 99 00 00 00"}, {"salesRepId": OTHER_SALES_REP}]
    answers = [client.put(f"/contacts/{other}", json=value).status_code for value in [*values, {"typeId": 1}]]
    assert answers == [400 if refused else 200] * 4


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("model_state", {"Message": "The request is invalid.", "ModelState": {"contact.typeId": ["Not valid."]}}),
        ("generic", {"Message": "Bad Request"}),
    ],
)
def test_a_refusal_names_the_field_by_a_key_or_not_at_all(open_client, shape, body):
    client = open_client(quirks=Quirks(error_body=shape))
    assert client.put(f"/contacts/{client.create()}", json={"typeId": 999_999}).json() == body


@pytest.mark.parametrize("cascades", [False, True])
def test_deleting_an_account_deletes_its_contacts_or_not(open_client, cascades):
    client = open_client(quirks=Quirks(account_delete_cascades=cascades))
    created = client.create()
    client.delete(f"/accounts/{client.account}")
    assert client.contact(created)["deleted"] is cascades


@pytest.mark.parametrize(
    ("normalisation", "field", "written", "read"),
    [
        (None, "lastName", " Corvo ", " Corvo "),
        (Normalisation.TRIM, "lastName", " Corvo ", "Corvo"),
        (Normalisation.PHONES, "phone1", "01.99.00.12.34", "+33 1 99 00 12 34"),
        (Normalisation.PHONES, "phone1", "poste 12", "poste 12"),
        (Normalisation.EMAILS, "email", "Zoe@Perles.example", "zoe@perles.example"),
        (Normalisation.LAST_NAME, "lastName", "Corvo", "CORVO"),
        (Normalisation.CUT, "lastName", "Corvo" * 5, "CorvoCorvo"),
    ],
)
def test_texts_are_changed_on_the_way_in_where_that_is_switched_on(open_client, normalisation, field, written, read):
    wanted = frozenset({normalisation} - {None})
    lengths = {"lastName": 10} if normalisation is Normalisation.CUT else {}
    client = open_client(quirks=Quirks(normalisations=wanted, max_lengths=lengths))
    assert client.contact(client.create(**{field: written}))[field] == read


def test_a_live_row_may_show_a_sentinel_as_its_date_of_deletion(open_client):
    client = open_client(quirks=Quirks(sentinel_dates=True))
    assert client.contact(client.create())["dateDeleted"] == "1900-01-01T00:00:00Z"


def test_the_clock_may_be_wrong_in_stamps_and_date_header_alike(open_client):
    client = open_client(quirks=Quirks(clock_skew=timedelta(hours=2)))
    answer = client.get(f"/contacts/{client.create()}")
    created = datetime.fromisoformat(answer.json()["dateCreated"])
    ahead = datetime.now(UTC) + timedelta(hours=1)
    assert created > ahead
    assert parsedate_to_datetime(answer.headers["Date"]) > ahead


def test_the_key_of_the_message_may_be_in_lower_case(open_client):
    client = open_client(quirks=Quirks(message_key="message"))
    assert client.put(f"/contacts/{client.create()}", json={}).json() == {"message": "entity updated"}
    assert "message" in client.get("/contacts/0").json()


@pytest.mark.parametrize("body", ["{", "[]", "3", ""])
def test_a_body_that_is_no_object_answers_400(shared, body):
    assert shared.post("/contacts", content=body).status_code == 400


# Bulk


def test_bulk_does_what_single_calls_do_and_answers_item_by_item(shared):
    good = {**CONTACT, "accountId": shared.account, "lastName": "Bulk"}
    made = shared.post("/contacts/bulk", json=[{"guid": "a", "data": good}, {"guid": "b", "data": CONTACT}]).json()
    assert [(item["guid"], item["code"] == 1) for item in made] == [("a", True), ("b", False)]
    new_id = made[0]["id"]
    updated = shared.put(
        "/contacts/bulk", json=[{"guid": "c", "id": new_id, "fax": "1"}, {"guid": "d", "id": 0}]
    ).json()
    assert [(item["guid"], item["code"] == 1) for item in updated] == [("c", True), ("d", False)]
    assert shared.contact(new_id)["fax"] == "1"
    gone = shared.request("DELETE", "/contacts/bulk", json=[{"guid": "e", "id": new_id}]).json()
    assert gone == [{"code": 1, "guid": "e", "id": new_id, "message": "Entity success"}]
    assert shared.contact(new_id)["deleted"] is True


@pytest.mark.parametrize(
    ("place", "in_item", "in_data"), [("either", True, True), ("item", True, False), ("data", False, True)]
)
def test_bulk_update_finds_its_fields_where_the_quirk_says(open_client, place, in_item, in_data):
    client = open_client(quirks=Quirks(bulk_put_fields=place))
    first, second = client.create(lastName="First"), client.create(lastName="Second")
    client.put("/contacts/bulk", json=[{"guid": "1", "id": first, "fax": "1"}])
    client.put("/contacts/bulk", json=[{"guid": "2", "data": {"id": second, "fax": "1"}}])
    assert (client.contact(first)["fax"] == "1") is in_item
    assert (client.contact(second)["fax"] == "1") is in_data


@pytest.mark.parametrize(("method", "limit"), [("POST", 200), ("PUT", 200), ("DELETE", 120)])
def test_bulk_refuses_more_operations_than_its_limit(shared, method, limit):
    items = [{"guid": str(number), "id": 0, "data": {}} for number in range(limit + 1)]
    assert shared.request(method, "/accounts/bulk", json=items).status_code == 400
    assert shared.request(method, "/accounts/bulk", json=items[:limit]).status_code == 200


# Faults and hooks


def test_a_fault_answers_in_the_requests_stead_with_status_body_and_headers(open_client):
    client = open_client()
    client.api.faults.add(Fault(CannedResponse(429, {"Message": "slow"}, {"Retry-After": "3"}), path="/contacts"))
    answer = client.get("/contacts")
    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (429, {"Message": "slow"}, "3")
    assert client.get("/contacts").status_code == 200


def test_a_fault_counts_the_calls_that_match_method_and_path(open_client):
    client = open_client()
    client.api.faults.add(Fault(CannedResponse(500), method="GET", path="/contacts/*", nth=2, times=2))
    created = client.create()
    client.get("/contacts")
    assert [client.get(f"/contacts/{created}").status_code for _ in range(4)] == [200, 500, 500, 200]


def test_a_fault_without_an_end_lasts_until_it_is_cancelled(open_client):
    client = open_client()
    client.api.faults.add(Fault(CannedResponse(500), times=None))
    assert [client.get("/users").status_code for _ in range(3)] == [500] * 3
    client.api.faults.clear()
    assert client.get("/users").status_code == 200


@pytest.mark.parametrize("after", [False, True])
def test_a_500_comes_before_or_after_the_write(open_client, after):
    client = open_client()
    client.api.faults.add(Fault(CannedResponse(500, after=after), method="POST", path="/contacts"))
    answer = client.post("/contacts", json={**CONTACT, "accountId": client.account})
    assert answer.status_code == 500
    assert len(client.ids()) == int(after)


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_is_reset_before_or_after_the_write(open_client, after):
    client = open_client()
    client.api.faults.add(Fault(Reset(after=after), method="POST", path="/contacts"))
    with pytest.raises(httpx.ReadError):
        client.post("/contacts", json={**CONTACT, "accountId": client.account})
    assert len(client.ids()) == int(after)


@pytest.mark.parametrize("after", [False, True])
def test_a_late_answer_times_out_with_the_write_already_done_or_still_to_come(open_client, after):
    client = open_client()
    client.api.faults.add(Fault(Delay(0.3, after=after), method="POST", path="/contacts"))
    with pytest.raises(httpx.ReadTimeout):
        client.post("/contacts", json={**CONTACT, "accountId": client.account}, timeout=0.1)
    assert len(client.ids()) == int(after)
    time.sleep(0.3)
    assert len(client.ids()) == 1


def test_html_a_cut_answer_and_an_empty_page_come_with_status_200(open_client):
    client = open_client()
    created = client.create()
    client.api.faults.add(Fault(HTML), Fault(CutJson(), nth=2), Fault(EMPTY_PAGE, nth=3))
    html, cut, empty = (client.get("/contacts") for _ in range(3))
    assert html.headers["Content-Type"].startswith("text/html")
    assert cut.headers["Content-Type"].startswith("application/json")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        cut.json()
    assert empty.json() == []
    assert [answer.status_code for answer in (html, cut, empty)] == [200] * 3
    assert client.ids() == [created]


def test_all_tokens_expire_in_the_middle(open_client):
    client = open_client()
    client.api.faults.add(Fault(ExpireTokens(), path="/users"))
    assert [client.get("/users").status_code for _ in range(2)] == [401, 401]
    client.login()
    assert client.get("/users").status_code == 200


def test_the_page_size_is_ignored_for_a_call(open_client):
    client = open_client(quirks=Quirks(default_page_size=1))
    for name in ("A", "B"):
        client.create(lastName=name)
    client.api.faults.add(Fault(IgnorePageSize()))
    assert [len(client.ids(page_size=2)) for _ in range(2)] == [1, 2]


def test_a_rate_beyond_the_limit_answers_429_with_retry_after():
    with SsmApiServer(requests_per_second=5) as api, closing(Client(api)) as client:
        answers = [client.get("/users") for _ in range(8)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].headers["Retry-After"] == "1"


def test_the_hooks_see_every_request_before_and_after_and_may_act_on_the_api(open_client):
    client = open_client()
    created, seen = client.create(), []

    def before(call):
        seen.append(("before", call.method, client.api.store.row("contacts", created)["fax"]))

    def after(call):
        seen.append(("after", call.method, client.api.store.row("contacts", created)["fax"]))
        client.api.store.update("contacts", created, {"email": "edited@in-mid.example"}, user=311)

    client.api.on_request, client.api.on_answer = before, after
    client.put(f"/contacts/{created}", json={"fax": "1"})
    assert seen == [("before", "PUT", None), ("after", "PUT", "1")]
    client.api.on_request = client.api.on_answer = None
    assert client.contact(created)["email"] == "edited@in-mid.example"


def test_many_clients_may_write_at_once(open_client):
    client = open_client()
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda number: client.create(lastName=f"N{number}"), range(64)))
    assert len(set(created)) == 64
    assert len(client.ids(page_size=100)) == 64


def test_a_hook_may_ask_the_api_itself(open_client):
    client = open_client()
    asked = []

    def ask_once(call):
        client.api.on_request = None
        asked.append(client.get("/users").status_code)

    client.api.on_request = ask_once
    assert client.ids() == []
    assert asked == [200]
