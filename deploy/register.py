"""Register the connectors with a self-managed Airbyte, or update them to what metadata.yaml says.

    AIRBYTE_CLIENT_ID=… AIRBYTE_CLIENT_SECRET=… .venv/bin/python deploy/register.py \
        --url http://localhost:8000/api/public/v1 --workspace 2f0a… --registry registry.example.com

The images must be where Airbyte can pull them: it starts each of them to ask for its specification, which takes minutes
where they are not there yet. May be repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import typer
import yaml
from airbyte_api import errors

from sage100_ssm.messages import say_error
from sage100_ssm.orchestration.airbyte_api import Airbyte, reason_of
from sage100_ssm.sync.failures import SyncError

METADATA = Path(__file__).parents[1] / "metadata.yaml"


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector definition as Airbyte's API expects it.

    Attributes:
        kind: `source` or `destination`.
        definition: its name, image, tag and page.
    """

    kind: str
    definition: dict[str, str]

    @property
    def image(self) -> str:
        """The image with its tag."""
        return f"{self.definition['dockerRepository']}:{self.definition['dockerImageTag']}"


def connectors(registry: str) -> Iterator[Connector]:
    """The connectors of metadata.yaml, their images at a registry."""
    prefix = f"{registry.rstrip('/')}/" if registry else ""
    for document in yaml.safe_load_all(METADATA.read_text("utf-8")):
        data = document["data"]
        yield Connector(
            data["connectorType"],
            {
                "name": data["name"],
                "dockerRepository": prefix + data["dockerRepository"],
                "dockerImageTag": data["dockerImageTag"],
                "documentationUrl": data["documentationUrl"],
            },
        )


def register(airbyte: Airbyte, workspace: str, connector: Connector) -> str:
    """Create or update the definition of a connector; return what was done.

    Raises:
        errors.SDKError: Airbyte refuses it.
        httpx.HTTPError: no answer.
        SyncError: the login is refused, or the address is wrong.
    """
    kind, wanted, there = connector.kind, connector.definition, {"workspace_id": workspace}
    # The client has the same operations twice, under two names.
    definitions = getattr(airbyte.client, f"{kind}_definitions")
    listed = airbyte.ask(getattr(definitions, f"list_{kind}_definitions"), there).definitions_response
    known = next((one for one in listed.data if one.docker_repository == wanted["dockerRepository"]), None)
    if known is None:
        creation = {**there, "create_definition_request": wanted}
        airbyte.ask(getattr(definitions, f"create_{kind}_definition"), creation)
        return "registered"
    before = {"name": known.name, "dockerImageTag": known.docker_image_tag}
    after = {name: wanted[name] for name in before}
    changed = [old for name, old in before.items() if old != after[name]]
    if changed:
        update = {**there, "definition_id": known.id, "update_definition_request": after}
        airbyte.ask(getattr(definitions, f"update_{kind}_definition"), update)
    done = f"updated from {', '.join(changed)}" if changed else "already registered"
    page = known.documentation_url
    # The API changes a name and a tag alone.
    return done if page == wanted["documentationUrl"] else f"{done}; its page stays {page or 'without an address'}"


def main(
    url: Annotated[str, typer.Option(help="Address of Airbyte's public API, up to and including /v1.")],
    workspace: Annotated[str, typer.Option(help="Id of the workspace; it is part of the address of Airbyte's pages.")],
    client_id: Annotated[str, typer.Option(envvar="AIRBYTE_CLIENT_ID")],
    client_secret: Annotated[str, typer.Option(envvar="AIRBYTE_CLIENT_SECRET", show_default=False)],
    registry: Annotated[
        str, typer.Option(help="Where the images are: what their names begin with, before sage100-ssm/.")
    ] = "",
    # Airbyte gives up on a specification after 9 minutes, and says so.
    wait: Annotated[float, typer.Option(help="Minutes that one registration may take.", min=0.001)] = 12,
) -> None:
    """Register the connectors, or update them to this version.

    One that is refused does not keep the others from being registered. Ends with 2 after a refusal, with 4 where
    Airbyte did not answer.
    """
    code = 0
    with Airbyte(url, client_id, client_secret, wait * 60) as airbyte:
        for connector in connectors(registry):
            try:
                typer.echo(f"{connector.image}: {register(airbyte, workspace, connector)}")
            except errors.SDKError as error:
                typer.echo(f"{connector.image}: Airbyte refuses it. {reason_of(error.raw_response)}", err=True)
                code = 2
            except httpx.ReadTimeout:
                typer.echo(
                    f"{connector.image}: no answer within {wait:g} minutes. Can Airbyte pull the image? It may still "
                    "be registered later; repeat this then.",
                    err=True,
                )
                code = 4
            except SyncError as error:
                typer.echo(say_error(error.code, "en", **error.params), err=True)
                raise typer.Exit(error.exit_code) from None
    raise typer.Exit(code)


if __name__ == "__main__":
    typer.run(main)
