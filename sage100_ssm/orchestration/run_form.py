"""What a deployment says of itself, and the form in which somebody starts a run by hand on Prefect's dashboard."""

from collections.abc import Mapping
from typing import Any

from prefect import Flow
from prefect.utilities.callables import parameter_schema

from sage100_ssm.app.settings import Settings
from sage100_ssm.messages import Language, plain_spaces, say
from sage100_ssm.orchestration.flow import sync_contacts

CONFIG_FIELD = {"config": ("prefect_form_config", "prefect_form_config_help")}
_FIELDS = {
    **CONFIG_FIELD,
    "allow_deletions": ("prefect_form_allow_deletions", "prefect_form_allow_deletions_help"),
    "allow_mass_change": ("prefect_form_allow_mass_change", "prefect_form_allow_mass_change_help"),
}
"""The title and the description of each parameter of the flow."""


def run_form(language: Language) -> dict[str, Any]:
    """The form of a synchronisation."""
    return form_of(sync_contacts, _FIELDS, language)


def form_of(flow: Flow[..., Any], fields: Mapping[str, tuple[str, str]], language: Language) -> dict[str, Any]:
    """The form of a flow as a JSON schema, with what each field does in the language of the site.

    Args:
        flow: the flow.
        fields: by the flow's parameters, the sentences that are the title and the description of each.
        language: the language.
    """
    form = parameter_schema(flow).model_dump_for_openapi()
    for name, (title, description) in fields.items():
        field = form["properties"][name]
        field["title"], field["description"] = (plain_spaces(say(key, language)) for key in (title, description))
    return form


def deployment_description(settings: Settings) -> str:
    """What the deployment does, in the language of the site."""
    return plain_spaces(say("prefect_deployment", settings.language, company=settings.sage100.company))
