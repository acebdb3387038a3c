"""The options that several commands take."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from sage100_ssm.sync.journal import Code

Config = Annotated[Path, typer.Option("--config", "-c", help="The settings of the installation.", metavar="FILE")]
Configs = Annotated[
    list[Path],
    typer.Option(
        "--config", "-c", help="The settings, or a folder of them; once for each company.", metavar="FILE|FOLDER"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on the standard output, and nothing else there.")]
SYNC_YAML = Path("sync.yaml")
Who = Annotated[
    str,
    typer.Argument(
        help="A name or part of one, an e-mail, a cbMarq or an SSM id (`sage100:12`, `ssm:340` where both have it)."
    ),
]


def _parse_code(text: str) -> Code:
    """A journal code from the command line.

    Raises:
        typer.BadParameter: there is no such code.
    """
    if text in set(Code):
        return Code(text)
    nearest = get_close_matches(text, [code.value for code in Code], n=3, cutoff=0.4)
    # In French by help.fr.yaml, as typer's own errors.
    raise typer.BadParameter(f"there is no such code. Did you mean {', '.join(nearest) or Code.VALUE_UNKNOWN.value}?")


OfCode = Annotated[
    Code | None,
    typer.Option("--code", parser=_parse_code, help="Only this code, such as value_unknown.", metavar="CODE"),
]
OfCompany = Annotated[str | None, typer.Option("--company", help="Only this company, by its code.", metavar="CODE")]
OfContact = Annotated[
    str | None, typer.Option("--contact", help="Only this contact; WHO as in `explain`.", metavar="WHO")
]
