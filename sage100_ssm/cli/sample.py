"""The sample company, kept open to try the commands on."""

from contextlib import suppress
from pathlib import Path
from threading import Event

from rich.console import Console

from sage100_ssm.cli.tables import plain
from sage100_ssm.messages import Language, say
from sage100_ssm.standins.sample_installation import sample_installation


def keep_open(out: Console, directory: Path, *, port: int, language: Language) -> None:
    """Write the sample company and its settings, and answer as SSM until Ctrl-C.

    Args:
        out: where to print what a person needs to know.
        directory: where the database and the settings go.
        port: the port of the SSM API; 0 takes a free one.
        language: the language of the sentences, and of the settings that are written.

    Raises:
        FileExistsError: the directory contains a sample company already.
    """
    with sample_installation(directory, port=port, language=language) as sample, suppress(KeyboardInterrupt):
        # By the names that they have in the settings, for those who configure a connector by hand.
        for name, value in (
            ("base_url", sample.api.base_url),
            ("public_key", sample.api.public_key),
            ("private_key", sample.api.private_key),
            ("database", sample.database),
            ("settings", sample.settings),
        ):
            out.print(plain(f"{name + ':':<12} {value}"), soft_wrap=True)
        out.print(plain(say("sample_open", language, file=str(sample.settings))), soft_wrap=True)
        Event().wait()
