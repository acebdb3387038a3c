"""The client against faults, and against the API on loopback."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import httpx
import pytest
import respx

from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.errors import (
    Forbidden,
    LoginRefused,
    MalformedAnswer,
    MisconfiguredWay,
    PassingError,
    QuotaExhausted,
    Rejected,
    SsmError,
    TooLate,
    UnexpectedStatus,
    Unreachable,
)
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.standins.ssm_api.faults import (
    EMPTY_PAGE,
    HTML,
    CannedResponse,
    CutJson,
    ExpireTokens,
    Fault,
    IgnorePageSize,
    Reset,
)
from sage100_ssm.standins.ssm_api.server import SsmApiServer

URL = "https://ssm.example/api/v4"
PUBLIC, PRIVATE, TOKEN = "public-key-of-ours", "private-key-of-ours", "session-token-of-ours"
HASTE = RetryPolicy(
    attempts=3, wait_initial=0, wait_max=0, pause=0, pause_max=0.01, connect_timeout=0.2, answer_timeout=0.2
)
EMPTY = httpx.Response(200, json=[])
DONE = httpx.Response(200, json={"Message": "entity updated"})


def client_of(url=URL, retry_policy=HASTE, **settings):
    keys = {"public_key": PUBLIC, "private_key": PRIVATE}
    settings = {"requests_per_second": 10_000, **keys, **settings}
    return SsmClient(SsmConfig(base_url=url, **settings), retry_policy)


def page(*ids):
    return httpx.Response(200, json=[{"id": number} for number in ids])


@pytest.fixture
def mock():
    with respx.mock(base_url=URL, assert_all_called=False) as router:
        router.post("/login").respond(json={"token": TOKEN})
        yield router


@pytest.fixture
def client(mock):
    with client_of() as opened:
        yield opened


@pytest.fixture
def api():
    with SsmApiServer() as api:
        account = api.store.create("accounts", {"name": "Or", "branchId": 16, "salesRepId1": 310}, user=90)
        for number in range(120):
            api.store.create(
                "contacts",
                {
                    "firstName": "F",
                    "lastName": f"L{number}",
                    "accountId": account,
                    "salesRepId": 310,
                    "extId": f"x{number}",
                },
                user=90,
            )
        yield api


@pytest.fixture
def loopback(api):
    with client_of(api.base_url, public_key=api.public_key, private_key=api.private_key) as opened:
        yield opened


def ids_of(rows):
    return [row["id"] for row in rows]


PASSING = {
    "429": httpx.Response(429),
    "429 with seconds": httpx.Response(429, headers={"Retry-After": "30"}),
    "429 with a date": httpx.Response(429, headers={"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    "500": httpx.Response(500),
    "503 in HTML": httpx.Response(503, text="<p>soon</p>"),
    "408": httpx.Response(408),
    "HTML with 200": httpx.Response(200, text="<html>login</html>"),
    "cut JSON": httpx.Response(200, text='[{"id": 1}, {"id"'),
    "an object for a list": httpx.Response(200, json={"rows": []}),
    "null for a list": httpx.Response(200, text="null"),
    "a redirect": httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
    "read timeout": httpx.ReadTimeout,
    "connect timeout": httpx.ConnectTimeout,
    "refused connection": httpx.ConnectError,
    "reset": httpx.ReadError,
    "cut connection": httpx.RemoteProtocolError,
    "404": httpx.Response(404),
    "409": httpx.Response(409, json={"Message": "conflict"}),
    "423": httpx.Response(423),
    "425": httpx.Response(425),
    "403 in HTML": httpx.Response(403, html="<h1>Blocked by the firewall</h1>"),
    "400 in HTML": httpx.Response(400, html="<h1>Bad gateway</h1>"),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_reading_goes_on_after_a_passing_fault(mock, client, fault):
    mock.get("/contacts").mock(side_effect=[fault, page(2, 1), fault, EMPTY, EMPTY])
    assert ids_of(client.rows("contacts")) == [2, 1]


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_a_fault_that_does_not_pass_is_an_error_and_never_an_empty_read(mock, client, fault):
    mock.get("/contacts").mock(side_effect=[fault] * 3)
    with pytest.raises(PassingError):
        list(client.rows("contacts"))


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (httpx.Response(429), QuotaExhausted, "quota"),
        (httpx.Response(500), Unreachable, "unreachable"),
        (httpx.Response(200, text="<p>"), MalformedAnswer, "malformed_answer"),
        (httpx.Response(400, json={"Message": "SQL"}), Rejected, "rejected"),
        (httpx.Response(400, json={"errors": [{"code": "900"}]}), Unreachable, "unreachable"),
        (httpx.Response(500, json={"Code": 901, "Message": "SQL"}), Rejected, "rejected"),
        (httpx.Response(403), Forbidden, "forbidden"),
        (httpx.Response(403, html="<p>"), UnexpectedStatus, "unexpected_answer"),
        (httpx.Response(404), UnexpectedStatus, "unexpected_answer"),
        (httpx.Response(407), MisconfiguredWay, "proxy_password"),
        (httpx.Response(401), LoginRefused, "login_refused"),
    ],
)
def test_each_failure_has_its_error_and_stable_code(mock, client, fault, error, code):
    mock.get("/contacts").mock(return_value=fault)
    with pytest.raises(error) as caught:
        list(client.rows("contacts"))
    assert caught.value.code == code


def test_whole_client_pauses_as_long_as_retry_after_asks_but_no_longer_than_allowed(mock):
    mock.get("/contacts").mock(
        side_effect=[
            httpx.Response(429, headers={"Retry-After": "7"}),
            EMPTY,
            httpx.Response(429, headers={"Retry-After": "9999"}),
            EMPTY,
        ]
    )
    with client_of(retry_policy=RetryPolicy(wait_initial=0, pause_max=60)) as client:
        pauses = []
        client._quota.pause = pauses.append
        assert list(client.rows("contacts")) == []
    assert pauses == [7, 60]


def test_empty_page_is_asked_for_twice_before_it_is_believed(mock, client):
    mock.get("/contacts").mock(side_effect=[EMPTY, page(2), EMPTY, page(1), EMPTY, EMPTY])
    assert ids_of(client.rows("contacts")) == [2, 1]


def test_quiet_read_costs_one_login_and_two_pages(mock, client):
    mock.get("/contacts").mock(return_value=EMPTY)
    assert list(client.rows("contacts")) == []
    assert client.requests == 3


def test_row_that_comes_again_on_a_later_page_is_given_once(mock, client):
    mock.get("/contacts").mock(side_effect=[page(3, 2), page(2, 1), EMPTY, EMPTY])
    assert ids_of(client.rows("contacts")) == [3, 2, 1]


def test_same_page_for_ever_is_an_error(mock, client):
    mock.get("/contacts").mock(return_value=page(2, 1))
    with pytest.raises(MalformedAnswer):
        list(client.rows("contacts"))


def test_pages_that_come_again_in_turn_are_an_error(mock, client):
    mock.get("/contacts").mock(side_effect=[page(4, 3), page(2, 1)] * 9)
    with pytest.raises(MalformedAnswer):
        list(client.rows("contacts"))


def test_a_list_that_goes_on_for_ever_is_an_error(mock):
    numbers = iter(range(10**9))
    mock.get("/contacts").mock(side_effect=lambda _: page(next(numbers)))
    with (
        client_of(retry_policy=replace(HASTE, reading_timeout=0.5)) as client,
        pytest.raises(Unreachable, match="too long") as caught,
    ):
        list(client.rows("contacts"))
    assert caught.value.code == "api_too_long"


def test_page_is_asked_for_with_both_size_headers_and_a_stable_order(mock, client):
    route = mock.get("/contacts").mock(return_value=EMPTY)
    list(client.rows("contacts", "id=5"))
    request = route.calls[0].request
    assert dict(request.url.params) == {"page": "0", "order": "id", "where": "id=5"}
    assert (request.headers["Count"], request.headers["X-FM-Entity-Count"]) == ("100", "100")
    assert request.headers["X-Session-Key"] == TOKEN


def test_expired_session_costs_one_new_login_for_all_threads(mock):
    tokens = iter([f"token-{number}" for number in range(9)])
    login = mock.post("/login").mock(side_effect=lambda _: httpx.Response(200, json={"token": next(tokens)}))
    all_refused = threading.Barrier(4)

    def answer(request):
        if request.headers["X-Session-Key"] == "token-0":
            all_refused.wait(timeout=5)
            return httpx.Response(401)
        return httpx.Response(200, json={"properties": {}})

    mock.get(path__regex="/contacts/.*").mock(side_effect=answer)
    with client_of() as client, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: client.field_names(f"contacts/{number}"), range(4)))
    assert login.call_count == 2


def test_endless_401_is_a_refused_login_after_one_new_session(mock, client):
    route = mock.get("/contacts").respond(401)
    with pytest.raises(LoginRefused):
        list(client.rows("contacts"))
    assert route.call_count == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_wrong_keys_are_a_refused_login_and_are_not_tried_again(mock, client, status):
    login = mock.post("/login").respond(status, json={"Message": PRIVATE})
    with pytest.raises(LoginRefused):
        client.log_in()
    assert login.call_count == 1


def test_an_address_without_the_api_is_told_as_such(mock, client):
    mock.post("/login").respond(404, text="<h1>Not found</h1>")
    with pytest.raises(MisconfiguredWay, match="no API at this address") as caught:
        client.log_in()
    assert (caught.value.code, caught.value.configuration) == ("api_missing", True)


def test_login_outlasts_a_passing_fault(mock, client):
    mock.post("/login").mock(
        side_effect=[
            httpx.Response(500),
            httpx.ConnectError,
            httpx.Response(200, json={"token": TOKEN}),
        ]
    )
    client.log_in()
    assert client.requests == 3


NOT_CARRIED_OUT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.Response(429), httpx.Response(401)]
PERHAPS_CARRIED_OUT = [
    httpx.ReadTimeout,
    httpx.ReadError,
    httpx.Response(500),
    httpx.Response(503, headers={"Retry-After": "1"}),
    httpx.Response(409, json={"Message": "conflict"}),
    httpx.Response(423),
    httpx.Response(403, html="<h1>Blocked</h1>"),
    httpx.Response(200, text="<html>"),
]
NAMES = ("create", "update", "delete", "create_many", "update_many")
WRITES = {
    "create": ("POST", "/contacts", lambda client: client.create("contacts", {})),
    "update": ("PUT", "/contacts/5", lambda client: client.update("contacts", 5, {"email": "x"})),
    "delete": ("DELETE", "/contacts/5", lambda client: client.delete("contacts", 5)),
    "create many": ("POST", "/contacts/bulk", lambda client: client.create_many("contacts", [{}])),
    "update many": ("PUT", "/contacts/bulk", lambda client: client.update_many("contacts", [(5, {})])),
}


@pytest.mark.parametrize(
    ("fault", "sent"), [*((f, False) for f in NOT_CARRIED_OUT), *((f, True) for f in PERHAPS_CARRIED_OUT)]
)
@pytest.mark.parametrize(("method", "path", "write"), WRITES.values(), ids=WRITES)
def test_p11_a_write_is_sent_once_and_its_error_says_whether_it_may_have_been_carried_out(
    mock, client, method, path, write, fault, sent
):
    route = mock.request(method, path).mock(side_effect=[fault, DONE])
    with pytest.raises(PassingError) as caught:
        write(client)
    assert (caught.value.sent, route.call_count) == (sent, 1)


@pytest.mark.parametrize("login", [httpx.ReadTimeout, httpx.Response(500)])
@pytest.mark.parametrize(("method", "path", "write"), WRITES.values(), ids=WRITES)
def test_p11_a_write_for_which_there_is_no_session_is_not_sent(mock, client, method, path, write, login):
    route = mock.request(method, path).mock(return_value=DONE)
    mock.post("/login").mock(side_effect=[login])
    with pytest.raises(PassingError) as caught:
        write(client)
    assert (caught.value.sent, route.call_count) == (False, 0)


@pytest.mark.parametrize(("method", "path", "write"), WRITES.values(), ids=WRITES)
def test_p11_a_write_that_had_to_wait_too_long_for_the_quota_is_not_sent(mock, client, method, path, write):
    route = mock.request(method, path).mock(return_value=DONE)
    client.log_in()
    client._quota.pause(0.3)
    kept = {name: partial(getattr(client, name), until=time.monotonic() + 0.1) for name in dir(client) if name in NAMES}
    with pytest.raises(TooLate):
        write(SimpleNamespace(**kept))
    assert route.call_count == 0


def test_keys_are_not_sent_after_a_redirect(mock, client):
    elsewhere = respx.get("https://elsewhere.example/").respond(json=[])
    mock.get("/contacts").respond(302, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(MalformedAnswer):
        list(client.rows("contacts"))
    assert not elsewhere.called


@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_no_error_names_a_key_or_a_token(mock, client, status):
    mock.get("/contacts").respond(status, text=f"<b>{PUBLIC}</b> {PRIVATE} {TOKEN} said no")
    with pytest.raises(SsmError) as caught:
        list(client.rows("contacts"))
    text = f"{caught.value} {caught.value!r} {caught.value.detail} {client!r}"
    assert "**** **** **** said no" in text
    assert not any(secret in text for secret in (PUBLIC, PRIVATE, TOKEN))


def test_each_token_is_told_to_whoever_masks_logs_even_to_latecomers(mock, client):
    early, late = [], []
    client.on_token(early.append)
    client.log_in()
    client.on_token(late.append)
    assert (early, late) == ([TOKEN], [TOKEN])


def test_found_rows_end_the_reading(mock, client):
    route = mock.get("/contacts").mock(return_value=page(9, 5, 4))
    assert ids_of(client.find("contacts", ids={4, 5})) == [5, 4]
    assert route.call_count == 1
    assert route.calls[0].request.url.params["where"] in {"id=4 OR id=5", "id=5 OR id=4"}


def test_deleted_row_does_not_end_the_search_for_a_living_one(mock, client):
    dead, living = {"id": 9, "extId": "o'x", "deleted": True}, {"id": 3, "extId": "o'x"}
    route = mock.get("/contacts").mock(
        side_effect=[httpx.Response(200, json=[dead]), httpx.Response(200, json=[living])]
    )
    assert ids_of(client.find("contacts", ext_ids={"o'x"})) == [9, 3]
    assert route.calls[0].request.url.params["where"] == "extId='o''x'"


def test_nothing_looked_for_costs_no_request(client):
    assert list(client.find("contacts")) == []
    assert client.requests == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault(IgnorePageSize(), "GET", "/contacts", times=None),
        Fault(ExpireTokens(), "GET", "/contacts", nth=2),
        Fault(EMPTY_PAGE, "GET", "/contacts", nth=2),
        Fault(HTML, "GET", "/contacts", nth=2),
        Fault(CutJson(), "GET", "/contacts", nth=2),
        Fault(Reset(), "GET", "/contacts", nth=2),
        Fault(CannedResponse(500), "GET", "/contacts", nth=2),
        Fault(CannedResponse(429, headers={"Retry-After": "0"}), "GET", "/contacts", nth=2),
        Fault(CannedResponse(500), "POST", "/login"),
    ],
)
def test_list_on_loopback_is_read_whole_through_any_passing_fault(api, loopback, fault):
    api.faults.add(fault)
    assert len(ids_of(loopback.rows("contacts"))) == 120


def test_found_on_loopback_by_id_and_ext_id(loopback):
    known = ids_of(loopback.rows("contacts"))[:3]
    found = list(loopback.find("contacts", ids=set(known), ext_ids={"x5", "nobody"}))
    assert {row["id"] for row in found if row["extId"] != "x5"} == set(known)
    assert [row["extId"] for row in found].count("x5") == 1


def test_quota_of_the_instance_is_kept_on_loopback():
    """All threads together; the instance allows some more, since a busy machine delivers requests unevenly."""
    with (
        SsmApiServer(requests_per_second=20) as api,
        client_of(
            api.base_url, public_key=api.public_key, private_key=api.private_key, requests_per_second=12
        ) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        list(pool.map(lambda _: list(client.rows("users")), range(12)))
        assert len(api.requests) == client.requests == 1 + 12 * 3
