"""The commands ``service install``, ``service remove`` and ``service status``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sage100_ssm.cli.language import language_of_user
from sage100_ssm.cli.options import SYNC_YAML, Config
from sage100_ssm.messages import Language, say
from sage100_ssm.sync.failures import ConfigurationError, Exit

if TYPE_CHECKING:
    from sage100_ssm.app.settings import Settings
    from sage100_ssm.cli.service.definition import Service, Wanted

service = typer.Typer(
    no_args_is_help=True,
    help="Start with the machine, and every 15 minutes from then on: `sage100-ssm service install`",
)

Name = Annotated[str, typer.Option(help="Name of the service; another one for a second installation.", metavar="NAME")]
OfUser = Annotated[
    bool, typer.Option("--user", help="Linux: a service of this user alone, which needs no administrator.")
]
_NAME = "sage100-ssm"


@service.command()
def install(
    *,
    config: Config = SYNC_YAML,
    name: Name = _NAME,
    every: Annotated[int, typer.Option(min=1, help="Minutes between two runs.", metavar="MINUTES")] = 15,
    account: Annotated[
        str | None,
        typer.Option(help="Under which it runs; by default the owner of the settings file.", metavar="ACCOUNT"),
    ] = None,
    of_user: OfUser = False,
    store_password: Annotated[
        bool,
        typer.Option(
            "--store-password", help="Windows: it asks for the account's password, for Windows authentication."
        ),
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print what would be installed, and do nothing.")] = False,
) -> None:
    """Let `serve` start with the machine and again where it ended: a systemd unit, on Windows a scheduled task.

    Needs an administrator, unless `--user` is given. May be repeated, after an upgrade or with another `--every`.

    - `sudo sage100-ssm service install -c /etc/sage100-ssm/sync.yaml`
    - `sage100-ssm service install --user`, and `loginctl enable-linger` so that it outlives your session
    - `sage100-ssm service install --show`
    """
    from sage100_ssm.cli.command_context import command_context

    with command_context(config) as context:
        system = _system(of_user=of_user, stores_password=store_password)
        wanted = _wanted(context.settings, config.absolute(), name, every, account)
        if sys.platform != "win32" and not of_user and wanted.account == "root":
            raise ConfigurationError("service_root", file=str(config))
        if show:
            typer.echo(system.definition(wanted), nl=False)
            return
        place = system.install(wanted)
        context.note("service_installed", name=name, place=place)
        context.note("service_log_windows" if sys.platform == "win32" else "service_log", **_log_of(wanted, of_user))


@service.command()
def remove(*, name: Name = _NAME, of_user: OfUser = False) -> None:
    """Stop the service and delete it. The settings, the passwords and the state stay.

    `sudo sage100-ssm service remove`
    """
    from sage100_ssm.cli.command_context import ended_in_words

    with ended_in_words(_language()):
        _system(of_user=of_user).remove(name)
        _say("service_removed", name=name)


@service.command()
def status(*, name: Name = _NAME, of_user: OfUser = False) -> None:
    """Is the service installed, and does it run? Ends with 1 where it does not.

    `sage100-ssm service status`; what the runs did is said by `sage100-ssm status`
    """
    from sage100_ssm.cli.command_context import ended_in_words

    with ended_in_words(_language()):
        found = _system(of_user=of_user).status(name)
        key = "service_runs" if found.is_running else "service_stopped" if found.is_installed else "service_none"
        _say(key, name=name, text=found.words)
    raise typer.Exit(Exit.DONE if found.is_running else Exit.NEGATIVE)


def _language() -> Language:
    """The language where no settings are read: a service can be removed without them."""
    return language_of_user() or "fr"


def _say(key: str, **params: object) -> None:
    from sage100_ssm.cli.command_context import terminal
    from sage100_ssm.cli.tables import plain

    terminal().print(plain(say(key, _language(), **params)), soft_wrap=True)


def _system(*, of_user: bool, stores_password: bool = False) -> "Service":
    """The service by the means of this system.

    Raises:
        ConfigurationError: it has none that is known here.
    """
    if sys.platform == "win32":
        from sage100_ssm.cli.service.windows import WindowsTask

        return WindowsTask(stores_password=stores_password)
    if sys.platform != "linux":
        raise ConfigurationError("service_unknown_system", system=sys.platform)
    from sage100_ssm.cli.service.systemd import SystemdService

    return SystemdService(of_user=of_user)


def _wanted(settings: "Settings", config: Path, name: str, every: int, account: str | None) -> "Wanted":
    from sage100_ssm.cli.service.definition import Wanted

    return Wanted(
        name=name,
        company=settings.sage100.company,
        config=config,
        state=settings.state_file,
        every=every,
        account=account or _owner_of(config),
    )


def _owner_of(file: Path) -> str:
    """The account to which a file belongs; on Windows this user, with the domain."""
    if sys.platform == "win32":
        from sage100_ssm.app.secrets_file import account_of_windows

        return account_of_windows()
    try:
        return file.owner()
    except KeyError:
        return str(file.stat().st_uid)  # an account that this machine does not know by name


def _log_of(wanted: "Wanted", of_user: bool) -> dict[str, str]:  # noqa: FBT001 - the one of the commands
    return {
        "file": str(wanted.config.parent / f"{wanted.name}.log"),
        "command": f"journalctl {'--user ' if of_user else ''}-u {wanted.name} -f",
    }
