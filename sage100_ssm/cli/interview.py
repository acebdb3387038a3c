"""The questions of ``init``, in their order, each asked again until its answer works."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sage100_ssm.app.channels import Email
from sage100_ssm.app.first_settings import (
    AnswerRefusedError,
    FirstSettings,
    databases_of,
    missing_rights,
    owners_of,
    reason_of,
    state_address,
    try_email,
    try_state,
)
from sage100_ssm.cli.dialogue import Dialogue
from sage100_ssm.messages import say
from sage100_ssm.sage100.config import COMPANY_NAME, Connection, Sqlite, SqlServer
from sage100_ssm.sage100.listing import drivers
from sage100_ssm.ssm.config import SsmConfig

_SERVER = re.compile(r"(?P<host>[^\\,]+?)(\\(?P<instance>[^\\,]+)|[,:](?P<port>\d+))?")
_SAMPLE = (".db", ".sqlite")
_STATE_FILE = "sync-state.db"
_SMTP_PORT = 587
_ANY_NAME = "?"
"""A company's name for as long as nobody has been asked for it."""


def interview(dialogue: Dialogue, folder: Path, ssm: Mapping[str, Any]) -> FirstSettings:
    """Ask all questions.

    Args:
        dialogue: how they are asked.
        folder: where the settings will be, from which relative paths count.
        ssm: settings of SSM that are not asked for.
    """
    connection, usual_name = _ask_connection(dialogue)
    company = _ask_company(dialogue, usual_name)
    typed: dict[str, str] = {}
    config = dialogue.until_accepted(lambda: _asked_keys(dialogue, ssm, typed))
    owner = _ask_owner(dialogue, config)
    state = dialogue.until_accepted(lambda: _asked_state(dialogue, folder))
    email = _ask_email(dialogue, company)
    return FirstSettings(dialogue.language, company, connection, config, owner, state, email)


# --- Sage 100


def _ask_connection(dialogue: Dialogue) -> tuple[Connection, str]:
    """How the company database is reached, and what a company of that database is usually called."""
    dialogue.say("init_about_sage", "bold")
    # What was typed once is proposed again: of five answers, one is wrong.
    typed: dict[str, str] = {}
    while True:
        typed["server"] = dialogue.ask("init_server", typed.get("server"))
        try:
            if typed["server"].lower().endswith(_SAMPLE):
                sample = Sqlite(kind="sqlite", path=str(Path(typed["server"]).absolute()))
                missing_rights(_ANY_NAME, sample, dialogue.language)
                dialogue.praise("init_sage_works", database=sample.path)
                return sample, Path(sample.path).stem.upper()
            server, names = _ask_login(dialogue, typed)
            return _ask_database(dialogue, server, names)
        except AnswerRefusedError as error:
            dialogue.complain(str(error))
            dialogue.say("init_again", "dim")


def _ask_login(dialogue: Dialogue, typed: dict[str, str]) -> tuple[SqlServer, list[str]]:
    """A server that takes the login, and its databases.

    Raises:
        AnswerRefusedError: no driver is installed, the server is not reached, or it refuses the login.
    """
    place = _SERVER.fullmatch(typed["server"])
    if not (installed := drivers()):
        raise AnswerRefusedError(say("driver_missing", dialogue.language))
    typed["login"] = dialogue.ask("init_login", typed.get("login", ""))
    password = dialogue.ask_secret("init_password") if typed["login"] else None
    try:
        server = SqlServer(
            kind="sqlserver",
            database="master",
            username=typed["login"] or None,
            password=password,
            driver=installed[0],
            **(place.groupdict() if place else {"host": typed["server"]}),
        )
    except ValidationError as error:
        raise AnswerRefusedError(reason_of(error, dialogue.language)) from None
    dialogue.say("init_trying", "dim")
    try:
        return server, list(databases_of(server, dialogue.language))
    except AnswerRefusedError as error:
        if error.code != "certificate":
            raise
        dialogue.complain(str(error))
        if not dialogue.agrees("init_trust"):
            raise
    server = server.model_copy(update={"trust_server_certificate": True})
    return server, list(databases_of(server, dialogue.language))


def _ask_database(dialogue: Dialogue, server: SqlServer, names: list[str]) -> tuple[Connection, str]:
    if names:
        dialogue.say("init_databases", names=", ".join(names))

    def asked() -> SqlServer:
        name = dialogue.ask("init_database", names[0] if len(names) == 1 else None)
        company = server.model_copy(update={"database": name})
        if missing := missing_rights(_ANY_NAME, company, dialogue.language):
            dialogue.complain(say("init_rights", dialogue.language, text=", ".join(missing)))
        else:
            dialogue.praise("init_sage_works", database=name)
        return company

    company = dialogue.until_accepted(asked)
    return company, company.database


def _ask_company(dialogue: Dialogue, usual: str) -> str:
    default = usual if re.fullmatch(COMPANY_NAME, usual) else None
    while not re.fullmatch(COMPANY_NAME, company := dialogue.ask("init_company", default)):
        dialogue.complain(say("init_company_colon", dialogue.language))
    return company


# --- SSM


def _asked_keys(dialogue: Dialogue, ssm: Mapping[str, Any], typed: dict[str, str]) -> SsmConfig:
    """Keys that SSM takes.

    Raises:
        AnswerRefusedError: it does not, or is not reached.
    """
    dialogue.say("init_about_ssm", "bold")
    typed["public_key"] = dialogue.ask("init_public_key", typed.get("public_key"))
    private_key = dialogue.ask_secret("init_private_key")
    try:
        config = SsmConfig(public_key=typed["public_key"], private_key=private_key, **ssm)
    except ValidationError as error:
        raise AnswerRefusedError(reason_of(error, dialogue.language)) from None
    dialogue.say("init_trying", "dim")
    owners_of(config, dialogue.language)
    dialogue.praise("init_ssm_works")
    return config


def _ask_owner(dialogue: Dialogue, config: SsmConfig) -> int:
    owners = owners_of(config, dialogue.language)
    return int(dialogue.choose("init_owner", {str(owner.id): owner.name for owner in owners}))


# --- the rest


def _asked_state(dialogue: Dialogue, folder: Path) -> str:
    """The address of a state that is there, or can be created.

    Raises:
        AnswerRefusedError: it is neither.
    """
    dialogue.say("init_about_rest", "bold")
    state = state_address(dialogue.ask("init_state", _STATE_FILE), dialogue.language)
    try_state(state, folder, dialogue.language)
    return state


def _ask_email(dialogue: Dialogue, company: str) -> Email | None:
    """Who gets messages; None for nobody, also where somebody gives up since no server takes them."""
    typed: dict[str, str] = {}
    while to := dialogue.ask("init_email", ""):
        try:
            return _asked_email(dialogue, to, typed, company)
        except AnswerRefusedError as error:
            dialogue.complain(str(error))
            dialogue.say("init_email_again", "dim")
    return None


def _asked_email(dialogue: Dialogue, to: str, typed: dict[str, str], company: str) -> Email:
    """An e-mail server that takes messages for some recipients.

    Raises:
        AnswerRefusedError: it does not, or an address is none.
    """
    typed["server"] = dialogue.ask("init_smtp", typed.get("server"))
    host, _, port = typed["server"].partition(":")
    typed["user"] = dialogue.ask("init_smtp_user", typed.get("user", ""))
    password = dialogue.ask_secret("init_smtp_password") if typed["user"] else None
    recipients = [address.strip() for address in to.split(",")]
    sender = None if "@" in typed["user"] else dialogue.ask("init_sender", recipients[0])
    security = "none" if host in ("localhost", "127.0.0.1") or port == "25" else "ssl" if port == "465" else "starttls"
    try:
        email = Email(
            kind="email",
            server=host,
            port=port or _SMTP_PORT,
            security=security,
            user=typed["user"] or None,
            password=password,
            sender=sender,
            to=recipients,
        )
    except ValidationError as error:
        raise AnswerRefusedError(reason_of(error, dialogue.language)) from None
    dialogue.say("init_trying", "dim")
    try_email(email, dialogue.language, company)
    dialogue.praise("init_email_sent", to=", ".join(recipients))
    return email
