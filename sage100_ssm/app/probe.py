"""Questions that the documentation of SSM and Sage leaves open, answered on the site's own systems."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from dataclasses import field as default
from pathlib import Path
from typing import Any

import yaml

import sage100_ssm.sage100.probe
import sage100_ssm.ssm.probe
from sage100_ssm.app.assemble import lease_owner, site_of, utc_now
from sage100_ssm.app.settings import Settings
from sage100_ssm.app.sides import SageSide, SsmSide, both_sides, failure_of
from sage100_ssm.exchange.failure import SideError, SideFailedError
from sage100_ssm.messages import Language, say
from sage100_ssm.ssm.errors import Rejected
from sage100_ssm.ssm.probe import NOT_ASKED, SETTLED_BY_LOOKING, SETTLED_BY_WRITING, ScratchLeftError
from sage100_ssm.sync.contacts.companies import Companies
from sage100_ssm.sync.failures import ConfigurationError, side_error
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.run.lease import leased
from sage100_ssm.sync.state.errors import StateMissing
from sage100_ssm.sync.state.store import StateStore


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """The answer to one question.

    Attributes:
        side: the side that the question is about.
        number: the number of the question.
        code: the answer's short name.
        question: the question, in the user's language.
        text: the answer, in the user's language.
        settings: the settings that follow, as a tree; empty where the product copes with either answer by itself.
    """

    side: Side
    number: int
    code: str
    question: str
    text: str
    settings: Mapping[str, Any] = default(default_factory=dict)


def probe(settings: Settings, company: str | None = None) -> Iterator[ProbeAnswer]:
    """The answers of both sides, one by one.

    Args:
        settings: the settings of the installation.
        company: the code of a client or prospect under which a scratch contact is written and removed again; None
            to write nothing.

    Raises:
        ConfigurationError: a login is refused, a right is missing, a side does not have the company, or a scratch
            contact could not be removed.
        SideUnavailableError: a side is not reached.
        AnotherRun: a run is under way, which might synchronise the scratch contact.
    """
    with (
        _no_run_meanwhile(settings.state, needed=company is not None),
        both_sides(settings.sage100, settings.ssm) as (sage_side, ssm_side),
    ):
        with _as_run_errors(Side.SSM):
            yield from _ask_ssm(settings, sage_side, ssm_side, company)
        with _as_run_errors(Side.SAGE100):
            yield from _ask_sage100(settings.language, sage_side, company)


def _ask_ssm(settings: Settings, sage_side: SageSide, ssm_side: SsmSide, company: str | None) -> Iterator[ProbeAnswer]:
    questions = sage100_ssm.ssm.probe.Probe(
        ssm_side.client, page_size=settings.ssm.page_size, overlap_minutes=settings.ssm.overlap_minutes
    )
    for verdict in questions.look():
        # A question that looking settles in part is settled for certain by the scratch contact below.
        if company is None or verdict.number not in SETTLED_BY_WRITING:
            yield _answer(Side.SSM, verdict, settings.language, verdict.settings)
    if company is None:
        for number in sorted(SETTLED_BY_WRITING - SETTLED_BY_LOOKING):
            question = say(f"probe_ssm_{number}", settings.language)
            yield ProbeAnswer(Side.SSM, number, NOT_ASKED, question, say("probe_not_asked", settings.language))
        return
    account = _account_of(company, settings, sage_side, ssm_side)
    for verdict in questions.write(account, settings.ssm.default_sales_rep_id):
        yield _answer(Side.SSM, verdict, settings.language, verdict.settings)


def _ask_sage100(language: Language, side: SageSide, company: str | None) -> Iterator[ProbeAnswer]:
    questions = sage100_ssm.sage100.probe.Probe(side.database)
    for verdict in questions.look():
        yield _answer(Side.SAGE100, verdict, language)
    if company is not None:
        for verdict in questions.write(company):
            yield _answer(Side.SAGE100, verdict, language)


def _account_of(company: str, settings: Settings, sage_side: SageSide, ssm_side: SsmSide) -> int:
    """The id of the one SSM account of a company that Sage has, too.

    Raises:
        ConfigurationError: there is no such account, or several.
        SideFailedError: a side cannot be read.
    """
    clients = sage_side.read({"companies": None})["companies"]
    accounts = ssm_side.read({"accounts": None})["accounts"]
    for reading in (clients, accounts):
        if reading.failure:
            raise SideFailedError(reading.failure)
    site = site_of(settings)
    companies = Companies(clients.rows, accounts.rows, code_field=site.code_field, scope=site.scope)
    found = companies.accounts_of(company) if companies.stored_code(company) else ()
    if len(found) != 1:
        raise ConfigurationError("probe_company", company=company)
    return found[0]


@contextmanager
def _no_run_meanwhile(state: str, *, needed: bool) -> Iterator[None]:
    """Hold the lease, so that no run synchronises the scratch contact; before the first run there is no lease."""
    if not needed:
        yield
        return
    try:
        StateStore.open(state, read_only=True).close()
    except StateMissing:
        yield
        return
    with StateStore.open(state) as store, leased(store, lease_owner(), utc_now):
        yield


@contextmanager
def _as_run_errors(side: Side) -> Iterator[None]:
    """Raise a side's errors as those that end a run, so that they have the same sentences and exit codes."""
    try:
        yield
    except ScratchLeftError as error:
        raise ConfigurationError("probe_left", ids=", ".join(map(str, error.ids))) from error
    except sage100_ssm.sage100.probe.UnknownCompanyError as error:
        raise ConfigurationError("probe_company", company=str(error)) from error
    except SideFailedError as error:
        raise side_error(side, error.failure) from error
    except SideError as error:
        # What SSM rejects here would be rejected again: a person must look at it.
        failure = replace(failure_of(error), configuration=error.configuration or isinstance(error, Rejected))
        raise side_error(side, failure) from error


def _answer(
    side: Side,
    verdict: sage100_ssm.ssm.probe.Verdict | sage100_ssm.sage100.probe.Verdict,
    language: Language,
    settings: Mapping[str, Any] | None = None,
) -> ProbeAnswer:
    key = f"probe_{side.value}_{verdict.number}"
    yes_or_no = {True: say("probe_yes", language), False: say("probe_no", language)}
    facts = {name: yes_or_no[fact] if isinstance(fact, bool) else fact for name, fact in verdict.facts.items()}
    text = say(f"{key}_{verdict.answer}", language, **facts)
    tree = {side.value: dict(settings)} if settings else {}
    return ProbeAnswer(side, verdict.number, verdict.answer, say(key, language), text, tree)


def settings_from(answers: list[ProbeAnswer]) -> dict[str, dict[str, Any]]:
    """The settings that follow from all answers together, as a tree."""
    tree: dict[str, dict[str, Any]] = {}
    for answer in answers:
        for section, keys in answer.settings.items():
            tree.setdefault(section, {}).update(keys)
    return tree


def write_answers(file: Path, answers: list[ProbeAnswer], language: Language) -> None:
    """Write the answers as comments, and the settings that follow as a file that others can ``include``.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    lines = [f"# {say('probe_file', language, at=utc_now().isoformat(timespec='seconds'))}"]
    for answer in answers:
        lines += ["#", f"# {answer.side.value} {answer.number}. {answer.question}", f"#   {answer.text}"]
    tree = settings_from(answers)
    settings = yaml.safe_dump(tree, sort_keys=True, allow_unicode=True) if tree else "{}\n"
    try:
        file.write_text("\n".join([*lines, "", settings]), "utf-8")
    except OSError:
        raise ConfigurationError("probe_output", file=str(file)) from None
