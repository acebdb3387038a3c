"""What a deployment says of itself, and the form in which somebody starts a run by hand on Prefect's dashboard."""

from typing import Any

from prefect.utilities.callables import parameter_schema

from sage100_ssm.app.settings import Settings
from sage100_ssm.messages import Language, plain_spaces, say
from sage100_ssm.orchestration.flow import sync_contacts


def run_form(language: Language) -> dict[str, Any]:
    """The form as a JSON schema, with what each field does in the language of the site."""
    form = parameter_schema(sync_contacts).model_dump_for_openapi()
    for name, field in form["properties"].items():
        field["title"] = plain_spaces(say(f"prefect_form_{name}", language))
        field["description"] = plain_spaces(say(f"prefect_form_{name}_help", language))
    return form


def deployment_description(settings: Settings) -> str:
    """What the deployment does, in the language of the site."""
    return plain_spaces(say("prefect_deployment", settings.language, company=settings.sage100.company))
