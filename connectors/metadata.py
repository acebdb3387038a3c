"""Write what the connectors' metadata share, and the metadata.yaml of the repository, which has all of them.

    python connectors/metadata.py [DOCUMENTATION]

The version and the documentation's address are those of `sage100_ssm`, the base image is the Dockerfile's. An address
that is given becomes the documentation's. Called by `make metadata`; a test compares the files.
"""

import re
import sys
from pathlib import Path

import sage100_ssm

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
CONNECTORS = ("source-sage100", "source-ssm", "source-contact-sync", "destination-sage100", "destination-ssm")
_HEADING = """\
# How the connectors are described to Airbyte, one document each: the files connectors/*/metadata.yaml, put
# together by `make metadata`. A definitionId never changes.
"""
_COMMENT = re.compile(r"^#.*\n", re.MULTILINE)
_PACKAGE = ROOT / "sage100_ssm" / "__init__.py"
_DOCUMENTATION = re.compile(r'(?<=^DOCUMENTATION = ").*(?=")', re.MULTILINE)


def connector_metadata(name: str, documentation: str) -> str:
    """The metadata.yaml of a connector, with the shared values as they are now."""
    text = (FOLDER / name / "metadata.yaml").read_text("utf-8")
    shared = {
        "dockerImageTag": sage100_ssm.__version__,
        "documentationUrl": f"{documentation}/connectors/{name}",
        "connectorBuildOptions": f'{{baseImage: "{base_image()}"}}',
    }
    for key, value in shared.items():
        text = re.sub(rf"(?<=^  {key}: ).*", value, text, flags=re.MULTILINE)
    return text


def repository_metadata(documentation: str) -> str:
    """The metadata.yaml of the repository: one document per connector."""
    documents = (connector_metadata(name, documentation) for name in CONNECTORS)
    return _HEADING + "".join("---\n" + _COMMENT.sub("", document) for document in documents)


def base_image() -> str:
    """The image that the Dockerfile starts from, with its digest if there is one."""
    found = re.search(r"^ARG BASE_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    assert found is not None, "the Dockerfile names its base image"
    return found[1]


def main(documentation: str = sage100_ssm.DOCUMENTATION) -> None:
    """Write the files."""
    package = _PACKAGE.read_text("utf-8")
    _PACKAGE.write_text(_DOCUMENTATION.sub(documentation, package), "utf-8")
    for name in CONNECTORS:
        (FOLDER / name / "metadata.yaml").write_text(connector_metadata(name, documentation), "utf-8")
    (ROOT / "metadata.yaml").write_text(repository_metadata(documentation), "utf-8")


if __name__ == "__main__":
    main(*(address.rstrip("/") for address in sys.argv[1:2]))
