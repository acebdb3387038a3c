"""The settings of an installation: ``sync.yaml``, parsed into frozen values."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import phonenumbers
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from sage100_ssm.app.channels import Channel
from sage100_ssm.app.invalid_settings import INCLUDE, SECRETS, InvalidSetting, invalid_values, unknown_keys
from sage100_ssm.app.secrets_file import SecretsError, read_secrets
from sage100_ssm.app.web_settings import WebSettings
from sage100_ssm.messages import Language
from sage100_ssm.sage100.config import COMPANY_NAME, Sage100Config, Sqlite
from sage100_ssm.ssm.config import Owner, SsmConfig
from sage100_ssm.sync.contacts.codecs import Locale
from sage100_ssm.sync.contacts.companies import Scope
from sage100_ssm.sync.contacts.fields import FieldChange, field_map
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.policy import Policy, Retention
from sage100_ssm.sync.state.address import AtInPasswordError, parse_address

_STATE_DRIVERS = ("sqlite", "postgresql+psycopg")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class SettingsError(ConfigurationError):
    """The settings cannot be used. Nothing was read or written.

    Attributes:
        invalid: what is wrong with the file, setting by setting; empty where the file cannot be read at all.
        language: the language that the file asks for; None where it could not be read.
    """

    def __init__(
        self, code: str, file: Path, invalid: tuple[InvalidSetting, ...] = (), language: Language | None = None
    ) -> None:
        super().__init__(code, file=str(file))
        self.invalid = invalid
        self.language = language


def _supported_state(url: str) -> str:
    try:
        driver = parse_address(url).drivername
    except AtInPasswordError:
        raise ValueError("postgresql+psycopg://… (@ → %40)") from None
    except ArgumentError:
        driver = ""
    if driver not in _STATE_DRIVERS:
        raise ValueError("sqlite:///sync-state.db, postgresql+psycopg://…")
    return url


def known_country(code: str) -> str:
    """A country whose phone numbers are known.

    Raises:
        ValueError: it is none.
    """
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("FR, BE, CH, …")
    return code


def _field_changes(changes: Mapping[str, FieldChange]) -> Mapping[str, FieldChange]:
    field_map(changes)  # raises FieldMapError where they do not fit the map
    return changes


class Sage100Settings(Sage100Config):
    """Sage 100, with the names that the company database had before (P15)."""

    formerly: tuple[Annotated[str, Field(pattern=COMPANY_NAME)], ...] = Field(
        default=(),
        title="Former names",
        description="Names that the company had before. Contacts of Sage Sales Management that carry one of them in "
        "their external id are its own.",
        examples=["BIJOU2024"],
        json_schema_extra={"group": "company"},
    )

    @field_validator("formerly")
    @classmethod
    def _former_names_alone(cls, formerly: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("company") in formerly:
            raise ValueError("company")
        return formerly


class SsmSettings(SsmConfig):
    """SSM, with the owner of what is created there: a synchronisation always needs one."""

    default_sales_rep_id: Owner
    # ``probe`` finds out. A contact that is restored (P5) is then recognised by the state and its name alone.
    ext_id_once: bool = Field(
        default=False,
        title="External ids once only",
        description="Whether Sage Sales Management refuses an external id that a deleted contact has. A contact that "
        "is restored then gets none.",
        json_schema_extra={"group": "advanced"},
    )


class Backups(BaseModel):
    """The copies of the state that the nightly housekeeping makes.

    Attributes:
        folder: where they are; beside a state in a file by default, and none of a state in PostgreSQL.
        keep: how many are kept. They contain who was forgotten since.
    """

    model_config = ConfigDict(frozen=True)

    folder: str | None = None
    keep: Annotated[int, Field(ge=1)] = 14


class Settings(BaseModel):
    """The settings of an installation.

    Attributes:
        sage100: the Sage 100 company database.
        ssm: the SSM instance.
        state: URL of the database that holds what the synchronisation remembers; may contain a password.
        language: of the journal and of the operator's command.
        country: of phone numbers written without prefix, two letters.
        scope: which contacts are synchronised.
        policy: what is decided where the rules leave a choice.
        retention: how long names and values are kept once they are not needed.
        backups: the copies of the state that the nightly housekeeping makes.
        fields: changes of the field map, by the field's name.
        time_budget_minutes: after which a run begins no further write; the next one goes on. A whole read of SSM may
            take half of it; writing has the rest, and half in any case.
        notify: where messages for the administrator go.
        web: the page: where it answers, and who may use it.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    sage100: Sage100Settings
    ssm: SsmSettings
    state: Annotated[str, AfterValidator(_supported_state), Field(repr=False)] = "sqlite:///sync-state.db"
    language: Language = "fr"
    country: Annotated[str, AfterValidator(known_country)] = "FR"
    scope: Scope = Scope()
    policy: Policy = Policy()
    retention: Retention = Retention()
    backups: Backups = Backups()
    fields: Annotated[Mapping[str, FieldChange], AfterValidator(_field_changes)] = Field(default_factory=dict)
    time_budget_minutes: Annotated[float, Field(gt=0)] = 14
    notify: tuple[Channel, ...] = ()
    web: WebSettings = WebSettings()

    @property
    def state_file(self) -> Path | None:
        """The file of the state; None where it is on a server."""
        url = make_url(self.state)
        return Path(url.database) if url.drivername == "sqlite" and url.database else None

    @property
    def locale(self) -> Locale:
        """The country, language and time zone, as the engine needs them."""
        return Locale(self.country, self.language, ZoneInfo(self.sage100.time_zone))


class SettingsToLook(Settings):
    """Settings that name variables that are not set: enough to look at what is stored, not to reach a side."""


def load_settings(file: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of an installation.

    Args:
        file: the YAML file. Relative paths in it are relative to its folder. Under ``include`` it may name another
            file, whose settings apply where it has none of its own (``probe`` writes such a file); under ``secrets`` a
            file of variables.
        environment: where ``${NAME}`` in a value is looked up, before the file of secrets. The variable's text is
            never parsed as YAML.

    Raises:
        SettingsError: the file cannot be read, or a setting is invalid; the error quotes no value.
    """
    return _with_absolute_paths(parse_settings(settings_tree(file, environment), file), file.absolute().parent)


def load_settings_to_look(file: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of an installation for a command that needs the state alone.

    Returns:
        The settings; ``SettingsToLook`` where a variable is not set that only a side, a message or the page needs.

    Raises:
        SettingsError: as ``load_settings``.
    """
    tree, unset = _read_tree(file, environment)
    connecting = [one for one in unset if one.key == SECRETS or one.key.startswith(_CONNECTING)]
    if not connecting:
        return load_settings(file, environment)
    if len(connecting) < len(unset):
        raise SettingsError("settings_invalid", file, tuple(unset), _language_of(tree))
    settings = parse_settings(_without_connections(tree), file)
    return _with_absolute_paths(SettingsToLook.model_construct(**dict(settings)), file.absolute().parent)


_CONNECTING = ("sage100.connection.", "ssm.", "notify.", "web.")
"""The sections that only somebody needs who reaches a side, sends a message or opens the page."""


def _without_connections(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A tree whose connections lead nowhere and need no secret; what the state is read with is kept."""
    sage100, ssm = (tree[side] if isinstance(tree.get(side), dict) else {} for side in ("sage100", "ssm"))
    nowhere = {"kind": "sqlite", "path": os.devnull}
    no_keys = {"public_key": "-", "private_key": "-", "default_sales_rep_id": 0}
    kept = {name: ssm[name] for name in ("company_code_field", "ext_id_once") if name in ssm}
    rest = {name: value for name, value in tree.items() if name not in ("notify", "web")}
    return rest | {"sage100": sage100 | {"connection": nowhere}, "ssm": no_keys | kept}


def settings_tree(file: Path, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What a settings file says, with the file that it includes and the variables that it names.

    Raises:
        SettingsError: the file cannot be read, or a variable is not set.
    """
    tree, unset = _read_tree(file, environment)
    if unset:
        raise SettingsError("settings_invalid", file, tuple(unset), _language_of(tree))
    return tree


def _read_tree(file: Path, environment: Mapping[str, str]) -> tuple[dict[str, Any], list[InvalidSetting]]:
    """What a settings file says, and which of its variables are not set.

    Raises:
        SettingsError: the file, or the one that it includes, cannot be read.
    """
    read = _parsed(file)
    unusable: list[InvalidSetting] = []
    unset: list[InvalidSetting] = []
    variables = {**_secrets_of(read, file, unusable), **environment}
    tree: dict[str, Any] = _with_variables(_with_included(read, file), (), variables, unset)
    # A service may get its variables from elsewhere, and not be allowed to read the file.
    return tree, [*unusable, *unset] if unset else []


def _secrets_of(tree: dict[str, Any], file: Path, invalid: list[InvalidSetting]) -> Mapping[str, str]:
    """The variables of the file of secrets; why it cannot be used is added to ``invalid``."""
    name = tree.pop(SECRETS, None)
    if name is None:
        return {}
    if not isinstance(name, str):
        invalid.append(InvalidSetting(SECRETS, "not_text"))
        return {}
    try:
        return read_secrets(file.absolute().parent / name)
    except SecretsError as error:
        invalid.append(error.invalid)
        return {}


def included_file(file: Path) -> Path | None:
    """The file that a settings file includes, as a whole path; None where it includes none, or cannot be read."""
    try:
        name = _parsed(file).get(INCLUDE)
    except SettingsError:
        return None
    return file.absolute().parent / name if isinstance(name, str) else None


def parse_settings(tree: dict[str, Any], source: Path) -> Settings:
    """The settings in a tree.

    Args:
        tree: sections and values, as a settings file has them.
        source: where they come from, for the message.

    Raises:
        SettingsError: a setting is invalid; the error quotes no value.
    """
    invalid = [*unknown_keys(Settings, tree)]
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        invalid += invalid_values(error, tree)
    if invalid:
        raise SettingsError("settings_invalid", source, tuple(invalid), _language_of(tree))
    return settings


def _language_of(tree: Mapping[str, Any]) -> Language:
    return "en" if tree.get("language") == "en" else "fr"


def _with_included(tree: dict[str, Any], file: Path) -> dict[str, Any]:
    """A file's settings, and those of the file that it includes where it has none of its own.

    Raises:
        SettingsError: the included file cannot be read, or ``include`` is not the name of a file.
    """
    name = tree.pop(INCLUDE, None)
    if name is None:
        return tree
    if not isinstance(name, str):
        raise SettingsError("settings_invalid", file, (InvalidSetting(INCLUDE, "not_text"),))
    return merged(tree, _parsed(file.absolute().parent / name))


def merged(own: dict[str, Any], included: dict[str, Any]) -> dict[str, Any]:
    """Two trees as one, section by section; where both have a value, one's own applies."""
    sections = (key for key in own if isinstance(own[key], dict) and isinstance(included.get(key), dict))
    return included | own | {key: merged(own[key], included[key]) for key in sections}


def _parsed(file: Path) -> dict[str, Any]:
    """The tree that a YAML file contains.

    Raises:
        SettingsError: there is no such file, it cannot be read, or it is not a YAML mapping.
    """
    try:
        tree = yaml.load(file.read_text("utf-8-sig"), _PlainLoader)  # noqa: S506 - a SafeLoader, and narrower
    except FileNotFoundError:
        raise SettingsError("settings_missing", file) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsError("settings_unreadable", file) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise SettingsError("settings_invalid", file, (_syntax_error(error),)) from None
    if not isinstance(tree, dict):
        raise SettingsError("settings_invalid", file, (InvalidSetting("", "not_a_section"),))
    return tree


class _AliasError(yaml.MarkedYAMLError):
    """A node refers to another one."""


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, by which a few bytes become gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Read a node.

        Raises:
            _AliasError: it is an alias.
        """
        if self.check_event(yaml.AliasEvent):
            raise _AliasError(problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)


def _syntax_error(error: Exception) -> InvalidSetting:
    # The place alone: the parser's own message quotes the line, which may contain a password.
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return InvalidSetting("", "alias" if isinstance(error, _AliasError) else "syntax", {"line": line, "column": column})


def _with_variables(
    node: Any, path: tuple[str, ...], environment: Mapping[str, str], invalid: list[InvalidSetting]
) -> Any:
    """A copy of a tree with each ``${NAME}`` replaced; a variable that is not set is added to ``invalid``."""
    if isinstance(node, dict):
        return {key: _with_variables(value, (*path, str(key)), environment, invalid) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_variables(value, (*path, str(i)), environment, invalid) for i, value in enumerate(node)]
    if not isinstance(node, str):
        return node
    unset = [name for name in _VARIABLE.findall(node) if name not in environment]
    invalid += [InvalidSetting(".".join(path), "environment_missing", {"name": name}) for name in unset]
    return _VARIABLE.sub(lambda match: environment.get(match[1], ""), node)


def _with_absolute_paths(settings: Settings, folder: Path) -> Settings:
    """The settings with relative paths made absolute, from the folder of the settings file."""
    sage100 = settings.sage100
    if isinstance(sage100.connection, Sqlite):
        connection = sage100.connection.model_copy(update={"path": str(folder / sage100.connection.path)})
        sage100 = sage100.model_copy(update={"connection": connection})
    url = make_url(settings.state)
    if url.drivername == "sqlite" and url.database not in (None, "", ":memory:"):
        url = url.set(database=str(folder / str(url.database)))
    state = url.render_as_string(hide_password=False)
    backups = settings.backups
    if backups.folder is not None:
        backups = backups.model_copy(update={"folder": str(folder / backups.folder)})
    return settings.model_copy(update={"sage100": sage100, "state": state, "backups": backups})
