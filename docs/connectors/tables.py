# ruff: noqa: INP001 - a script beside the pages that it writes
"""The tables in the connectors' pages: settings and fields, generated from the connectors.

    python docs/connectors/tables.py

writes each table between ``<!-- table: NAME -->`` and ``<!-- end -->``. A test compares the pages with the connectors.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK, whose import takes over the logging

# isort: split
from airbyte_cdk.models import ConnectorSpecification
from airbyte_cdk.sources import AbstractSource

from destination_sage100.destination import DestinationSage100
from destination_ssm.decision import OWNED
from destination_ssm.destination import DestinationSsm
from sage100_ssm.exchange.record import COMPANY
from sage100_ssm.sage100.errors import CONFIGURATION_CODES, UNREACHABLE_CODES
from sage100_ssm.ssm.values import FLAT_ID
from sage100_ssm.standins.company_database import create_company_database
from source_contact_sync.source import SourceContactSync
from source_sage100.source import SourceSage100
from source_ssm.source import SourceSsm

FOLDER = Path(__file__).parent
_LOGGER = logging.getLogger("airbyte")
_TABLE = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)

_CONTACT_SYNC = {
    "company": "BIJOU",
    "connection": {"kind": "sqlite", "path": "bijou.db"},
    "default_sales_rep_id": 310,
    "state": "postgresql://server/database",
    "include_personal_data": True,
}
"""Beside the keys: nothing of it is opened, and the streams have all their fields."""

Schema = Mapping[str, Any]
Tables = dict[str, str]
"""Markdown tables by their names in a page: ``settings``, ``errors``, or a stream's."""


class Specified(Protocol):
    """A connector."""

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:
        """The specification of its settings."""
        ...


def tables() -> Mapping[str, Tables]:
    """The tables of each page, by the page's name."""
    source_sage100, source_ssm = SourceSage100(), SourceSsm()
    keys = {"public_key": "p", "private_key": "k"}
    sage100 = _streams_of_the_sample(source_sage100)
    ssm = {stream.name: stream.get_json_schema() for stream in source_ssm.streams(keys)}
    contact_sync = SourceContactSync()
    synchronised = _streams(contact_sync, keys | _CONTACT_SYNC)
    written_by_sage100 = {"contacts": _without(sage100["contacts"], _sages_own)}
    written_by_ssm = {name: _without(ssm[name], _ssms_own) for name in ("contacts", "accounts")}
    return {
        "source-sage100": _page(source_sage100, sage100) | {"errors": _table(("Code", "Sentence"), _errors())},
        "source-ssm": _page(source_ssm, ssm),
        "source-contact-sync": _page(contact_sync, synchronised),
        "destination-sage100": _page(DestinationSage100(), written_by_sage100),
        "destination-ssm": _page(DestinationSsm(), written_by_ssm),
    }


def rewritten(text: str, of_page: Tables) -> str:
    """The text of a page with its tables as they should be.

    Raises:
        KeyError: the page has a place for a table that does not exist.
    """
    return _TABLE.sub(lambda found: f"{found[1]}\n{of_page[found[2]]}\n{found[3]}", text)


def named(text: str) -> list[str]:
    """The names of the tables for which a page has a place."""
    return [name for _, name, _ in _TABLE.findall(text)]


def _page(connector: Specified, streams: Mapping[str, Schema]) -> Tables:
    settings = _table(
        ("Setting", "Key", "Required", "Default", "Meaning"),
        _settings(connector.spec(_LOGGER).connectionSpecification),
    )
    return {"settings": settings} | {
        name: _table(("Field", "Type", "Meaning"), _fields(schema)) for name, schema in streams.items()
    }


def _streams_of_the_sample(source: AbstractSource) -> dict[str, Schema]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bijou.db"
        create_company_database(path, [], [])
        return _streams(source, {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(path)}})


def _streams(source: AbstractSource, config: Mapping[str, Any]) -> dict[str, Schema]:
    return {stream.name: stream.json_schema for stream in source.discover(_LOGGER, config).streams}


def _errors() -> Iterator[tuple[str, ...]]:
    sentences = {**UNREACHABLE_CODES, **CONFIGURATION_CODES}
    return ((f"`{code}`", f"{sentence}.") for code, sentence in sentences.items())


def _without(schema: Schema, owned: Callable[[str], bool]) -> Schema:
    return {"properties": {name: field for name, field in schema["properties"].items() if not owned(name)}}


def _sages_own(name: str) -> bool:
    return (name.startswith("cb") and name != "cbMarq") or name == COMPANY


def _ssms_own(name: str) -> bool:
    return (name in OWNED and name != "id") or name.endswith(FLAT_ID)


def _settings(schema: Schema, prefix: str = "") -> Iterator[tuple[str, ...]]:
    required = schema.get("required", ())
    for name, field in sorted(schema.get("properties", {}).items(), key=lambda item: item[1].get("order", 0)):
        if "const" not in field:
            default = field.get("default")
            yield (
                field.get("title", name),
                f"`{prefix}{name}`",
                "yes" if name in required else "",
                "" if default in (None, "", [], {}) or isinstance(default, dict) else f"`{_shown(default)}`",
                _meaning(field),
            )
        for option in field.get("oneOf", ()):
            kind = option["properties"]["kind"]["const"]
            yield (f"*{option['title']}*", f"`{prefix}{name}.kind`: `{kind}`", "", "", option.get("description", ""))
            yield from _settings(option, f"{prefix}{name}.")
        if not field.get("airbyte_hidden"):
            yield from _settings(field.get("items", {}), f"{prefix}{name}[].")


def _shown(default: Any) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _meaning(field: Schema) -> str:
    notes = [field.get("description", ""), "Secret." if field.get("airbyte_secret") else ""]
    notes.append("Not in Airbyte's form: set it through its API." if field.get("airbyte_hidden") else "")
    return " ".join(filter(None, notes))


def _fields(schema: Schema) -> Iterator[tuple[str, ...]]:
    return ((f"`{name}`", _type(field), field.get("description", "")) for name, field in schema["properties"].items())


def _type(field: Schema) -> str:
    kinds = field.get("type", [])
    plain = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
    limit = f", at most {field['maxLength']} bytes" if "maxLength" in field else ""
    return str(field.get("airbyte_type") or " or ".join(plain) or "any") + limit


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def main() -> None:
    """Write the tables of all pages."""
    for name, of_page in tables().items():
        path = FOLDER / f"{name}.md"
        path.write_text(rewritten(path.read_text("utf-8"), of_page), "utf-8")


if __name__ == "__main__":
    main()
