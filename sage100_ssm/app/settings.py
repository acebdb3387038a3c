"""The settings of an installation: ``sync.yaml``, parsed once at the border into frozen values."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import phonenumbers
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from sage100_ssm.app.settings_faults import Fault, unknown_keys, validation_faults
from sage100_ssm.sage100.config import Sage100Config, Sqlite
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.sync.contacts.codecs import Locale
from sage100_ssm.sync.contacts.companies import Scope
from sage100_ssm.sync.contacts.fields import FieldChange, field_map
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.policy import Policy

Language = Literal["fr", "en"]

_INCLUDE = "include"
_STATE_DRIVERS = ("sqlite", "postgresql+psycopg")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class SettingsError(ConfigurationError):
    """The settings cannot be used. Nothing was read or written.

    Attributes:
        faults: what is wrong with the file, one by one; empty if the file itself cannot be read.
        language: the language that the file asks for, as far as it could be told.
    """

    def __init__(self, code: str, file: Path, faults: tuple[Fault, ...] = (), language: Language = "fr") -> None:
        super().__init__(code, file=str(file))
        self.faults = faults
        self.language: Language = language


def _state_url(url: str) -> str:
    try:
        driver = make_url(url).drivername
    except ArgumentError:
        driver = ""
    if driver not in _STATE_DRIVERS:
        raise ValueError("sqlite:///sync-state.db, postgresql+psycopg://…")
    return url


def _country(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("FR, BE, CH, …")
    return code


def _laid_over(changes: Mapping[str, FieldChange]) -> Mapping[str, FieldChange]:
    field_map(changes)
    return changes


class SsmSettings(SsmConfig):
    """SSM, with the owner of what is created there: a synchronisation always needs one.

    Attributes:
        default_sales_rep_id: the owner.
        ext_id_once: whether SSM takes an ``extId`` that a deleted contact bears for no other one (``probe`` tells):
            then a contact that is restored (P5) bears none, and is known by the state and its name alone.
    """

    default_sales_rep_id: int
    ext_id_once: bool = False


class Settings(BaseModel):
    """All that an installation decides.

    Attributes:
        sage100: the Sage 100 company database.
        ssm: the SSM instance.
        state: URL of the database that holds what the synchronisation remembers; may bear a password.
        language: of the journal and of the operator's command.
        country: of phone numbers written without prefix, two letters.
        scope: which contacts are synchronised.
        policy: what is decided where both sides have a say.
        fields: what is laid over the field map, by the field's name.
        time_budget_minutes: after which a run begins no further write; the next one goes on.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    sage100: Sage100Config
    ssm: SsmSettings
    state: Annotated[str, AfterValidator(_state_url), Field(repr=False)] = "sqlite:///sync-state.db"
    language: Language = "fr"
    country: Annotated[str, AfterValidator(_country)] = "FR"
    scope: Scope = Scope()
    policy: Policy = Policy()
    fields: Annotated[Mapping[str, FieldChange], AfterValidator(_laid_over)] = Field(default_factory=dict)
    time_budget_minutes: Annotated[float, Field(gt=0)] = 14

    @property
    def locale(self) -> Locale:
        """The country, language and time zone, as the engine takes them."""
        return Locale(self.country, self.language, ZoneInfo(self.sage100.time_zone))


def load_settings(file: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of an installation.

    Args:
        file: the YAML file. Relative paths in it are relative to its folder. Under ``include`` it may name another
            one, whose settings hold where it has none of its own (that of ``probe``, for one).
        environment: where ``${NAME}`` in a value is looked up. What is put in is never parsed as YAML.

    Raises:
        SettingsError: the file cannot be read, or something in it is wrong; no fault quotes a value.
    """
    tree = _with_included(_tree(file), file)
    language: Language = "en" if tree.get("language") == "en" else "fr"
    faults: list[Fault] = []
    filled = _filled(tree, (), environment, faults)
    if not faults:
        faults += unknown_keys(Settings, filled)
        try:
            settings = Settings.model_validate(filled)
        except ValidationError as error:
            faults += validation_faults(error, filled)
    if faults:
        raise SettingsError("settings_invalid", file, tuple(faults), language)
    return _anchored(settings, file.absolute().parent)


def _with_included(tree: dict[str, Any], file: Path) -> dict[str, Any]:
    """Lay a file's own settings over those of the file that it includes.

    Raises:
        SettingsError: the included file cannot be read, or ``include`` is no file's name.
    """
    name = tree.pop(_INCLUDE, None)
    if name is None:
        return tree
    if not isinstance(name, str):
        raise SettingsError("settings_invalid", file, (Fault(_INCLUDE, "not_text"),))
    return _merged(_tree(file.absolute().parent / name), tree)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay one tree over another; where both have a value, the upper one holds."""
    shared = (key for key in above if isinstance(above[key], dict) and isinstance(below.get(key), dict))
    return below | above | {key: _merged(below[key], above[key]) for key in shared}


def _tree(file: Path) -> dict[str, Any]:
    """Parse the file.

    Raises:
        SettingsError: there is no such file, it cannot be read, or it is no YAML mapping.
    """
    try:
        tree = yaml.safe_load(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError("settings_missing", file) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsError("settings_unreadable", file) from None
    except yaml.YAMLError as error:
        raise SettingsError("settings_invalid", file, (_syntax_fault(error),)) from None
    if not isinstance(tree, dict):
        raise SettingsError("settings_invalid", file, (Fault("", "not_a_section"),))
    return tree


def _syntax_fault(error: yaml.YAMLError) -> Fault:
    """Name the place alone: the parser's own words quote the line, and a password may stand in it."""
    mark = getattr(error, "problem_mark", None)
    return Fault("", "syntax", {"line": mark.line + 1 if mark else 1, "column": mark.column + 1 if mark else 1})


def _filled(node: Any, path: tuple[str, ...], environment: Mapping[str, str], faults: list[Fault]) -> Any:
    """Copy a tree with each ``${NAME}`` replaced; what is not set is added to the faults."""
    if isinstance(node, dict):
        return {key: _filled(value, (*path, str(key)), environment, faults) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, (*path, str(index)), environment, faults) for index, value in enumerate(node)]
    if not isinstance(node, str):
        return node
    faults += [Fault(".".join(path), "environment_missing", {"name": name}) for name in _unset(node, environment)]
    return _VARIABLE.sub(lambda match: environment.get(match[1], ""), node)


def _unset(text: str, environment: Mapping[str, str]) -> Iterator[str]:
    return (name for name in _VARIABLE.findall(text) if name not in environment)


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Make relative paths absolute, from the folder of the settings file."""
    sage100 = settings.sage100
    if isinstance(sage100.connection, Sqlite):
        connection = sage100.connection.model_copy(update={"path": str(folder / sage100.connection.path)})
        sage100 = sage100.model_copy(update={"connection": connection})
    state = _anchored_url(make_url(settings.state), folder).render_as_string(hide_password=False)
    return settings.model_copy(update={"sage100": sage100, "state": state})


def _anchored_url(url: URL, folder: Path) -> URL:
    is_file = url.drivername == "sqlite" and url.database not in (None, "", ":memory:")
    return url.set(database=str(folder / str(url.database))) if is_file else url
