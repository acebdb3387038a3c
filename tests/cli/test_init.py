"""`init` against the sample company: each answer is tried, what is wrong asked again, and no secret in the settings."""

import pytest
import yaml
from typer.testing import CliRunner

from sage100_ssm.app import first_settings
from sage100_ssm.app.channels import ChannelError
from sage100_ssm.app.first_settings import AnswerRefusedError, state_address, try_state
from sage100_ssm.app.settings import load_settings
from sage100_ssm.cli import init as command
from sage100_ssm.cli import interview as questions
from sage100_ssm.cli.commands import app
from sage100_ssm.cli.dialogue import Dialogue, _as_text
from sage100_ssm.standins.sample_installation import sample_installation


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    with sample_installation(tmp_path_factory.mktemp("société d'essai")) as opened:
        yield opened


@pytest.fixture
def file(tmp_path):
    return tmp_path / "mon dossier é" / "sync.yaml"


@pytest.fixture
def answer(sample, file, monkeypatch):
    """A function that calls the command, with a line for each question; an empty one is Enter."""
    monkeypatch.setattr(command, "_has_terminal", lambda: True)
    monkeypatch.delenv("LANG", raising=False)

    def called(*lines, end="\n"):
        words = ["init", "-c", str(file), "--ssm-url", sample.api.base_url]
        return CliRunner().invoke(app, words, input="\n".join(lines) + end)

    return called


@pytest.fixture
def keys(sample):
    return [sample.api.public_key, sample.api.private_key]


def test_the_answers_become_settings_that_work_and_contain_no_secret(answer, sample, file, keys):
    done = answer("en", str(sample.database), "", *keys, "310", "", "")
    assert done.exit_code == 0, done.output
    text = file.read_text("utf-8")
    assert not any(key in text for key in keys)
    assert (file.parent / "sync.env").stat().st_mode & 0o777 == 0o600
    settings = load_settings(file, {})
    assert (settings.language, settings.sage100.company, settings.ssm.default_sales_rep_id) == ("en", "BIJOU", 310)
    assert settings.ssm.private_key.get_secret_value() == sample.api.private_key


def test_the_questions_are_in_the_language_that_is_chosen_first(answer, sample, keys):
    assert "Password" not in answer("fr", end="").output
    assert "Serveur SQL" in answer("fr", str(sample.database), end="").output
    assert "SQL Server, as Sage shows it" in answer("en", str(sample.database), end="").output


def test_each_wrong_answer_is_said_and_asked_again(answer, sample, file, keys):
    done = answer(
        *("de", "fr", str(file.parent / "absent.db"), str(sample.database), "BI:JOU", "BIJOU"),
        *("wrong", "keys", *keys, "999", "310", "mysql://u:p@h/d", "sync-state.db", ""),
    )
    assert done.exit_code == 0, done.output
    output = done.output.replace("\N{NO-BREAK SPACE}", " ")
    assert output.count("✗") == 6
    for said in ("« de » n’est pas dans la liste", "n’existe pas", "deux-points", "a refusé", "« 999 »", "base d’état"):
        assert said in output


def test_what_was_typed_before_is_proposed_again(answer, sample, keys):
    assert f"[{sample.database}x.db]" in answer("en", f"{sample.database}x.db", end="\n").output
    assert "[wrong]" in answer("en", str(sample.database), "", "wrong", "keys", end="\n").output


def test_a_part_of_a_name_shows_the_users_who_have_it(answer, sample, keys):
    shown = answer("en", str(sample.database), "", *keys, "corvi", end="\n").output.rpartition("corvi")[2]
    assert "Maëlle Corvisier" in shown
    assert "Ulysse" not in shown


def test_of_many_choices_the_first_are_listed(capsys, monkeypatch):
    monkeypatch.setattr("typer.prompt", lambda *_, **__: "39")
    assert Dialogue("en").choose("init_owner", {str(n): f"User {n}" for n in range(40)}) == "39"
    assert "and 10 more" in capsys.readouterr().out


def test_settings_that_are_there_are_replaced_only_on_yes_and_kept_beside(answer, sample, file, keys):
    file.parent.mkdir()
    file.write_text("mine")
    refused = answer("en", "")
    assert (refused.exit_code, file.read_text()) == (2, "mine")
    assert "nothing was written" in refused.output
    assert answer("en", "perhaps", "y", str(sample.database), "", *keys, "310", "", "").exit_code == 0
    assert file.with_name("sync.yaml.old").read_text() == "mine"
    assert yaml.safe_load(file.read_text("utf-8"))["secrets"] == "sync.env"


@pytest.mark.parametrize("number", range(8))
def test_whoever_stops_in_the_middle_leaves_everything_as_it_was(answer, sample, file, keys, number):
    lines = ["en", str(sample.database), "", *keys, "310", "", ""][:number]
    done = answer(*lines, end="\n" if lines else "")
    assert done.exit_code == 2
    assert "Stopped: nothing was written." in done.output or "rien n’a été écrit" in done.output
    assert not file.parent.exists()


def test_without_a_terminal_it_says_what_to_do_instead(file):
    done = CliRunner().invoke(app, ["init", "-c", str(file)], input="en\n", env={"LANG": "en_GB.UTF-8"})
    assert done.exit_code == 2
    assert "needs a terminal" in done.stderr
    assert not file.exists()


def test_a_folder_that_cannot_be_written_is_named_before_the_first_question(answer, file):
    file.parent.write_text("a file, not a folder")
    done = answer("en")
    assert done.exit_code == 2
    assert str(file.parent) in done.output.replace("\n", "")
    assert "SQL Server" not in done.output


def test_an_address_of_ssm_that_would_send_keys_in_clear_is_refused(answer, sample, file, monkeypatch):
    monkeypatch.setattr(sample.api.__class__, "base_url", "http://ssm.example/api/v4")
    done = answer("en", str(sample.database), "", "pk", "sk", end="\n")
    assert "https://" in done.output
    assert not file.exists()


def test_accents_from_a_terminal_that_has_none_are_what_was_typed():
    assert _as_text("m\udcc3\udca9moire.db") == "mémoire.db"
    assert _as_text("\udcff") == "\N{REPLACEMENT CHARACTER}"


# --- SQL Server


@pytest.fixture
def server(monkeypatch):
    """What SQL Server answers to each attempt: an error, or its databases."""
    attempts, answers = [], []

    def databases(config, language):
        attempts.append(config)
        result = answers.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(questions, "databases_of", databases)
    monkeypatch.setattr(questions, "missing_rights", lambda *_: [])
    monkeypatch.setattr(questions, "drivers", lambda: ["ODBC Driver 18 for SQL Server", "FreeTDS"])
    return attempts, answers


def test_a_refused_login_is_asked_again_with_the_server_proposed(answer, server, file, keys):
    attempts, answers = server
    answers += [AnswerRefusedError("refused", "login_refused"), ["BIJOU", "ESSAI"]]
    done = answer(*("en", r"SRV\SAGE100", "sa", "wrong", "", "", "p4ss", "BIJOU", "", *keys, "310", "", ""))
    assert done.exit_code == 0, done.output
    assert [(one.host, one.instance, one.username) for one in attempts] == [("SRV", "SAGE100", "sa")] * 2
    assert "BIJOU, ESSAI" in done.output
    connection = yaml.safe_load(file.read_text("utf-8"))["sage100"]["connection"]
    assert connection == {
        "kind": "sqlserver",
        "host": "SRV",
        "instance": "SAGE100",
        "database": "BIJOU",
        "username": "sa",
        "password": "${SAGE_PASSWORD}",
    }
    assert load_settings(file, {}).sage100.connection.password.get_secret_value() == "p4ss"


@pytest.mark.parametrize(("agreed", "trusted"), [("y", [False, True]), ("n", [False])])
def test_a_certificate_that_is_not_trusted_is_accepted_only_on_yes(answer, server, agreed, trusted):
    attempts, answers = server
    answers += [AnswerRefusedError("not trusted", "certificate"), ["BIJOU"]]
    answer("en", "SRV,1444", "", agreed, end="\n")
    assert [one.trust_server_certificate for one in attempts] == trusted
    assert {one.port for one in attempts} == {1444}
    assert {one.username for one in attempts} == {None}


def test_a_machine_without_a_driver_is_told_what_to_install(answer, monkeypatch):
    monkeypatch.setattr(questions, "drivers", list)
    assert "Install Microsoft's ODBC driver" in answer("en", "SRV", end="\n").output.replace("’", "'")


@pytest.mark.parametrize("typed", ["a b", "SRV\\A\\B", "SRV,1,2", "SRV,99999", "tcp:SRV,1433"])
def test_what_is_no_server_is_asked_again(answer, server, typed):
    done = answer("en", typed, "", end="\n")
    assert "not accepted" in done.output
    assert server[0] == []


def test_missing_rights_are_named_and_do_not_stop(answer, server, monkeypatch, keys):
    server[1].append(["BIJOU"])
    monkeypatch.setattr(questions, "missing_rights", lambda *_: ["DELETE on F_CONTACTT"])
    done = answer("en", "SRV", "", "", "", *keys, "310", "", "")
    assert done.exit_code == 0, done.output
    assert "DELETE on F_CONTACTT" in done.output


# --- the state and the messages


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("sync-state.db", "sqlite:///sync-state.db"),
        ("/var/lib/x.db", "sqlite:////var/lib/x.db"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
    ],
)
def test_the_address_of_a_state_may_be_typed_short(typed, address):
    assert state_address(typed, "en") == address


def test_a_state_that_is_no_state_is_refused(tmp_path):
    (tmp_path / "x.db").write_text("no database at all, but long enough to look like a header of one" * 20)
    with pytest.raises(AnswerRefusedError):
        try_state("sqlite:///x.db", tmp_path, "en")
    try_state("sqlite:///new.db", tmp_path, "en")
    assert not (tmp_path / "new.db").exists()


def test_a_password_in_the_address_of_the_state_is_a_secret_too(answer, sample, file, keys, monkeypatch):
    monkeypatch.setattr(questions, "try_state", lambda *_: None)
    done = answer("en", str(sample.database), "", *keys, "310", "postgresql://u:p%2Fw%40d@h:5433/d", "")
    assert done.exit_code == 0, done.output
    assert "state: postgresql+psycopg://u:${STATE_PASSWORD}@h:5433/d" in file.read_text("utf-8")
    assert load_settings(file, {}).state == "postgresql+psycopg://u:p%2Fw%40d@h:5433/d"


@pytest.fixture
def post(monkeypatch):
    """The test messages that were sent; the first `post.refused` attempts fail."""
    sent = []

    def send(email, title, body):
        sent.append(email)
        if len(sent) <= 1:
            raise ChannelError("wrong password")

    monkeypatch.setattr(first_settings, "send", send)
    return sent


def test_a_test_message_is_sent_and_a_refused_one_asked_again(answer, sample, file, keys, post):
    mail = ["admin@x.example, b@x.example", "smtp.x.example:465", "sync@x.example"]
    done = answer("en", str(sample.database), "", *keys, "310", "", *mail, "wrong", mail[0], "", "", "s3cret")
    assert done.exit_code == 0, done.output
    assert "wrong password" in done.output
    (email,) = load_settings(file, {}).notify
    assert (email.server, email.port, email.security) == ("smtp.x.example", 465, "ssl")
    assert (email.to, email.password.get_secret_value()) == (("admin@x.example", "b@x.example"), "s3cret")
    assert "s3cret" not in file.read_text("utf-8")


def test_whoever_gives_up_the_messages_has_settings_all_the_same(answer, sample, file, keys, post):
    done = answer("en", str(sample.database), "", *keys, "310", "", "admin@x.example", "localhost:25", "", "", "")
    assert done.exit_code == 0, done.output
    assert load_settings(file, {}).notify == ()
    assert [one.security for one in post] == ["none"]
