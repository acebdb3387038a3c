"""The options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Option("--config", "-c", help="The settings of the installation.", metavar="FILE")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on the standard output, and nothing else there.")]
SYNC_YAML = Path("sync.yaml")
