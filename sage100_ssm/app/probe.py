"""What the documents leave open about SSM and Sage, settled on a site's own, in words and as settings."""

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
from sage100_ssm.sync.run import lease
from sage100_ssm.sync.state.errors import StateMissing
from sage100_ssm.sync.state.store import StateStore


@dataclass(frozen=True, slots=True)
class Answer:
    """What one question came to.

    Attributes:
        side: whose question it is.
        number: of the question.
        code: its answer's short name.
        question: in the user's language.
        text: the answer, in the user's language.
        settings: what follows for the settings, as a tree; empty where the product copes with either answer by itself.
    """

    side: Side
    number: int
    code: str
    question: str
    text: str
    settings: Mapping[str, Any] = default(default_factory=dict)


def probe(settings: Settings, company: str | None = None) -> Iterator[Answer]:
    """Put the questions to both sides, one by one.

    Args:
        settings: those of the installation.
        company: the code of the client or prospect under which a scratch contact is written, and removed again; None
            where nothing may be written.

    Raises:
        ConfigurationError: a login is refused, a right is missing, there is no such company on a side, or a scratch
            contact could not be removed.
        SideUnavailableError: a side is not reached.
        AnotherRun: a run is under way, which might take the scratch contact for somebody.
    """
    with (
        _alone(settings.state, needed=company is not None),
        both_sides(settings.sage100, settings.ssm) as (sage_side, ssm_side),
    ):
        with _told(Side.SSM):
            yield from _ssm(settings, sage_side, ssm_side, company)
        with _told(Side.SAGE100):
            yield from _sage100(settings.language, sage_side, company)


def _ssm(settings: Settings, sage_side: SageSide, ssm_side: SsmSide, company: str | None) -> Iterator[Answer]:
    asking = sage100_ssm.ssm.probe.Probe(
        ssm_side.client, page_size=settings.ssm.page_size, overlap_minutes=settings.ssm.overlap_minutes
    )
    for seen in asking.look():
        if company is None or seen.number not in SETTLED_BY_WRITING:
            yield _answer(Side.SSM, seen, settings.language, seen.settings)
    if company is None:
        for number in sorted(SETTLED_BY_WRITING - SETTLED_BY_LOOKING):
            yield _not_asked(number, settings.language)
        return
    account = _account(settings, sage_side, ssm_side, company)
    for seen in asking.write(account, settings.ssm.default_sales_rep_id):
        yield _answer(Side.SSM, seen, settings.language, seen.settings)


def _sage100(language: Language, side: SageSide, company: str | None) -> Iterator[Answer]:
    asking = sage100_ssm.sage100.probe.Probe(side.database)
    for seen in asking.look():
        yield _answer(Side.SAGE100, seen, language)
    if company is not None:
        for seen in asking.write(company):
            yield _answer(Side.SAGE100, seen, language)


def _account(settings: Settings, sage_side: SageSide, ssm_side: SsmSide, company: str) -> int:
    """Find the one account of a company that stands on both sides.

    Raises:
        ConfigurationError: there is none, or several.
        SideFailedError: a side cannot be read.
    """
    site = site_of(settings)
    here, there = sage_side.read({"companies": None})["companies"], ssm_side.read({"accounts": None})["accounts"]
    for reading in (here, there):
        if reading.failure:
            raise SideFailedError(reading.failure)
    companies = Companies(here.rows, there.rows, code_field=site.code_field, scope=site.scope)
    found = companies.accounts_of(company) if companies.stored_code(company) else ()
    if len(found) != 1:
        raise ConfigurationError("probe_company", company=company)
    return found[0]


@contextmanager
def _alone(state: str, *, needed: bool) -> Iterator[None]:
    """Keep runs away while a scratch contact stands; before the first run there is nobody to keep away."""
    if not needed:
        yield
        return
    try:
        StateStore.open(state, read_only=True).close()
    except StateMissing:
        yield
        return
    with StateStore.open(state) as store, lease.held(store, lease_owner(), utc_now):
        yield


@contextmanager
def _told(side: Side) -> Iterator[None]:
    """Raise a side's errors as commands know them."""
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
    seen: sage100_ssm.ssm.probe.Verdict | sage100_ssm.sage100.probe.Verdict,
    language: Language,
    settings: Mapping[str, Any] | None = None,
) -> Answer:
    key = f"probe_{side.value}_{seen.number}"
    facts = {name: _shown(value, language) for name, value in seen.facts.items()}
    return Answer(
        side,
        seen.number,
        seen.answer,
        say(key, language),
        say(f"{key}_{seen.answer}", language, **facts),
        {side.value: dict(settings)} if settings else {},
    )


def _not_asked(number: int, language: Language) -> Answer:
    question = say(f"probe_{Side.SSM.value}_{number}", language)
    return Answer(Side.SSM, number, NOT_ASKED, question, say("probe_not_asked", language))


def _shown(value: Any, language: Language) -> Any:
    """A yes or no in the user's language."""
    return say("yes" if value else "no", language) if isinstance(value, bool) else value


def settings_of(answers: list[Answer]) -> dict[str, dict[str, Any]]:
    """What follows from all answers together, as a tree of settings."""
    tree: dict[str, dict[str, Any]] = {}
    for answer in answers:
        for section, keys in answer.settings.items():
            tree.setdefault(section, {}).update(keys)
    return tree


def write_answers(file: Path, answers: list[Answer], language: Language) -> None:
    """Write the answers as comments, and what follows from them as settings that ``include`` takes.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    lines = [f"# {say('probe_file', language, at=utc_now().isoformat(timespec='seconds'))}"]
    for answer in answers:
        lines += ["#", f"# {answer.side.value} {answer.number}. {answer.question}", f"#   {answer.text}"]
    tree = settings_of(answers)
    settings = yaml.safe_dump(tree, sort_keys=True, allow_unicode=True) if tree else "{}\n"
    try:
        file.write_text("\n".join([*lines, "", settings]), "utf-8")
    except OSError:
        raise ConfigurationError("probe_output", file=str(file)) from None
