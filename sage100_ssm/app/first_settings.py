"""The first settings of an installation: what ``init`` asks for, each answer tried, and the files that it writes."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from sage100_ssm.app.channels import ChannelError, Email, send
from sage100_ssm.app.endings import ending_after
from sage100_ssm.app.invalid_settings import SECRETS
from sage100_ssm.app.secrets_file import write_secrets
from sage100_ssm.app.settings import Sage100Settings
from sage100_ssm.app.sides import SageSide, failure_of
from sage100_ssm.exchange.failure import Failure, SideFailedError
from sage100_ssm.messages import Language, say, say_error
from sage100_ssm.sage100.config import Connection, SqlServer
from sage100_ssm.sage100.errors import SageError
from sage100_ssm.sage100.listing import company_databases
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.errors import SsmError
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.sync.failures import side_error
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.address import parse_address
from sage100_ssm.sync.state.errors import StateError, StateMissing
from sage100_ssm.sync.state.store import stored_state

_IMPATIENT = RetryPolicy(attempts=2, pause_max=2.0, connect_timeout=5.0, answer_timeout=15.0, whole_timeout=20.0)
"""Somebody waits at the keyboard."""


class AnswerRefusedError(Exception):
    """An answer was tried and does not work; the text is the sentence for the user.

    Attributes:
        code: why, for a dialogue that has another question then (``certificate``); empty where none is known.
    """

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Owner:
    """A user of SSM to whom new contacts may belong.

    Attributes:
        id: the number that the settings take.
        name: first and last name.
    """

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class FirstSettings:
    """The answers.

    Attributes:
        language: of the journal and the commands.
        company: the name of the company database in every external id.
        connection: how the company database is reached.
        ssm: the keys of SSM, and its address where it is not the usual one.
        owner: the id of the user to whom new contacts belong.
        state: the address of the state database.
        email: who gets messages, and by which server; None for nobody.
    """

    language: Language
    company: str
    connection: Connection
    ssm: SsmConfig
    owner: int
    state: str
    email: Email | None = None

    def tree(self) -> dict[str, Any]:
        """The settings file, with a variable in the place of each secret."""
        connection = self.connection.model_dump(mode="json", exclude_defaults=True)
        if "password" in connection:
            connection["password"] = "${SAGE_PASSWORD}"  # noqa: S105 - the name of a variable
        ssm = self.ssm.model_dump(mode="json", exclude_defaults=True)
        ssm |= {"public_key": "${SSM_PUBLIC_KEY}", "private_key": "${SSM_PRIVATE_KEY}"}
        tree: dict[str, Any] = {
            "language": self.language,
            "sage100": {"company": self.company, "connection": connection},
            "ssm": {**ssm, "default_sales_rep_id": self.owner},
            "state": _without_password(self.state),
        }
        if self.email is not None:
            email = self.email.model_dump(mode="json", exclude_defaults=True)
            if self.email.password is not None:
                email["password"] = "${SMTP_PASSWORD}"  # noqa: S105 - the name of a variable
            tree["notify"] = [email]
        return tree

    def secrets(self) -> Mapping[str, str]:
        """The variables that the settings file names."""
        found = {
            "SSM_PUBLIC_KEY": self.ssm.public_key.get_secret_value(),
            "SSM_PRIVATE_KEY": self.ssm.private_key.get_secret_value(),
        }
        if isinstance(self.connection, SqlServer) and self.connection.password:
            found["SAGE_PASSWORD"] = self.connection.password.get_secret_value()
        if password := make_url(self.state).password:
            found["STATE_PASSWORD"] = _in_an_address(str(password))
        if self.email is not None and self.email.password is not None:
            found["SMTP_PASSWORD"] = self.email.password.get_secret_value()
        return found


def write_first_settings(file: Path, settings: FirstSettings) -> Path:
    """Write a settings file and beside it the file of its secrets. A settings file that is there is kept as ``.old``.

    Returns:
        The file of secrets.

    Raises:
        OSError: a file cannot be written.
    """
    secrets = file.with_suffix(".env")
    # First the secrets: settings without them would be found, and refused.
    write_secrets(secrets, settings.secrets())
    tree = {SECRETS: secrets.name, **settings.tree()}
    heading = say("init_heading", settings.language)
    text = f"# {heading}\n{yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)}"
    new = file.with_name(f"{file.name}.new")
    new.write_text(text, "utf-8")
    with suppress(FileNotFoundError):
        file.replace(file.with_name(f"{file.name}.old"))
    new.replace(file)
    return secrets


def state_address(answer: str, language: Language) -> str:
    """The address of a state, from what somebody typed: the name of a file, or the address of a PostgreSQL database.

    Raises:
        AnswerRefusedError: it is neither.
    """
    if "://" not in answer:
        return f"sqlite:///{answer}"
    address = answer.replace("postgresql://", "postgresql+psycopg://", 1)
    try:
        known = parse_address(address).drivername in ("sqlite", "postgresql+psycopg")
    except ArgumentError:
        known = False
    if not known:
        raise AnswerRefusedError(say("init_state_kind", language))
    return address


# --- what is tried


def require_writable(folder: Path, language: Language) -> None:
    """Try to write in a folder; it is created if need be.

    Raises:
        AnswerRefusedError: that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise AnswerRefusedError(say("init_folder", language, file=str(folder), text=error.strerror)) from None


def databases_of(server: SqlServer, language: Language) -> Sequence[str]:
    """The databases that the login may open.

    Raises:
        AnswerRefusedError: the server is not reached, or refuses the login.
    """
    try:
        return company_databases(server)
    except SageError as error:
        place = server.model_dump(include={"host", "port", "instance", "driver"}, exclude_none=True)
        raise _refused(Side.SAGE100, failure_of(error, place), language) from None


def missing_rights(company: str, connection: Connection, language: Language) -> Sequence[str]:
    """The rights that the login needs and does not have, once the company database is open.

    Raises:
        AnswerRefusedError: it cannot be opened, or is none of Sage 100.
    """
    side = SageSide(Sage100Settings(company=company, connection=connection))
    try:
        return [str(right) for right in side.inspection().missing_rights or ()]
    except SideFailedError as error:
        raise _refused(Side.SAGE100, error.failure, language) from None
    finally:
        side.close()


def owners_of(ssm: SsmConfig, language: Language) -> Sequence[Owner]:
    """The active users of SSM, by name.

    Raises:
        AnswerRefusedError: SSM is not reached, or refuses the keys.
    """
    try:
        with SsmClient(ssm, _IMPATIENT) as client:
            rows = list(client.rows("users"))
    except SsmError as error:
        # Of an address that is not reached, the error names host and port.
        raise _refused(Side.SSM, failure_of(error, getattr(error, "details", None)), language) from None
    active = (row for row in rows if not row.get("deleted") and row.get("isActive") is not False)
    owners = (Owner(row["id"], " ".join(str(row.get(n) or "") for n in ("name", "lastName")).strip()) for row in active)
    return sorted(owners, key=lambda owner: (owner.name.casefold(), owner.id))


def try_state(state: str, folder: Path, language: Language) -> None:
    """Try whether a state is there or can be created.

    Args:
        state: its address.
        folder: where a relative path begins.
        language: of the sentences.

    Raises:
        AnswerRefusedError: the server is not reached, the folder cannot be written, or what is there is no state.
    """
    url = make_url(state)
    if url.drivername == "sqlite":
        url = url.set(database=str(folder / str(url.database)))
        require_writable(Path(str(url.database)).parent, language)
    try:
        with suppress(StateMissing), stored_state(url.render_as_string(hide_password=False)):
            pass
    except StateError as error:
        raise AnswerRefusedError(ending_after(error, language).message) from None


def try_email(email: Email, language: Language, company: str) -> None:
    """Send a test message.

    Raises:
        AnswerRefusedError: the server did not take it.
    """
    text = say("notify_test", language, company=company)
    try:
        send(email, text, text)
    except ChannelError as error:
        raise AnswerRefusedError(say("notify_failed", language, channel=email.label, text=str(error))) from None


def reason_of(error: ValidationError, language: Language) -> str:
    """Why a value was not accepted, in one line that does not quote it."""
    return say("init_invalid", language, text=error.errors(include_url=False, include_input=False)[0]["msg"])


def _refused(side: Side, failure: Failure, language: Language) -> AnswerRefusedError:
    error = side_error(side, failure)
    return AnswerRefusedError(say_error(error.code, language, **error.params), error.code)


def _without_password(state: str) -> str:
    url = make_url(state)
    if not url.password:
        return state
    hidden = url.set(password="STATE_PASSWORD").render_as_string(hide_password=False)  # noqa: S106 - a variable's name
    return hidden.replace(":STATE_PASSWORD@", ":${STATE_PASSWORD}@")


def _in_an_address(password: str) -> str:
    """A password as it is written in the address of a database."""
    url = make_url("postgresql://u@h/d").set(password=password)
    return url.render_as_string(hide_password=False).removeprefix("postgresql://u:").removesuffix("@h/d")
