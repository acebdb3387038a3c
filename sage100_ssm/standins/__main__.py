"""``python -m sage100_ssm.standins --dir DIR``: a Sage company and an SSM API to try things on, until Ctrl-C."""

from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from sage100_ssm.standins.sample_installation import sample_installation


def main(
    directory: Annotated[Path, typer.Option("--dir", help="Where the database and the settings are written.")],
    port: Annotated[int, typer.Option(help="Port of the SSM API; 0 takes a free one.")] = 0,
) -> None:
    """Write the sample company and its settings, and answer as SSM until Ctrl-C."""
    try:
        with sample_installation(directory, port=port) as place:
            typer.echo(f"base_url:    {place.api.base_url}")
            typer.echo(f"public_key:  {place.api.public_key}")
            typer.echo(f"private_key: {place.api.private_key}")
            typer.echo(f"Sage 100:    {place.database}")
            typer.echo(f"settings:    {place.settings}")
            typer.echo(f"try:         sage100-ssm plan --config {place.settings}")
            Event().wait()
    except FileExistsError as error:
        typer.echo(f"{error.filename}: a sample company is here already; name another directory.", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo("")


if __name__ == "__main__":
    typer.run(main)
