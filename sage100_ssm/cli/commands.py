"""The operator's command, ``sage100-ssm``.

A command imports what it needs when it is called: those that only read what is stored answer at once, without loading
the Airbyte CDK or Prefect, and the help without anything of the product.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sage100_ssm import __version__
from sage100_ssm.cli import administration, keeping
from sage100_ssm.cli.init import init
from sage100_ssm.cli.logs import LogFormat, LogWanted, set_up_log
from sage100_ssm.cli.options import SYNC_YAML, Config, Configs, Json, OfCode, OfCompany, OfContact, Who
from sage100_ssm.cli.pair_commands import decide, match, undo, user_of_machine
from sage100_ssm.cli.service.commands import service
from sage100_ssm.messages import Language, say
from sage100_ssm.sync.failures import ConfigurationError, Exit
from sage100_ssm.sync.model import Side

if TYPE_CHECKING:
    from sage100_ssm.cli.command_context import CommandContext

_TRY = "Try"
_SET_UP = "Set up"
_SYNCHRONISE = "Synchronise"
_WHO_IS_WHO = "Say who is who"
_LOOK = "Look at what is stored"
_KEEP = "Keep, give out and erase what is stored"
_ADMINISTER = "Look after the machine"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SampleLanguage = Annotated[Language, typer.Option(help="Language of the sentences and the journal.")]


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        typer.echo(f"sage100-ssm {__version__}")
        raise typer.Exit


def _opened(config: Path, *, as_json: bool = False) -> AbstractContextManager["CommandContext"]:
    """The settings and the output of a command; see ``command_context``."""
    from sage100_ssm.cli.command_context import command_context

    return command_context(config, as_json=as_json)


def _opened_to_look(config: Path, *, as_json: bool = False) -> AbstractContextManager["CommandContext"]:
    """The same for a command that needs the state alone, and no secret."""
    from sage100_ssm.cli.command_context import command_context

    return command_context(config, as_json=as_json, only_looks=True)


@app.callback()
def root(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the log, and the traceback of a fault.")] = False,
    log_format: Annotated[
        LogFormat,
        typer.Option(help="`json`: notes and errors as a line of JSON each.", envvar="SAGE100_SSM_LOG_FORMAT"),
    ] = LogFormat.TEXT,
    log_file: Annotated[
        Path | None,
        typer.Option(
            help="Notes and errors go to this file; at 5 MB it is put aside.",
            metavar="FILE",
            envvar="SAGE100_SSM_LOG_FILE",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback does everything
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Keep the contacts of Sage 100 and of Sage Sales Management (SSM) the same, in both directions.

    For your own company:

    - `sage100-ssm init`: answer a few questions; each answer is tried, and `sync.yaml` written
    - `sage100-ssm check`: is everything within reach?
    - `sage100-ssm probe`: how does your SSM behave where its documentation does not say?
    - `sage100-ssm plan`: what would a run write?
    - `sage100-ssm run`: synchronise once
    - `sage100-ssm service install`: synchronise every 15 minutes, started with the machine

    Exit codes: **0** done, **1** `plan --exit-code` found something to write, `explain` nobody, **2** settings, usage,
    login, right or column, **3** a guard held something back, **4** a side or the Prefect server was not reached, or a
    side was not read to its end, **5** another run or `serve` is under way, **70** a fault of the program.
    """
    try:
        set_up_log(LogWanted(log_format, log_file, debug))
    except OSError as error:
        raise typer.BadParameter(f"{error.strerror}: {log_file}", param_hint="--log-file") from None


# --- try


@app.command(rich_help_panel=_TRY)
def demo(
    *,
    keep: Annotated[Path | None, typer.Option(help="Keep the demo's files in this folder.", metavar="DIR")] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep the dashboard and the page open afterwards, until Ctrl-C.")
    ] = False,
    language: SampleLanguage = "fr",
) -> None:
    """See the whole product at work on sample data. Needs no settings.

    A sample company database, an SSM API on this machine, and nine runs between which people create, edit and delete
    contacts; each shows what it wrote and why.

    - `sage100-ssm demo --stay`: then look at the runs and problems in a browser
    - `sage100-ssm demo --keep try`
    """
    from sage100_ssm.cli.command_context import ended_in_words, terminal
    from sage100_ssm.cli.demo import play

    with ended_in_words(language), _folder_taken_in_words("--keep"):
        play(terminal(), keep=keep, stay=stay, language=language)


@app.command(rich_help_panel=_TRY)
def sample(
    *,
    directory: Annotated[Path, typer.Option("--dir", help="Where the database and the settings go.", metavar="DIR")],
    port: Annotated[int, typer.Option(help="Port of the SSM API; 0 for a free one.")] = 0,
    language: SampleLanguage = "fr",
) -> None:
    """Open the sample company, to try the other commands on, until Ctrl-C. Needs no settings.

    A Sage 100 database and settings in a folder of their own, and an SSM API on this machine.

    `sage100-ssm sample --dir try`, then in a second terminal `sage100-ssm plan -c try/sync.yaml`
    """
    from sage100_ssm.cli.command_context import ended_in_words, terminal
    from sage100_ssm.cli.sample import keep_open

    with ended_in_words(language), _folder_taken_in_words("--dir"):
        keep_open(terminal(), directory, port=port, language=language)


@contextmanager
def _folder_taken_in_words(option: str) -> Iterator[None]:
    """End the command in words where the folder contains a sample company already."""
    try:
        yield
    except FileExistsError as error:
        raise ConfigurationError("folder_taken", file=str(error.filename), option=option) from None


# --- set up and synchronise


app.command(rich_help_panel=_SET_UP)(init)


@app.command(rich_help_panel=_SYNCHRONISE)
def check(*, config: Config = SYNC_YAML, as_json: Json = False) -> None:
    """Are both sides reachable, with the rights and columns needed? Says what to mend; writes nothing.

    Run it first after each change to the settings: `sage100-ssm check -c /etc/sage100-ssm/sync.yaml`
    """
    with _opened(config, as_json=as_json) as context:
        from sage100_ssm.app.check.check import check_sides
        from sage100_ssm.cli import json_shapes, tables

        report = check_sides(context.settings)
        context.print_result(json_shapes.check(report.findings), tables.check(report.findings, context.language))
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
    """Settle what the documentation leaves open about SSM and Sage, on your own instance and a copy of a database.

    Without `--write` nothing is written on either side. With it, one contact named SYNC-PROBE is created in SSM under
    the client named and removed again, and one in Sage within a transaction that is undone. What follows for the
    settings goes to a file that they can `include`.

    `sage100-ssm probe --write CARAT`
    """
    with _opened(config, as_json=as_json) as context:
        from sage100_ssm.app.probe import probe as ask
        from sage100_ssm.app.probe import settings_from, write_answers
        from sage100_ssm.cli import json_shapes, tables

        file = output or config.absolute().parent / "probe.yaml"
        context.note("probe_asking")
        answers = sorted(ask(context.settings, write), key=lambda answer: (answer.side is Side.SAGE100, answer.number))
        write_answers(file, answers, context.language)
        context.print_result(json_shapes.probe(answers), tables.probe(answers))
        context.note("probe_written" if settings_from(answers) else "probe_no_settings", file=file, name=file.name)


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
    with _opened(config, as_json=as_json) as context:
        from sage100_ssm.app.assemble import plan_once
        from sage100_ssm.cli import tables

        report = plan_once(context.settings, progress=context.progress)
        context.print_result(report.as_json(), tables.plan(report, context.language))
        context.print_guards(report.guards)
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

    A problem with one contact does not fail a run: it stays in the journal until its cause is gone.

    After `sage100-ssm plan` showed that the deletions are meant: `sage100-ssm run --allow-deletions`
    """
    with _opened(config, as_json=as_json) as context:
        from sage100_ssm.app.assemble import run_once
        from sage100_ssm.cli import tables
        from sage100_ssm.sync.run.context import RunOptions

        options = RunOptions(allow_deletions=allow_deletions, allow_mass_change=allow_mass_change, by=user_of_machine())
        report = run_once(context.settings, options=options, progress=context.progress, waiting=context.waiting)
        context.print_result(report.as_json(), tables.run(report.as_json(), context.language))
        context.print_failures(report.failures)
        context.print_guards(report.guards)
        context.log_run(report)
    raise typer.Exit(report.exit_code)


@app.command(rich_help_panel=_SYNCHRONISE)
def serve(
    *,
    config: Configs = [SYNC_YAML],  # noqa: B006 - typer copies it
    every: Annotated[int, typer.Option(min=1, help="Minutes between two runs.", metavar="MINUTES")] = 15,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the local Prefect server and its dashboard.", metavar="PORT")
    ] = 4200,
) -> None:
    """Synchronise by itself: at once, then every 15 minutes, until Ctrl-C.

    The runs are those of a Prefect deployment: on the server that PREFECT_API_URL names, else on a local one that is
    started for the purpose and ends with the command. Its dashboard shows every run, and asks for a key; the command
    says where it is. The page (`web`) is open meanwhile, too.

    Several companies have a settings file each; their runs are spread over the 15 minutes.

    - `sage100-ssm serve --every 5`
    - `sage100-ssm serve -c bijou.yaml -c carat.yaml`
    - `sage100-ssm serve -c /etc/sage100-ssm`: all `*.yaml` of the folder
    """
    from sage100_ssm.cli.serving import serve_companies

    serve_companies(config, every, port)


@app.command(rich_help_panel=_LOOK)
def web(
    *,
    config: Config = SYNC_YAML,
    hash_: Annotated[
        bool, typer.Option("--hash", help="Ask for a password and print its hash for the settings (web.users).")
    ] = False,
) -> None:
    """Open the page: search a contact, settle problems, see the runs. In a browser, until Ctrl-C.

    On this machine alone, behind a key, unless the settings (`web`) name an address and users.

    - `sage100-ssm web`
    - `sage100-ssm web --hash`, then `web: {users: {marie: {role: settle, password: "…"}}}`
    """
    if hash_:
        from sage100_ssm.web.access import password_hash

        typer.echo(password_hash(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)))
        return
    with _opened(config) as context:
        from sage100_ssm.orchestration.local_server import prefect_home
        from sage100_ssm.web.server import serve_page

        serve_page(context.settings, prefect_home(context.settings.state, config), context.note)


@app.command(rich_help_panel=_SYNCHRONISE)
def retry(
    problem: Annotated[int, typer.Argument(help="Number of an open problem, as `problems` shows it.", metavar="ID")],
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
) -> None:
    """Try the contact of one problem again: now, alone, even if it is in a pause. Says what became of it.

    `sage100-ssm problems`, mend the cause, then `sage100-ssm retry 12`
    """
    with _opened(config, as_json=as_json) as context:
        from sage100_ssm.app.assemble import run_once
        from sage100_ssm.cli import json_shapes, tables
        from sage100_ssm.sync.run.context import RunOptions
        from sage100_ssm.sync.run.observe import contacts_to_retry

        with context.state() as state:
            contacts_to_retry(state, problem)  # one that nobody knows is refused before either side is opened
        report = run_once(
            context.settings,
            options=RunOptions(problem=problem),
            progress=context.progress,
            waiting=context.waiting,
        )
        assert report.retried is not None, "a run that is about some contacts says what became of them"
        shown = tables.retried(report.retried, context.language)
        context.print_result(json_shapes.retry(report, report.retried, context.language), shown)
        context.print_guards(report.guards)
        context.print_failures(report.failures)
    raise typer.Exit(report.exit_code)


@app.command(rich_help_panel=_SYNCHRONISE)
def resync(*, config: Config = SYNC_YAML) -> None:
    """Read both sides whole and rebuild links and observations. Deletes nothing.

    For a state that was lost, damaged or restored from a backup. Links are found again by the external id that each
    contact has in SSM, else by company and name; the bases of links that are still there are kept.

    `sage100-ssm resync`, then `sage100-ssm plan` to see what the next run would write
    """
    with _opened(config) as context:
        from sage100_ssm.app.assemble import resync as rebuild
        from sage100_ssm.cli import tables

        report = rebuild(context.settings, progress=context.progress, waiting=context.waiting)
        found = tables.rebuilt(report, context.settings.sage100.company, context.language)
        context.print_result(report.as_json(), tables.run(report.as_json(), context.language), found)
        context.print_guards(report.guards)
        context.print_failures(report.failures)
    raise typer.Exit(report.exit_code)


app.command(rich_help_panel=_WHO_IS_WHO)(match)
app.command(rich_help_panel=_WHO_IS_WHO)(decide)
app.command(rich_help_panel=_WHO_IS_WHO)(undo)


# --- look at what is stored


@app.command(rich_help_panel=_LOOK)
def status(
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    as_metrics: Annotated[
        bool, typer.Option("--metrics", help="Print figures in the text format of Prometheus, and nothing else there.")
    ] = False,
) -> None:
    """Last run, next run, open problems and links.

    For a monitor: it reads the state alone, needs no password, and answers at once.

    - `sage100-ssm status`
    - `sage100-ssm status --json`: for Zabbix, PRTG, Nagios
    - `sage100-ssm status --metrics`: for Prometheus
    """
    with _opened_to_look(config, as_json=as_json) as context, context.state() as state:
        from sage100_ssm.app.status import read_status

        report = read_status(state, datetime.now(UTC))
        if as_metrics:
            from sage100_ssm.cli.metrics import metrics

            typer.echo(metrics(report, context.settings.sage100.company), nl=False)
            return
        from sage100_ssm.cli import json_shapes, tables

        context.print_result(json_shapes.status(report), tables.status(report, context.language))


@app.command(rich_help_panel=_LOOK)
def problems(
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    code: OfCode = None,
    company: OfCompany = None,
    contact: OfContact = None,
    totals: Annotated[bool, typer.Option("--totals", help="Only the totals per cause.")] = False,
    show_all: Annotated[bool, typer.Option("--all", help="Those that somebody accepted, too (`decide`).")] = False,
) -> None:
    """What holds contacts back now: first the totals per cause, then each problem and what to do about it.

    A problem closes by itself once its cause is gone. Where several contacts wait for one cause (a job title that SSM
    does not have, a company that Sage 100 does not have), they are one problem, and `retry` tries all of them.

    - `sage100-ssm problems`
    - `sage100-ssm problems --code value_unknown`: one cause at a time, the one with most contacts first
    - `sage100-ssm problems --company CARAT`, or `--contact "claire morel"`, when somebody asks
    """
    from sage100_ssm.cli import json_shapes, tables
    from sage100_ssm.cli.narrowing import Narrowing

    narrowing = Narrowing(code, company, contact)
    with _opened_to_look(config, as_json=as_json) as context, context.state() as state:
        opened, language = state.journal(open_only=True), context.language
        accepted = set() if show_all else state.decisions.accepted(opened)
        shown = (known for known in opened if known.id not in accepted)
        entries = narrowing.of(shown, state, context.settings, datetime.now(UTC))
        empty = tables.plain(say("problems_empty" if narrowing == Narrowing() else "problems_none_such", language))
        shape, table = json_shapes.journal, tables.problems
        if totals:
            shape, table = json_shapes.problem_totals, tables.problem_totals
        context.print_result(shape(entries, language), table(entries, language) if entries else empty)
        if accepted:
            context.note("problems_accepted", number=len(accepted))


@app.command(rich_help_panel=_LOOK)
def journal(
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Only so many, the newest.")] = None,
    code: OfCode = None,
    company: OfCompany = None,
    contact: OfContact = None,
    writes: Annotated[bool, typer.Option("--writes", help="What was written on the sides, instead.")] = False,
) -> None:
    """All problems and notices, newest first, closed ones too; or what was written, field by field.

    - `sage100-ssm journal -n 20`
    - `sage100-ssm journal --writes --contact "claire morel"`: what was written of her, when, and why
    - `sage100-ssm journal --code conflict_settled --company CARAT`: whose value was kept, at one client
    """
    from sage100_ssm.cli import json_shapes, tables
    from sage100_ssm.cli.narrowing import Narrowing

    narrowing = Narrowing(code, company, contact)
    with _opened_to_look(config, as_json=as_json) as context, context.state() as state:
        is_whole, now = narrowing == Narrowing(), datetime.now(UTC)
        if writes:
            records = narrowing.of_writes(state, context.settings, now)[:limit]
            nothing = tables.plain(say("writes_empty", context.language))
            listed = tables.writes(records, context.language) if records else nothing
            context.print_result(json_shapes.writes(records), listed)
            return
        entries = narrowing.of(state.journal(limit=limit if is_whole else None), state, context.settings, now)[:limit]
        empty = tables.plain(say("journal_empty" if is_whole else "journal_none_such", context.language))
        table = tables.journal(entries, context.language) if entries else empty
        context.print_result(json_shapes.journal(entries, context.language), table)


@app.command(rich_help_panel=_LOOK)
def links(
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Only so many, the newest.")] = None,
) -> None:
    """Who is linked to whom, with the side of origin and the values as they were last read back; the newest first.

    `sage100-ssm links -n 20`, or for a script `sage100-ssm links --json`
    """
    with _opened_to_look(config, as_json=as_json) as context, context.state() as state:
        from sage100_ssm.cli import json_shapes, tables

        linked = state.newest_links(limit)
        if as_json:
            context.print_list(map(json_shapes.link, linked))
        else:
            table = tables.links(linked, context.value_formatter(state), context.language)
            context.print_result(None, table)


@app.command(rich_help_panel=_LOOK)
def explain(
    who: Who,
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    live: Annotated[bool, typer.Option("--live", help="Ask both sides, too, even if an answer is stored.")] = False,
    no_live: Annotated[bool, typer.Option("--no-live", help="Ask neither, even if no answer is stored.")] = False,
) -> None:
    """Is a contact synchronised? If not, why, what to do, and what has happened to it so far?

    Somebody who was typed a minute ago, who belongs to a supplier or whom the settings leave out is found by asking
    both sides, which are only read.

    - `sage100-ssm explain "claire morel"`, or with a word of the company: `"morel carat"`
    - `sage100-ssm explain claire.morel@joaillerie.example`, or a phone number: `"01 99 00 10 00"`
    - `sage100-ssm explain 1234`
    - `sage100-ssm explain CARAT`: all contacts of a company
    """
    from sage100_ssm.app.search.find import explained
    from sage100_ssm.app.settings import SettingsToLook
    from sage100_ssm.cli import json_shapes, tables

    opened = _opened if live else _opened_to_look
    with opened(config, as_json=as_json) as context, context.state() as state:
        look = None if live == no_live else live
        if isinstance(context.settings, SettingsToLook):
            look = False  # a secret is not set, so neither side can be asked
        result = explained(state, context.settings, who, datetime.now(UTC), live=look)
        formatted, language = context.value_formatter(state), context.language
        is_live = bool(result.looked_at)
        shown = [tables.explain(found, formatted, language, is_live=is_live) for found in result.found]
        if not result.found:
            shown = [tables.plain(say("explain_unknown" if is_live else "explain_unknown_here", language, who=who))]
        context.print_result(json_shapes.explain(result.found, language, is_live=is_live), *shown)
        if result.nearest:
            context.note("explain_nearest", names=", ".join(result.nearest))
        if result.is_cut:
            context.note("explain_cut", number=len(result.found))
        context.print_failures(result.failures)
    raise typer.Exit(Exit.DONE if result.found else Exit.NEGATIVE)


app.command(rich_help_panel=_KEEP)(keeping.backup)
app.command(rich_help_panel=_KEEP)(keeping.export)


@app.command(rich_help_panel=_KEEP)
def forget(
    who: Who,
    *,
    config: Config = SYNC_YAML,
    as_json: Json = False,
    yes: Annotated[bool, typer.Option("--yes", help="Forget; without it, only show what would be forgotten.")] = False,
) -> None:
    """Erase what the synchronisation keeps of one person: links, journal, stored rows. Deletes nothing on either side.

    First delete the contact in Sage 100 and let a run pass, so that SSM follows; then

    - `sage100-ssm forget "claire morel"` shows what is stored, and where the person still lives
    - `sage100-ssm forget "claire morel" --yes` erases it, from the state's file too

    A contact that is forgotten while it still lives is taken for a new one by the next run, which matches it again.
    """
    with _opened_to_look(config, as_json=as_json) as context:
        from sage100_ssm.cli import json_shapes, tables
        from sage100_ssm.cli.forgetting import find_person

        language = context.language
        with context.state() as state:
            found = find_person(state, context.settings, who, datetime.now(UTC))
        if found.person is None:
            nobody = tables.plain(say("explain_unknown", language, who=who))
            table = tables.several(found.contacts, language) if found.contacts else nobody
            context.print_result(json_shapes.forget(found.contacts, None, forgotten=False, is_erased=False), table)
            if found.contacts:
                context.note("forget_several", number=len(found.contacts))
            raise typer.Exit(Exit.CONFIGURATION if found.contacts else Exit.DONE)
        person, is_erased = found.person, False
        if yes:
            from sage100_ssm.app.assemble import forget as forget_person

            person, is_erased = forget_person(context.settings, found.contacts[0].subject, context.waiting)
        result = json_shapes.forget(found.contacts, person, forgotten=yes, is_erased=is_erased)
        context.print_result(result, tables.forget(person, language, forgotten=yes))
        if not yes:
            context.note("forget_yes")
        elif not is_erased:
            context.note("forget_read")


app.command(rich_help_panel=_ADMINISTER)(administration.notify)
app.add_typer(service, name="service", rich_help_panel=_ADMINISTER)
app.add_typer(administration.prefect, name="prefect", rich_help_panel=_ADMINISTER)
