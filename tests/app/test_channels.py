"""Messages reach a real SMTP server and a real webhook; one that does not take them says why, without secrets."""

import json
import threading
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller
from apprise import Apprise
from pydantic import TypeAdapter, ValidationError

from sage100_ssm.app.channels import Channel, ChannelError, send

CHANNEL = TypeAdapter(Channel)
TEAMS = (
    "https://default643e69f83c8944438d68119179a10a.64.environment.api.powerplatform.com:443/powerautomate/automations"
    "/direct/workflows/643e69f83c8944438d68119179a10a64/triggers/manual/paths/invoke"
    "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu-6Rj8aUKz7108W3wrNJZxFE5A"
)
SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.fixture
def smtp():
    """An SMTP server on loopback, with the messages that it received."""

    class Received(list):
        async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
            self.append((envelope, message_from_bytes(envelope.content, policy=default)))
            return "250 OK"

    class AtAnyPort(Controller):
        def _trigger_server(self):
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    received = Received()
    controller = AtAnyPort(received, hostname="127.0.0.1", port=0)
    controller.start()
    received.port = controller.port
    yield received
    controller.stop()


@pytest.fixture
def webhook():
    """A web server on loopback, with what was posted to it and the status that it answers."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((self.path, json.loads(body)))
            self.send_response(server.status)
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.status, server.headers, server.posted = 200, {}, posted
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def email(port, **changes):
    known = {"kind": "email", "server": "127.0.0.1", "port": port, "security": "none", "sender": "sync@bijou.example"}
    return CHANNEL.validate_python({**known, "to": ["admin@bijou.example", "it@bijou.example"], **changes})


def test_an_email_arrives_with_its_subject_and_text_for_each_recipient(smtp):
    send(
        email(smtp.port), "BIJOU : synchronisation retenue", "Trop de suppressions.\n→ « sage100-ssm plan »", "warning"
    )

    assert sorted(to for envelope, _ in smtp for to in envelope.rcpt_tos) == ["admin@bijou.example", "it@bijou.example"]
    _, message = smtp[0]
    assert message["Subject"] == "BIJOU : synchronisation retenue"
    assert message["From"].endswith("sync@bijou.example") or "<sync@bijou.example>" in message["From"]
    assert "→ « sage100-ssm plan »" in message.get_content()


def test_a_webhook_is_posted_title_message_and_type_with_the_whole_address(webhook):
    url = f"http://127.0.0.1:{webhook.server_port}/hooks/7?code=a%2Bb&x="

    send(CHANNEL.validate_python({"kind": "webhook", "url": url}), "Titre", "Texte", "success")

    ((path, posted),) = webhook.posted
    assert path == "/hooks/7?code=a%2Bb&x="
    assert (posted["title"], posted["message"], posted["type"]) == ("Titre", "Texte", "success")


def test_a_webhook_that_refuses_says_so_without_its_address(webhook):
    webhook.status = 403
    channel = CHANNEL.validate_python({"kind": "webhook", "url": f"http://127.0.0.1:{webhook.server_port}/s3cret"})

    with pytest.raises(ChannelError, match="403") as caught:
        send(channel, "T", "t")

    assert "s3cret" not in str(caught.value)


def test_a_webhook_that_leads_elsewhere_has_not_taken_the_message(webhook):
    webhook.status, webhook.headers = 307, {"Location": "/elsewhere"}

    with pytest.raises(ChannelError, match="307"):
        send(CHANNEL.validate_python({"kind": "webhook", "url": f"http://127.0.0.1:{webhook.server_port}/a"}), "T", "t")

    assert [path for path, _ in webhook.posted] == ["/a"]


def test_a_service_that_never_comes_to_an_end_holds_no_run_up(monkeypatch):
    monkeypatch.setattr("sage100_ssm.app.channels._LONGEST_SECONDS", 0.05)
    ended = threading.Event()
    monkeypatch.setattr("sage100_ssm.app.channels._send", lambda *_: ended.wait(10))

    with pytest.raises(ChannelError, match="no answer"):
        send(email(1), "T", "t")

    ended.set()


def test_a_fault_of_the_library_is_an_error_of_the_channel(monkeypatch):
    monkeypatch.setattr("sage100_ssm.app.channels._send", lambda *_: {}["nothing"])

    with pytest.raises(ChannelError, match="KeyError"):
        send(email(1), "T", "t")


def test_a_name_with_half_a_surrogate_pair_stops_no_message(smtp):
    send(email(smtp.port), "T", "- Zo\ud800e attend")

    assert "Zo?e attend" in smtp[0][1].get_content()


@pytest.mark.parametrize("text", ["<!channel> <https://evil.example|Morel>", "[Morel](https://evil.example)"])
@pytest.mark.parametrize(("kind", "url"), [("teams", TEAMS), ("slack", SLACK)])
def test_p17_a_name_is_no_link_in_a_message_and_calls_nobody(kind, url, text):
    shown = CHANNEL.validate_python({"kind": kind, "url": url}).as_text(text)

    assert not (kind == "slack" and "<" in shown)
    assert not (kind == "teams" and "](" in shown)


def test_a_server_that_is_down_is_an_error_with_a_reason_and_without_the_password(smtp):
    channel = email(1, user="sync", password="hunter2")

    with pytest.raises(ChannelError) as caught:
        send(channel, "T", "t")

    assert str(caught.value)
    assert "hunter2" not in str(caught.value) + repr(channel) + channel.label


@pytest.mark.parametrize(("kind", "url", "service"), [("teams", TEAMS, "Workflows"), ("slack", SLACK, "Slack")])
def test_the_address_of_a_workflow_or_webhook_is_understood_as_its_service(kind, url, service):
    channel = CHANNEL.validate_python({"kind": kind, "url": url})

    assert type(Apprise.instantiate(channel.service())).__name__ == f"Notify{service}"
    assert channel.label.startswith(kind)
    assert url.rpartition("/")[2] not in channel.label + repr(channel)


def test_any_other_service_of_the_library_takes_its_own_address(webhook):
    send(CHANNEL.validate_python({"kind": "apprise", "url": f"json://127.0.0.1:{webhook.server_port}/a"}), "T", "t")

    assert webhook.posted[0][0] == "/a"


def test_an_address_that_the_library_does_not_know_is_an_error():
    with pytest.raises(ChannelError):
        send(CHANNEL.validate_python({"kind": "apprise", "url": "nosuch://x"}), "T", "t")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "email", "server": "smtp", "to": ["admin@bijou.example"]},  # no sender
        {"kind": "email", "server": "smtp", "user": "sync", "to": ["admin@bijou.example"]},
        {"kind": "email", "server": "smtp", "sender": "s@x.example", "to": []},
        {"kind": "email", "server": "smtp", "sender": "s@x.example", "to": ["admin"]},
        {"kind": "email", "server": "smtp", "sender": "s@x.example", "to": ["a@x.example"], "port": 0},
        {"kind": "webhook", "url": "ftp://x"},
        {"kind": "teams", "url": "https:///path"},
        {"kind": "apprise", "url": "nothing"},
        {"kind": "fax", "url": "https://x.example"},
    ],
)
def test_a_channel_that_cannot_work_is_refused_with_the_settings(wrong):
    with pytest.raises(ValidationError):
        CHANNEL.validate_python(wrong)


def test_the_user_of_an_email_account_is_its_sender_where_that_is_an_address():
    channel = CHANNEL.validate_python({"kind": "email", "server": "s", "user": "sync@x.example", "to": ["a@x.example"]})

    assert channel.service()["from_addr"] == "sync@x.example"
