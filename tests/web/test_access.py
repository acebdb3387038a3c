"""Who may use the page, and what no one may do with it."""

import re

import httpx
import pytest
from argon2 import PasswordHasher
from starlette.datastructures import Headers
from starlette.routing import Route

from sage100_ssm.app.settings import SettingsError, load_settings
from sage100_ssm.app.web_settings import Role, WebProxy, WebSettings, WebUser
from sage100_ssm.web.access import Access, Sessions, TooManyLoginsError, Visitor, password_hash
from sage100_ssm.web.application import create_app
from sage100_ssm.web.installation import Installation
from sage100_ssm.web.rendering import own_page
from tests.web.conftest import MARIE, PASSWORDS

# --- settings


@pytest.mark.parametrize(
    ("web", "key", "reason"),
    [
        ("web: {host: 0.0.0.0}", "web", "password_required"),
        ("web: {host: contacts.example}", "web", "password_required"),
        ("web: {users: {marie: {password: short}}}", "web.users.marie.password", "password_short"),
        ("web: {users: {marie: {password: long enough it is, role: admin}}}", "web.users.marie.role", "not_a_choice"),
        ("web: {users: {marie: {rolle: look, password: long enough it is}}}", "web.users.marie.rolle", "unknown_key"),
        ("web: {port: 0}", "web.port", "out_of_range"),
        ("web: {address: 'ftp://contacts.example'}", "web.address", "invalid"),
        ("web: {proxy: {user_header: 'X User'}}", "web.proxy.user_header", "invalid"),
        ("web: {proxy: {user_header: X-User, trusted: [proxy]}}", "web.proxy.trusted.0", "invalid"),
    ],
)
def test_a_setting_that_would_open_the_page_to_anybody_or_means_nothing_is_refused(settings_file, web, key, reason):
    with pytest.raises(SettingsError) as refused:
        load_settings(settings_file(web=web))

    assert [(one.key, one.reason) for one in refused.value.invalid] == [(key, reason)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_loopback_the_page_needs_no_users(host):
    assert WebSettings(host=host).users == {}


def test_a_password_is_in_no_text_of_the_settings(settings_file):
    assert PASSWORDS["marie"] not in repr(load_settings(settings_file()))


# --- who is it


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """Argon2 at its quickest: what it costs is its makers' concern."""
    monkeypatch.setattr("sage100_ssm.web.access._HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def access(**users):
    return Access(WebSettings(users={name: WebUser(role=role, password=word) for name, (role, word) in users.items()}))


def test_a_user_is_known_by_name_and_password_and_a_hash_is_as_good_as_the_password():
    known = access(marie=("settle", password_hash("a long password")), paul=("look", "another password"))

    assert known.logged_in("marie", "a long password") == Visitor("marie", Role.SETTLE)
    assert known.logged_in("paul", "another password") == Visitor("paul", Role.LOOK)
    assert known.logged_in("paul", "a long password") is None
    assert known.logged_in("nobody", "a long password") is None


def test_the_hash_of_a_password_is_no_password():
    hashed = password_hash("a long password")

    assert access(marie=("settle", hashed)).logged_in("marie", hashed) is None


def test_a_damaged_hash_opens_nothing_and_is_no_fault():
    assert (
        access(marie=("settle", password_hash("a long password")[:-20])).logged_in("marie", "a long password") is None
    )


def test_after_five_logins_of_a_name_in_a_minute_not_even_the_right_password_is_checked():
    known = access(marie=("settle", "a long password"), paul=("look", "another password"))
    for _ in range(5):
        known.logged_in("marie", "wrong")

    with pytest.raises(TooManyLoginsError):
        known.logged_in("marie", "a long password")
    assert known.logged_in("paul", "another password")


def test_thirty_logins_of_all_names_in_a_minute_are_the_most_that_are_checked():
    keyed = Access(WebSettings(), key="k", owner="root")
    for number in range(30):
        keyed.logged_in(f"name {number}", "wrong")

    with pytest.raises(TooManyLoginsError):
        keyed.logged_in("another", "k")


def test_without_users_the_key_of_the_installation_opens_the_page():
    keyed = Access(WebSettings(), key="sage100-ssm:key", owner="root")

    assert keyed.logged_in("", " sage100-ssm:key\n") == Visitor("root", Role.SETTLE)
    assert keyed.logged_in("", "sage100-ssm:kez") is None


@pytest.mark.parametrize(
    ("peer", "headers", "visitor"),
    [
        ("127.0.0.1", {"x-user": "marie"}, Visitor("marie", Role.SETTLE)),
        ("127.0.0.1", {"x-user": "paul"}, Visitor("paul", Role.LOOK)),
        ("127.0.0.1", {"x-user": " "}, None),
        ("127.0.0.1", {}, None),
        ("192.0.2.7", {"x-user": "marie"}, None),
        (None, {"x-user": "marie"}, None),
    ],
)
def test_the_user_that_a_proxy_names_is_believed_from_its_address_alone(peer, headers, visitor):
    known = Access(WebSettings(proxy=WebProxy(user_header="x-user", settle=("marie",))))

    assert known.named_by_proxy(peer, Headers(headers)) == visitor


def test_a_user_who_is_named_twice_is_nobody():
    known = Access(WebSettings(proxy=WebProxy(user_header="x-user", settle=("marie",))))
    twice = Headers(raw=[(b"x-user", b"marie"), (b"x-user", b"paul")])

    assert known.named_by_proxy("127.0.0.1", twice) is None


def test_a_header_names_nobody_where_there_is_no_proxy():
    assert access(marie=("settle", "a long password")).named_by_proxy("127.0.0.1", Headers({"x-user": "marie"})) is None


def test_a_session_ends_by_itself_after_a_working_day_and_at_once_when_it_is_ended():
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    one, other = sessions.begin(Visitor("marie", Role.SETTLE)), sessions.begin(Visitor("paul", Role.LOOK))
    sessions.end(other)
    now[0] = 7 * 3600
    assert sessions.visitor(one)
    assert sessions.visitor(other) is None
    now[0] += 8 * 3600
    assert sessions.visitor(one) is None


# --- the page


PAGES = ["/", "/problems", "/problems/1", "/problems.csv", "/problems.xlsx", "/runs", "/runs/r1", "/plan", "/pairs"]


def test_who_is_not_logged_in_is_led_to_the_login_and_sees_no_name(browser):
    for path in PAGES:
        answer = browser.get(path)
        assert (answer.status_code, answer.url.path) == (200, "/login"), path
        assert "Aubrelin" not in answer.text, path


def test_who_is_not_logged_in_sees_no_picture_and_no_work(browser):
    assert browser.get("/charts/changes.svg").status_code == 403
    assert browser.get("/jobs/1").url.path == "/login"


def test_a_login_leads_to_the_page_that_was_asked_for(browser):
    asked = browser.get("/problems?code=conflict")
    wanted = re.findall('name="next" value="([^"]+)"', asked.text)[-1]

    answer = browser.submit("/login", name=MARIE[0], password=MARIE[1], next=wanted)

    assert (answer.url.path, answer.url.query) == ("/problems", b"code=conflict")


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "evil",
        "",
        "/\tevil",
        "javascript:alert(1)",
        "//[",
        "http://[",
    ],
)
def test_a_form_leads_to_no_other_site(place):
    assert own_page(place) == "/"


def test_a_wrong_password_is_refused_in_words(browser):
    answer = browser.log_in("marie", "wrong")

    assert answer.status_code == 403
    assert "mot de passe" in answer.text


def test_too_many_logins_are_refused_in_words(browser):
    answers = [browser.log_in("marie", "wrong").status_code for _ in range(6)]

    assert answers == [403] * 5 + [429]


def test_a_cookie_that_was_copied_is_worth_nothing_after_logging_out(marie):
    copied = dict(marie.cookies)
    marie.submit("/logout")

    with httpx.Client(base_url=marie.base_url, cookies=copied, trust_env=False) as thief:
        assert thief.get("/problems").status_code == 303


def test_a_cookie_is_not_for_scripts_nor_for_other_sites(browser):
    answer = browser.get("/login")

    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_pages_at_two_ports_of_one_host_have_cookies_of_their_own(browser):
    """A browser sends a cookie to all ports of its host, and ``serve`` has a page for each company."""
    assert browser.get("/login").headers["set-cookie"].startswith("sage100-ssm-4210=")


def test_a_cookie_that_was_forged_is_nobodys(browser):
    browser.cookies.set("sage100-ssm-4210", "eyJzZXNzaW9uIjogIngifQ==.x.y")

    assert browser.get("/problems").url.path == "/login"


def test_a_page_behind_https_sends_its_cookie_over_https_alone():
    assert WebSettings(address="https://contacts.example").is_https
    assert not WebSettings().is_https


def forms(app):
    return [route.path for route in app.routes if isinstance(route, Route) and "POST" in route.methods]


def test_every_form_without_its_token_is_refused(app, marie):
    for path in (path.replace("{number}", "3") for path in forms(app)):
        for fields in ({}, {"csrf": ""}, {"csrf": "x" * 32}):
            assert marie.post(path, data={"choice": "accept", **fields}).status_code == 403, path
    with marie.get("/problems/3").is_success and httpx.Client(base_url=marie.base_url, trust_env=False) as other:
        # The token of one browser is none of another's.
        assert other.post("/login", data={"csrf": marie.token()}).status_code == 403


def test_who_may_look_settles_nothing_though_the_form_is_ours(app, paul):
    token = paul.token("/problems")
    only_looking = {"/login", "/logout", "/language", "/plan", "/pairs"}
    for path in set(forms(app)) - only_looking:
        answer = paul.post(path.replace("{number}", "3"), data={"csrf": token, "choice": "ssm", "problem": "3"})
        assert answer.status_code == 403, path
        assert "settle" in answer.text


def test_who_may_look_is_shown_no_button_that_settles(paul):
    for path in ("/problems", "/problems/3", "/runs", "/plan"):
        assert not re.findall(
            r'action="(/problems/\d+/\w+|/problems/retry|/runs|/lift|/pairs/decide)"', paul.get(path).text
        )


def test_a_name_that_somebody_else_points_to_loopback_is_refused(browser):
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""):
        assert browser.get("/login", headers={"host": host}).status_code == 400, host


def test_a_page_on_an_address_of_ipv6_answers_to_it(browser):
    for host in ("[::1]", "[::1]:4210"):
        assert browser.get("/login", headers={"host": host}).is_success, host


def test_who_is_led_to_the_login_stays_on_the_address_that_the_browser_knows(page_address):
    with httpx.Client(base_url=page_address, trust_env=False) as client:
        place = client.get("/?who=Morel").headers["location"]

    assert place.startswith("/login?next=")


def test_a_form_in_another_encoding_than_ours_is_refused(browser):
    parts = b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n\\ud800\r\n--x--\r\n'
    browser.token()
    for charset in ("utf-8", "unicode_escape"):
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        assert browser.post("/login", content=parts, headers={"content-type": kind.encode()}).status_code in (400, 415)


def test_every_answer_forbids_scripts_frames_and_everything_from_elsewhere(marie):
    for path in ("/", "/login", "/problems", "/nothing", "/static/page.css", "/problems.csv"):
        headers = marie.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; img-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_a_form_of_more_than_a_form_needs_is_refused(marie):
    assert marie.post("/language", data={"csrf": marie.token(), "next": "x" * 200_000}).status_code == 413


def test_nothing_of_a_request_is_logged(marie, caplog, capfd):
    marie.get("/", params={"who": "claire morel"})
    marie.get("/problems", params={"text": "claire morel"})

    ours = [record.getMessage() for record in caplog.records if record.name != "httpx"]  # that is the visitor's own
    assert "claire" not in "".join([*ours, *capfd.readouterr()])


def test_behind_a_proxy_the_user_is_whom_it_names_and_nobody_logs_in(settings_file, serve_app):
    settings = load_settings(settings_file(web="web: {proxy: {user_header: X-Forwarded-User, settle: [marie]}}"))
    address = serve_app(create_app(Installation(settings, Access(settings.web))))
    with httpx.Client(base_url=address, trust_env=False, follow_redirects=True) as client:
        assert client.get("/").status_code == 403
        assert "marie" in client.get("/pairs", headers={"X-Forwarded-User": "marie"}).text


def test_a_number_that_none_can_be_has_no_page_and_is_no_fault(marie):
    for number in ("9" * 5000, "9" * 19, "-1", "1.5", "²", "x"):
        for path in (f"/problems/{number}", f"/contacts/ssm/{number}"):
            assert marie.get(path).status_code == 404
        assert marie.get("/problems", params={"part": number}).is_success
        assert marie.submit(f"/problems/{number}/undo").status_code == 404
        assert marie.submit("/problems/retry", problem=number).is_success
    for who in ("9" * 30, f"ssm:{'9' * 30}", f"sage100:BIJOU:{'9' * 30}"):
        assert marie.get("/", params={"who": who}).is_success, who
