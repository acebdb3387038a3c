"""Register the connectors with a self-managed Airbyte, or update them to what metadata.yaml says.

    AIRBYTE_CLIENT_ID=… AIRBYTE_CLIENT_SECRET=… .venv/bin/python deploy/register.py \
        --url http://localhost:8000/api/public/v1 --workspace 2f0a… --registry registry.example.com

The images must be where Airbyte can pull them: it starts each of them to ask for its specification, which takes minutes
where they are not there yet. May be repeated.

Four requests do not need Airbyte's client, the package airbyte-api: it shows a refusal as a dump of the response, and
Airbyte's other packages (PyAirbyte, the connectors' models) want an older major version of it.
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


class Airbyte:
    """Airbyte's public API, for one workspace.

    Args:
        url: address of the API, up to and including ``/v1``.
        workspace: id of the workspace.
        client_id: of an application, made under *User settings > Applications*.
        client_secret: of the same.
        wait: how many seconds an answer may take.
    """

    def __init__(self, url: str, workspace: str, client_id: str, client_secret: str, wait: float) -> None:
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(wait, connect=min(wait, 20)))
        self._keys = {"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"}
        self._definitions = f"workspaces/{workspace}/definitions"

    def register(self, connector: Connector) -> str:
        """Create or update the definition of a connector; return what was done.

        Raises:
            httpx.HTTPError: no answer, or a refusal.
        """
        # For each connector anew: a token lasts for minutes, and so may a registration.
        token = self._call("POST", "applications/token", self._keys)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"
        path, wanted = f"{self._definitions}/{connector.kind}s", connector.definition
        existing = self._call("GET", path)["data"]
        known = next((one for one in existing if one["dockerRepository"] == wanted["dockerRepository"]), None)
        if known is None:
            self._call("POST", path, wanted)
            return "registered"
        changed = [name for name in ("name", "dockerImageTag") if known[name] != wanted[name]]
        if changed:
            self._call("PUT", f"{path}/{known['id']}", {name: wanted[name] for name in ("name", "dockerImageTag")})
        done = f"updated from {', '.join(known[name] for name in changed)}" if changed else "already registered"
        page = known.get("documentationUrl")
        # The API changes a name and a tag alone.
        return done if page == wanted["documentationUrl"] else f"{done}; its page stays {page or 'without an address'}"

    def _call(self, method: str, path: str, content: dict[str, str] | None = None) -> Any:
        response = self._http.request(method, path, json=content)
        response.raise_for_status()
        return response.json()


def reason(response: httpx.Response) -> str:
    """Airbyte's own words about a refusal, with what it was about; the status where it has none."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    words = next((body[key] for key in ("detail", "message", "title") if body.get(key)), response.reason_phrase)
    about = body.get("data")
    about = "; ".join(map(str, about.values())) if isinstance(about, dict) else about
    return f"HTTP {response.status_code}: {words}{f' ({about})' if about else ''}"


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
    airbyte = Airbyte(url, workspace, client_id, client_secret, wait * 60)
    code = 0
    for connector in connectors(registry):
        try:
            typer.echo(f"{connector.image}: {airbyte.register(connector)}")
        except httpx.HTTPStatusError as error:
            typer.echo(f"{connector.image}: Airbyte refuses it. {reason(error.response)}", err=True)
            code = 2
        except httpx.ReadTimeout:
            typer.echo(
                f"{connector.image}: no answer within {wait:g} minutes. Can Airbyte pull the image? It may still be "
                "registered later; repeat this then.",
                err=True,
            )
            code = 4
        except httpx.UnsupportedProtocol:
            typer.echo(f"The address {url} must begin with http:// or https://.", err=True)
            raise typer.Exit(2) from None
        except httpx.HTTPError as error:
            typer.echo(f"Airbyte does not answer at {url}: {type(error).__name__}.", err=True)
            raise typer.Exit(4) from None
    raise typer.Exit(code)


if __name__ == "__main__":
    typer.run(main)
