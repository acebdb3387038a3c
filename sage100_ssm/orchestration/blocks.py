"""The settings of an installation as a Prefect block: a form on the Prefect server, secrets encrypted, and no file."""

import json
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, ValidationError
from sqlalchemy.engine import make_url

from sage100_ssm.app.invalid_settings import InvalidSetting, invalid_values
from sage100_ssm.app.settings import Settings, SettingsError, load_settings, merged, parse_settings, settings_tree
from sage100_ssm.sage100.config import Odbc, Sqlite, SqlServer
from sage100_ssm.sync.failures import ConfigurationError

PREFIX = "block:"
"""The prefix of the flow's parameter ``config`` where it names a block instead of a file."""


class SynchronisationSettings(Block):
    """Sage 100 et Sage Sales Management : les réglages d'un dossier. / The settings of one company."""

    _block_type_name = "Sage 100 SSM settings"
    _block_type_slug = "sage100-ssm-settings"
    _description = (
        "Contacts de Sage 100 et de Sage Sales Management : les réglages d'un dossier. / "
        "Contacts of Sage 100 and Sage Sales Management: the settings of one company."
    )
    _code_example = "config: block:NAME"

    company: str = Field(
        title="Dossier Sage 100 / Company",
        description="Le nom du dossier, comme BIJOU. Ne plus le changer ensuite. / Its name, such as BIJOU. Never "
        "change it later.",
    )
    host: str = Field(
        default="",
        title="Serveur SQL / SQL Server machine",
        description="La machine seule, sans l'instance : SRV-SAGE. / The machine alone, without the instance.",
    )
    instance: str = Field(default="", title="Instance", description="SAGE100 ; vide s'il n'y en a pas / empty if none")
    database: str = Field(
        default="", title="Base de données / Database", description="D'ordinaire le nom du dossier / As a rule BIJOU"
    )
    username: str = Field(
        default="",
        title="Utilisateur SQL / SQL login",
        description="Vide : authentification Windows / Empty: Windows authentication",
    )
    password: SecretStr = Field(default=SecretStr(""), title="Mot de passe SQL / SQL password")
    trust_server_certificate: bool = Field(
        default=False,
        title="Accepter tout certificat / Accept any certificate",
        description="Pour un serveur dont le certificat n'est signé par aucune autorité connue. / For a server whose "
        "certificate no known authority signed.",
    )
    connection_string: SecretStr = Field(
        default=SecretStr(""),
        title="Chaîne de connexion ODBC / ODBC connection string",
        description="À la place des champs ci-dessus. / Instead of the fields above.",
    )
    public_key: SecretStr = Field(
        title="Clé publique SSM / SSM public key", description="Paramètres > Intégrations > Gestion des clés d'API"
    )
    private_key: SecretStr = Field(title="Clé privée SSM / SSM private key")
    default_sales_rep_id: int = Field(
        title="Propriétaire / Owner",
        description="Le numéro SSM de l'utilisateur à qui appartient ce qui est créé. / The SSM id of the user who "
        "owns what is created.",
    )
    state: str = Field(
        title="Base d'état / State database",
        description="postgresql+psycopg://sync@serveur/sync, ou un chemin entier sur la machine du worker : "
        "sqlite:////var/lib/sage100-ssm/sync-state.db. / Or a whole path on the worker's machine.",
    )
    language: Literal["fr", "en"] = Field(default="fr", title="Langue / Language")
    notify: SecretStr = Field(
        default=SecretStr(""),
        title="Messages à l'administrateur / Messages to the administrator",
        description='Une liste JSON, comme dans sync.yaml. / A JSON list, as in sync.yaml: [{"kind": "teams", "url": '
        '"https://…"}]',
    )
    more: dict[str, Any] = Field(
        default_factory=dict,
        title="Autres réglages / Other settings",
        description="Tout le reste de sync.yaml, en JSON ; aucun secret ici. / All the rest of sync.yaml, as JSON; no "
        'secret here: {"policy": {"conflict": "newest"}}',
    )

    @classmethod
    def of(cls, file: Path) -> "SynchronisationSettings":
        """A settings file as a block; its paths become whole ones.

        Raises:
            SettingsError: the file cannot be used.
            ConfigurationError: the address of the state contains a password, which Prefect would show.
        """
        settings, tree = load_settings(file), settings_tree(file)
        address = make_url(settings.state)
        if address.password is not None or "password" in address.query:
            raise ConfigurationError("prefect_state_password")
        connection, ssm = settings.sage100.connection, settings.ssm
        filled: dict[str, Any] = {
            "company": settings.sage100.company,
            "public_key": ssm.public_key,
            "private_key": ssm.private_key,
            "default_sales_rep_id": ssm.default_sales_rep_id,
            "state": settings.state,
            "language": settings.language,
            "notify": SecretStr(json.dumps(tree["notify"]) if tree.get("notify") else ""),
        }
        more = _without(tree, {"state", "language", "notify"})
        more["ssm"] = _without(tree["ssm"], {"public_key", "private_key", "default_sales_rep_id"})
        more["sage100"] = _without(tree["sage100"], {"company", "connection"})
        if settings.backups.folder is not None:
            more["backups"] = tree["backups"] | {"folder": settings.backups.folder}
        match connection:
            case SqlServer():
                known = ("host", "instance", "database", "username", "password", "trust_server_certificate")
                filled |= {name: value for name in known if (value := getattr(connection, name)) is not None}
                more["sage100"]["connection"] = _without(tree["sage100"]["connection"], {*known, "kind"})
            case Odbc():
                filled["connection_string"] = connection.connection_string
            case Sqlite():
                more["sage100"]["connection"] = {"kind": "sqlite", "path": connection.path}
        return cls(**filled, more=_without_empty(more))

    def settings(self, name: str) -> Settings:
        """The settings that the form contains.

        Args:
            name: the name of the block, for messages.

        Raises:
            SettingsError: something in it is wrong.
        """
        source = Path(f"{PREFIX}{name}")
        own = {"company": self.company} | ({"connection": connection} if (connection := self._connection()) else {})
        tree = {
            "sage100": own,
            "ssm": {
                "public_key": self.public_key.get_secret_value(),
                "private_key": self.private_key.get_secret_value(),
                "default_sales_rep_id": self.default_sales_rep_id,
            },
            "state": self.state,
            "language": self.language,
            "notify": self._recipients(source),
        }
        settings = parse_settings(merged(tree, self.more), source)
        _require_whole_paths(settings, source)
        return settings

    def _connection(self) -> dict[str, Any]:
        """The section ``connection``; empty where ``more`` has it."""
        if connection_string := self.connection_string.get_secret_value():
            return {"kind": "odbc", "connection_string": connection_string}
        if not self.host:
            return {}
        given = {
            "instance": self.instance,
            "database": self.database,
            "username": self.username,
            "password": self.password.get_secret_value(),
        }
        known = {name: value for name, value in given.items() if value}
        trust = self.trust_server_certificate
        return {"kind": "sqlserver", "host": self.host, "trust_server_certificate": trust, **known}

    def _recipients(self, source: Path) -> Any:
        try:
            return json.loads(self.notify.get_secret_value() or "[]")
        except ValueError:
            wrong = (InvalidSetting("notify", "not_a_list"),)
            raise SettingsError("settings_invalid", source, wrong, self.language) from None


def _without(tree: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in tree.items() if name not in names}


def _without_empty(tree: dict[str, Any]) -> dict[str, Any]:
    """A tree without sections that are empty."""
    known = {name: _without_empty(value) if isinstance(value, dict) else value for name, value in tree.items()}
    return {name: value for name, value in known.items() if value != {}}


def _require_whole_paths(settings: Settings, source: Path) -> None:
    """Refuse a path that begins nowhere.

    A worker has a folder of its own for each run, and deletes it: a state there would be a new one each time.

    Raises:
        SettingsError: a path is relative.
    """
    url = make_url(settings.state)
    paths = {"state": url.database if url.drivername == "sqlite" else None}
    if isinstance(settings.sage100.connection, Sqlite):
        paths["sage100.connection.path"] = settings.sage100.connection.path
    if settings.backups.folder is not None:
        paths["backups.folder"] = settings.backups.folder
    relative = [key for key, path in paths.items() if path is not None and not _is_whole(path)]
    if relative:
        wrong = tuple(InvalidSetting(key, "relative_path") for key in relative)
        raise SettingsError("settings_invalid", source, wrong, settings.language)


def _is_whole(path: str) -> bool:
    return PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()


def load_settings_for_flow(config: str) -> Settings:
    """The settings that the flow's parameter names: ``block:NAME``, or the path of a file.

    Raises:
        SettingsError: there is no such block or file, or something in it is wrong.
    """
    if not config.startswith(PREFIX):
        return load_settings(Path(config))
    name = config.removeprefix(PREFIX)
    try:
        block = SynchronisationSettings.load(name)
    except ValueError:
        raise SettingsError("settings_missing", Path(config)) from None
    except RuntimeError as error:  # Prefect's, where the form does not contain what the block demands
        if not isinstance(error.__cause__, ValidationError):
            raise
        raise SettingsError("settings_invalid", Path(config), tuple(invalid_values(error.__cause__, {}))) from None
    assert isinstance(block, SynchronisationSettings), "outside an event loop it loads at once"
    return block.settings(name)
