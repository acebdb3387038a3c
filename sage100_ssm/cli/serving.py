"""What ``serve`` does around the runs: whose they are, the Prefect server, the pages."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from sage100_ssm.app.companies import Company, settings_files, usable_companies
from sage100_ssm.app.endings import ending_after
from sage100_ssm.cli.command_context import CommandContext, ended_in_words, terminal
from sage100_ssm.cli.language import language_of_user
from sage100_ssm.cli.logs import log_wanted
from sage100_ssm.cli.tables import plain
from sage100_ssm.orchestration import local_server
from sage100_ssm.ssm.share import SHARES_VARIABLE
from sage100_ssm.sync.failures import SyncError
from sage100_ssm.web.server import page_beside


def serve_companies(places: Iterable[Path], every: int, port: int) -> None:
    """Synchronise companies until Ctrl-C or SIGTERM. One that cannot be served is reported and left out.

    Args:
        places: their settings files, and folders of them.
        every: minutes from one run of a company to its next.
        port: the port of the local Prefect server.

    Raises:
        typer.Exit: none can be served; the sentence has been printed on the standard error.
    """
    with ended_in_words(language_of_user() or "fr"):
        files = settings_files(places)
        companies = usable_companies(files, _print_left_out)
    context = CommandContext(companies[0].settings, logs_notes=log_wanted().replaces_notes)
    with ended_in_words(context.language):
        local_server.handle_stop_signals()
        # By the files, so that it stays the same folder whoever is left out today.
        home = _home_of(companies[0]) if len(files) == 1 else local_server.home_of_several(files[0])
        with local_server.only_serve(home), _served_here_alone(companies, home, context) as own:
            _serve(own, home, context, every, port)


def _serve(companies: Sequence[Company], home: Path, context: CommandContext, every: int, port: int) -> None:
    os.environ[SHARES_VARIABLE] = str(home / "shares")
    if local_server.named_server() is None:
        context.note("server_starting")
    with local_server.prefect_server(home, port) as server, ExitStack() as beside:
        # Imported only now: Prefect reads the server's address from the environment when it is imported.
        from sage100_ssm.orchestration.serve import serve  # noqa: PLC0415

        def say(sentence: str, **named: object) -> None:
            context.note(sentence, minutes=every, dashboard=server.dashboard, **named)
            if sentence != "serving":
                return
            if server.key_file:
                context.note("dashboard_key", file=server.key_file)
            if server.port_taken:
                context.note("dashboard_port", port=server.port_taken)
            # Only now: a Prefect server that cannot be used ends the command with that sentence alone.
            _open_pages(companies, context, beside)
            for company in companies:
                beside.enter_context(CommandContext(company.settings, logs_notes=context.logs_notes).logged_runs())

        serve(companies, timedelta(minutes=every), say)


def _print_left_out(file: Path, sentence: str) -> None:
    for line in (f"{file}:", *sentence.splitlines()):
        terminal(stderr=True).print(plain(line), soft_wrap=True)


@contextmanager
def _served_here_alone(companies: Sequence[Company], home: Path, context: CommandContext) -> Iterator[list[Company]]:
    """The companies that no other ``serve`` synchronises, while the block lasts.

    Args:
        companies: all that are to be synchronised.
        home: the folder that this ``serve`` has already.
        context: the command's output.

    Raises:
        AnotherServeError: others have them all.
    """
    with ExitStack() as locks:
        own: list[Company] = []
        for company in companies:
            folder = _home_of(company)
            try:
                if folder != home:
                    locks.enter_context(local_server.only_serve(folder))
            except SyncError as error:
                _print_left_out(company.file, ending_after(error, context.language).message)
                if not own and company is companies[-1]:
                    raise
            else:
                own.append(company)
        yield own


def _home_of(company: Company) -> Path:
    return local_server.prefect_home(company.settings.state, company.file)


def _open_pages(companies: Sequence[Company], context: CommandContext, pages: ExitStack) -> None:
    """Open a page for each company, at ports one after the other unless the settings name them."""
    for number, company in enumerate(companies):
        web = company.settings.web
        if "port" not in web.model_fields_set:
            web = web.model_copy(update={"port": web.port + number})
        if len(companies) > 1:
            context.note("web_page_of", company=company.name)
        settings = company.settings.model_copy(update={"web": web})
        pages.enter_context(page_beside(settings, _home_of(company), context.note))
