"""The operator's command, ``sage100-ssm``.

Each command imports what it needs when it is called: those that only read what is remembered answer at
once, without the Airbyte CDK or Prefect.
"""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from sage100_ssm import __version__
from sage100_ssm.cli import records, tables
from sage100_ssm.cli.explain import contacts_meant
from sage100_ssm.cli.session import session, terminal
from sage100_ssm.cli.status import standing_of
from sage100_ssm.cli.tables import plain
from sage100_ssm.messages import say
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.model import LinkStatus, Side

_TRY = "Try"
_SYNCHRONISE = "Synchronise"
_LOOK = "Look at what is remembered"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Config = Annotated[Path, typer.Option("--config", "-c", help="The settings of the installation.", metavar="FILE")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on the standard output, and nothing else there.")]
SYNC_YAML = Path("sync.yaml")


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        typer.echo(f"sage100-ssm {__version__}")
        raise typer.Exit


@app.callback()
def sage100_ssm(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the log, and the traceback of a fault.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback does everything
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keep the contacts of Sage 100 and of Sage Sales Management (SSM) the same, in both directions.

    For your own company: write `sync.yaml` (see the README), then

    - `sage100-ssm check`: is everything within reach?
    - `sage100-ssm probe`: how does your SSM behave where its documents do not say?
    - `sage100-ssm plan`: what would a run write?
    - `sage100-ssm run`: synchronise once
    - `sage100-ssm serve`: synchronise every 15 minutes

    Exit codes: **0** done, **1** `plan --exit-code` found something to write, **2** settings, usage, login, right or
    column, **3** a guard held something back, **4** a side was not reached or not read to its end, **5** another run
    is under way, **70** a fault of the program.
    """
    shown = logging.StreamHandler()
    # Whatever goes wrong is told in one sentence at the end; the connectors' own log is for those who look for more.
    shown.setLevel(logging.DEBUG if debug else logging.CRITICAL)
    logging.basicConfig(level=shown.level, handlers=[shown], format="%(levelname)s %(name)s: %(message)s")


@app.command(rich_help_panel=_TRY)
def demo(
    *,
    keep: Annotated[Path | None, typer.Option(help="Keep the demo's files in this folder.", metavar="DIR")] = None,
    language: Annotated[Literal["fr", "en"], typer.Option(help="Language of the story and the journal.")] = "fr",
) -> None:
    """See the whole product at work on sample data. Needs no settings.

    A sample company database, an SSM API on this machine, and nine runs between which people create, edit and delete
    contacts; each tells what it wrote and why.

    `sage100-ssm demo --keep try`
    """
    from sage100_ssm.cli.demo import play

    try:
        play(terminal(), keep=keep, language=language)
    except FileExistsError as error:
        message = say("demo_folder_taken", language, file=str(error.filename))
        terminal(stderr=True).print(plain(message))
        raise typer.Exit(Exit.CONFIGURATION) from None


@app.command(rich_help_panel=_SYNCHRONISE)
def check(*, config: Config = SYNC_YAML, as_json: Json = False) -> None:
    """Are both sides reachable, with the rights and columns needed? Says what to mend; writes nothing.

    Run it first after each change to the settings: `sage100-ssm check -c /etc/sage100-ssm/sync.yaml`
    """
    with session(config, as_json=as_json) as here:
        from sage100_ssm.app.check.check import check_sides

        report = check_sides(here.settings)
        here.show(records.findings(report.findings), tables.findings(report.findings, here.language))
    raise typer.Exit(report.exit_code)


@app.command(rich_help_panel=_SYNCHRONISE)
def probe(
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    write: Annotated[
        str | None,
        typer.Option(help="Write a scratch contact to this client, and remove it again.", metavar="CODE"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Where the answers go; by default probe.yaml beside the settings.", metavar="FILE"),
    ] = None,
) -> None:
    """Settle what the documents leave open about SSM and Sage, on your own instance and a copy of a database.

    Without `--write` nothing is written on either side. With it, one contact named SYNC-PROBE is created in SSM under
    the client named and removed again, and one in Sage within a transaction that is undone. What follows for the
    settings goes to a file that they can `include`.

    `sage100-ssm probe --write CARAT`
    """
    with session(config, as_json=as_json) as here:
        from sage100_ssm.app.probe import probe as ask
        from sage100_ssm.app.probe import settings_from, write_answers

        file = output or config.absolute().parent / "probe.yaml"
        here.tell("probe_asking")
        answers = sorted(ask(here.settings, write), key=lambda one: (one.side is Side.SAGE100, one.number))
        write_answers(file, answers, here.language)
        here.show(records.answers(answers), tables.answers(answers))
        here.tell("probe_written" if settings_from(answers) else "probe_no_settings", file=file, name=file.name)


@app.command(rich_help_panel=_SYNCHRONISE)
def plan(
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 where a run would write.")] = False,
) -> None:
    """What would a run write, per side and contact? Writes nothing anywhere.

    Deletions are marked with ✗. What is held back is listed with the reason.

    For a script: `sage100-ssm plan --exit-code --json > plan.json`
    """
    with session(config, as_json=as_json) as here:
        from sage100_ssm.app.assemble import plan_once

        report = plan_once(here.settings, progress=here.progress)
        here.show(report.as_json(), tables.plan(report, here.language))
        here.tell_guards(report.guards)
    would_write = bool(report.sage100 or report.ssm)
    raise typer.Exit(report.exit_code or int(exit_code and would_write))


@app.command(rich_help_panel=_SYNCHRONISE)
def run(
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    allow_deletions: Annotated[bool, typer.Option(help="Lift the deletion guard for this run.")] = False,
    allow_mass_change: Annotated[bool, typer.Option(help="Lift the other guards for this run.")] = False,
) -> None:
    """Synchronise once.

    A problem with one contact does not fail a run: it stands in the journal until its cause is gone.

    After `sage100-ssm plan` showed that the deletions are meant: `sage100-ssm run --allow-deletions`
    """
    with session(config, as_json=as_json) as here:
        from sage100_ssm.app.assemble import run_once
        from sage100_ssm.sync.run.context import RunOptions

        options = RunOptions(allow_deletions=allow_deletions, allow_mass_change=allow_mass_change)
        report = run_once(here.settings, options=options, progress=here.progress)
        here.show(report.as_json(), tables.run(report.as_json(), here.language))
        here.tell_guards(report.guards)
    raise typer.Exit(report.exit_code)


@app.command(rich_help_panel=_SYNCHRONISE)
def serve(
    *,
    config: Config = SYNC_YAML,
    every: Annotated[int, typer.Option(min=1, help="Minutes between two runs.", metavar="MINUTES")] = 15,
) -> None:
    """Synchronise by itself: at once, then every 15 minutes, until Ctrl-C.

    The runs are those of a Prefect deployment: on the server that PREFECT_API_URL names, else on a local one that is
    started for the purpose and ends with the command. Its dashboard shows every run.

    `sage100-ssm serve --every 5`
    """
    with session(config) as here:
        from sage100_ssm.orchestration.local_server import end_in_order, prefect_home, prefect_server

        end_in_order()
        here.tell("server_starting")
        with prefect_server(prefect_home(here.settings.state, config)) as dashboard:
            from sage100_ssm.orchestration.serve import serve as serve_until_stopped

            here.tell("serving", minutes=every, dashboard=dashboard)
            serve_until_stopped(config, here.settings, timedelta(minutes=every))


@app.command(rich_help_panel=_SYNCHRONISE)
def retry(
    problem: Annotated[int, typer.Argument(help="Number of an open problem, as `problems` shows it.", metavar="ID")],
    *,
    config: Config = SYNC_YAML,
) -> None:
    """Try the contact of one problem again: now, alone, whatever pause it is in.

    `sage100-ssm problems`, mend the cause, then `sage100-ssm retry 12`
    """
    with session(config) as here:
        from sage100_ssm.app.assemble import run_once
        from sage100_ssm.sync.run.context import RunOptions

        report = run_once(here.settings, options=RunOptions(problem=problem), progress=here.progress)
        here.show(report.as_json(), tables.run(report.as_json(), here.language))
    raise typer.Exit(report.exit_code)


@app.command(rich_help_panel=_SYNCHRONISE)
def resync(*, config: Config = SYNC_YAML) -> None:
    """Read both sides whole and rebuild links and observations. Deletes nothing.

    For a state that was lost, damaged or restored from a backup. Links are found again by the external id that each
    contact bears in SSM, else by company and name; the bases of links that stand are kept.
    """
    with session(config) as here:
        from sage100_ssm.app.assemble import resync as rebuild

        report = rebuild(here.settings, progress=here.progress)
        here.show(report.as_json(), tables.run(report.as_json(), here.language))
    raise typer.Exit(report.exit_code)


@app.command(rich_help_panel=_LOOK)
def status(*, config: Config = SYNC_YAML, as_json: Json = False) -> None:
    """Last run, next run, open problems and links.

    `sage100-ssm status --json` suits a monitor: it reads the state alone and answers at once.
    """
    with session(config, as_json=as_json) as here, here.memory() as memory:
        standing = standing_of(memory, datetime.now(UTC))
        here.show(records.status(standing), tables.status(standing, here.language))


@app.command(rich_help_panel=_LOOK)
def problems(*, config: Config = SYNC_YAML, as_json: Json = False) -> None:
    """What holds contacts back now, newest first, and what to do about it.

    A problem closes by itself once its cause is gone.
    """
    _show_journal(config, as_json=as_json, open_only=True)


@app.command(rich_help_panel=_LOOK)
def journal(
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="The newest so many alone.")] = None,
) -> None:
    """All problems and notices, newest first, closed ones too.

    `sage100-ssm journal -n 20`
    """
    _show_journal(config, as_json=as_json, limit=limit)


@app.command(rich_help_panel=_LOOK)
def links(*, config: Config = SYNC_YAML, as_json: Json = False) -> None:
    """Who is linked to whom, with the side of origin and the values as they last read back."""
    with session(config, as_json=as_json) as here, here.memory() as memory:
        linked = memory.links()
        here.show([records.link(link) for link in linked], tables.links(linked, here.shown(memory), here.language))


@app.command(rich_help_panel=_LOOK)
def explain(
    who: Annotated[str, typer.Argument(help="A name or part of one, an e-mail, a cbMarq or an SSM id.")],
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
) -> None:
    """Is a contact synchronised? If not, why, and what has become of it so far?

    - `sage100-ssm explain "claire morel"`
    - `sage100-ssm explain claire.morel@joaillerie.example`
    - `sage100-ssm explain 1234`
    """
    with session(config, as_json=as_json) as here, here.memory() as memory:
        everyone = contacts_meant(who, memory.links(list(LinkStatus)), memory.observed("contacts"), memory.journal())
        values = here.shown(memory)
        shown = [tables.known_contact(known, values, here.language) for known in everyone]
        unknown = tables.plain(say("explain_unknown", here.language, who=who))
        here.show([records.known_contact(known, here.language) for known in everyone], *(shown or [unknown]))


def _show_journal(config: Path, *, as_json: bool, open_only: bool = False, limit: int | None = None) -> None:
    with session(config, as_json=as_json) as here, here.memory() as memory:
        entries = memory.journal(open_only=open_only, limit=limit)
        empty = tables.plain(say("problems_empty" if open_only else "journal_empty", here.language))
        shown = [records.entry(known, here.language) for known in entries]
        here.show(shown, tables.entries(entries, here.language) if entries else empty)


def main() -> None:
    """Run the command."""
    app(prog_name="sage100-ssm")
