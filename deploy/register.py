"""Register the four connectors with a self-managed Airbyte, or update them to the version in metadata.yaml.

    AIRBYTE_CLIENT_ID=… AIRBYTE_CLIENT_SECRET=… .venv/bin/python deploy/register.py \
        --url http://localhost:8000/api/public/v1 --workspace 2f0a… --registry registry.example.com/

The images must be where Airbyte can pull them. May be repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import yaml

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


def connectors(registry: str) -> Iterator[Connector]:
    """The four connectors of metadata.yaml, their images at a registry."""
    for document in yaml.safe_load_all(METADATA.read_text("utf-8")):
        data = document["data"]
        yield Connector(
            data["connectorType"],
            {
                "name": data["name"],
                "dockerRepository": registry + data["dockerRepository"],
                "dockerImageTag": data["dockerImageTag"],
                "documentationUrl": data["documentationUrl"],
            },
        )


class Airbyte:
    """Airbyte's public API, for one workspace.

    Args:
        url: address of the API, up to and including ``/v1``.
        workspace: id of the workspace.
        client_id: of an application, made under *User settings > Applications*.
        client_secret: of the same.

    Raises:
        httpx.HTTPError: no answer, or a refusal.
    """

    def __init__(self, url: str, workspace: str, client_id: str, client_secret: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60)
        keys = {"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"}
        token = self._call("POST", "applications/token", keys)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        self._definitions = f"workspaces/{workspace}/definitions"

    def register(self, connector: Connector) -> str:
        """Create or update the definition of a connector; return what was done."""
        path, wanted = f"{self._definitions}/{connector.kind}s", connector.definition
        existing = self._call("GET", path)["data"]
        known = next((one for one in existing if one["dockerRepository"] == wanted["dockerRepository"]), None)
        if known is None:
            self._call("POST", path, wanted)
            return "registered"
        if known["dockerImageTag"] == wanted["dockerImageTag"]:
            return "already registered"
        self._call("PUT", f"{path}/{known['id']}", {name: wanted[name] for name in ("name", "dockerImageTag")})
        return f"updated from {known['dockerImageTag']}"

    def _call(self, method: str, path: str, content: dict[str, str] | None = None) -> Any:
        response = self._http.request(method, path, json=content)
        response.raise_for_status()
        return response.json()


def main(
    url: Annotated[str, typer.Option(help="Address of Airbyte's public API, up to and including /v1.")],
    workspace: Annotated[str, typer.Option(help="Id of the workspace; it is part of the address of Airbyte's pages.")],
    client_id: Annotated[str, typer.Option(envvar="AIRBYTE_CLIENT_ID")],
    client_secret: Annotated[str, typer.Option(envvar="AIRBYTE_CLIENT_SECRET", show_default=False)],
    registry: Annotated[str, typer.Option(help="Prefix of the images' names, with its slash.")] = "",
) -> None:
    """Register the four connectors, or update them to this version."""
    try:
        airbyte = Airbyte(url, workspace, client_id, client_secret)
        for connector in connectors(registry):
            done = airbyte.register(connector)
            typer.echo(f"{connector.definition['dockerRepository']}:{connector.definition['dockerImageTag']}: {done}")
    except httpx.HTTPStatusError as error:
        typer.echo(f"Airbyte refuses {error.request.url.path}: HTTP {error.response.status_code}.", err=True)
        raise typer.Exit(2) from None
    except httpx.HTTPError as error:
        typer.echo(f"Airbyte does not answer at {url}: {type(error).__name__}.", err=True)
        raise typer.Exit(4) from None


if __name__ == "__main__":
    typer.run(main)
