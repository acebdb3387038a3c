"""Several companies, each with a settings file of its own: which files, and which of them can be used together."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sage100_ssm.app.endings import ending_after
from sage100_ssm.app.settings import Settings, included_file, load_settings
from sage100_ssm.messages import Language
from sage100_ssm.sync.failures import ConfigurationError

LeftOut = Callable[[Path, str], None]
"""Called with each settings file whose company is left out, and the sentence that says why."""


@dataclass(frozen=True, slots=True)
class Company:
    """A company to be synchronised.

    Attributes:
        file: its settings file, as a whole path.
        settings: its content.
    """

    file: Path
    settings: Settings

    @property
    def name(self) -> str:
        """The name of its company database."""
        return self.settings.sage100.company


def settings_files(places: Iterable[Path]) -> list[Path]:
    """The settings files that were named: a folder stands for its ``*.yaml``, less those that another one includes."""
    found: dict[Path, None] = {}
    for place in places:
        within = sorted(place.glob("*.yaml")) if place.is_dir() else [place]
        included = {included_file(file) for file in within} if place.is_dir() else set()
        found |= {file.absolute(): None for file in within if file.absolute() not in included}
    return list(found)


def deployment_name(settings: Settings) -> str:
    """The name of a company's deployment: the company, so that several installations can share a Prefect server."""
    return settings.sage100.company.replace("/", "-").replace("%", "-")


def usable_companies(files: Sequence[Path], left_out: LeftOut) -> list[Company]:
    """The companies whose settings can be used; the others are left out.

    Args:
        files: the settings files.
        left_out: called for each that is left out.

    Raises:
        SettingsError: the only one cannot be used.
        ConfigurationError: none of several can.
    """
    known: list[Company] = []
    for file in files:
        language: Language = "fr"
        try:
            company = Company(file, load_settings(file))
            language = company.settings.language
            _require_own(company, known)
        except ConfigurationError as error:
            if len(files) == 1:
                raise
            left_out(file, ending_after(error, language).message)
        else:
            known.append(company)
    if not known:
        raise ConfigurationError("no_company")
    return known


def _require_own(company: Company, others: Iterable[Company]) -> None:
    """Make sure that a company shares with no other what each needs for itself.

    Raises:
        ConfigurationError: another one has the same name, also as Prefect has it, or the same state.
    """
    for other in others:
        if company.name == other.name:
            raise ConfigurationError("company_twice", company=company.name, file=str(other.file))
        # The later one would replace the deployment of the other, which would then never be synchronised.
        if deployment_name(company.settings) == deployment_name(other.settings):
            raise ConfigurationError("company_alike", company=company.name, other=other.name, file=str(other.file))
        if company.settings.state == other.settings.state:
            raise ConfigurationError("state_twice", company=other.name, file=str(other.file))
