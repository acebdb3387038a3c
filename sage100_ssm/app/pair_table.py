"""Pairs of contacts as a table file, for a colleague who knows the people: a line a pair, with a column to fill in."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation

from sage100_ssm.app.spreadsheet import Line, csv_table, workbook, workbook_bytes
from sage100_ssm.messages import Language, evidence_label, say
from sage100_ssm.sync.contacts.contact import Contact
from sage100_ssm.sync.contacts.fields import EMAIL, MOBILE
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.rules.decisions import Choice, Pair
from sage100_ssm.sync.run.pairs import Candidates
from sage100_ssm.sync.state.decisions import Decision

COLUMNS = (
    "problem",
    "verdict",
    "evidence",
    "company",
    "sage100_id",
    "sage100_contact",
    "sage100_email",
    "sage100_mobile",
    "ssm_id",
    "ssm_contact",
    "ssm_email",
    "ssm_mobile",
    "decision",
)
_ANSWERS: Mapping[str, Choice] = {
    "same": Choice.SAME,
    "même": Choice.SAME,
    "meme": Choice.SAME,
    "different": Choice.DIFFERENT,
    "différent": Choice.DIFFERENT,
    "différents": Choice.DIFFERENT,
}
_OFFERED: Mapping[Language, str] = {"fr": '"même,différent"', "en": '"same,different"'}
"""What Excel offers to choose from in the column to fill in."""


def write_table(file: Path, found: Iterable[Candidates], language: Language) -> int:
    """Write the pairs to a table file, with an empty column for the decision.

    Returns:
        The number of lines below the heading.

    Raises:
        ConfigurationError: the file's name ends neither in ``.csv`` nor in ``.xlsx``, or it cannot be written.
    """
    lines = [line for each in found for line in _lines(each, language)]
    kind = _kind(file)
    try:
        file.write_bytes(csv_table(COLUMNS, lines) if kind == ".csv" else _xlsx_table(lines, language))
    except OSError as error:
        raise ConfigurationError("table_unwritable", file=str(file), text=error.strerror or "") from None
    return len(lines)


def read_decisions(file: Path, by: str, at: datetime) -> list[Decision]:
    """The decisions that a person filled in.

    Args:
        file: a table that ``write_table`` made, or one with its columns ``sage100_id``, ``ssm_id`` and ``decision``.
        by: who decides.
        at: when.

    Raises:
        ConfigurationError: the file cannot be read, a column is missing, an answer is unknown, or one contact is to be
            the same as two.
    """
    kind = _kind(file)
    try:
        lines = list(_read_csv(file) if kind == ".csv" else _read_xlsx(file))
    except FileNotFoundError:
        raise ConfigurationError("table_missing", file=str(file)) from None
    except (OSError, UnicodeDecodeError, csv.Error, InvalidFileException, BadZipFile, KeyError, ValueError) as error:
        raise ConfigurationError("table_unreadable", file=str(file), text=str(error)) from None
    for column in ("sage100_id", "ssm_id", "decision"):
        if any(column not in line for line in lines[:1]):
            raise ConfigurationError("table_column", file=str(file), column=column)
    made = [_decision(number, line, by, at) for number, line in enumerate(lines, 2) if line["decision"]]
    _refuse_two_partners(made)
    return made


def _kind(file: Path) -> str:
    kind = file.suffix.lower()
    if kind not in (".csv", ".xlsx"):
        raise ConfigurationError("table_kind", file=str(file))
    return kind


# --- writing


def _lines(found: Candidates, language: Language) -> Iterator[list[str | int]]:
    """One line for each pair of a group."""
    evidence = ", ".join(evidence_label(kind, language) for kind in found.evidence)
    verdict = say(f"verdict_{found.verdict}", language)
    for row in found.sage100:
        for contact in found.ssm:
            head = [found.problem_id or "", verdict, evidence, found.company or ""]
            yield [*head, *_person(row), *_person(contact), ""]


def _person(contact: Contact) -> list[str | int]:
    return [contact.id, contact.full_name, *(str(contact.values.get(name) or "") for name in (EMAIL, MOBILE))]


def _xlsx_table(lines: Sequence[Line], language: Language) -> bytes:
    book, sheet = workbook(COLUMNS, lines, (9, 11, 28, 12, 11, 26, 28, 18, 9, 26, 28, 18, 12))
    offered = DataValidation(type="list", formula1=_OFFERED[language], allow_blank=True, showErrorMessage=False)
    offered.add(f"M2:M{len(lines) + 1}")
    sheet.add_data_validation(offered)
    return workbook_bytes(book)


# --- reading


def _read_csv(file: Path) -> Iterator[dict[str, str]]:
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What Excel saves as "CSV" on a French Windows.
        text = content.decode("cp1252")
    heading = text.partition("\n")[0]
    delimiter = max(";,\t", key=heading.count)
    yield from (
        {k: v or "" for k, v in line.items() if k} for line in csv.DictReader(io.StringIO(text), delimiter=delimiter)
    )


def _read_xlsx(file: Path) -> Iterator[dict[str, str]]:
    book = load_workbook(file, read_only=True, data_only=True)
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        heading = [str(name or "") for name in next(rows, ())]
        for row in rows:
            yield {name: "" if value is None else str(value) for name, value in zip(heading, row, strict=False)}
    finally:
        book.close()


def _decision(number: int, line: Mapping[str, str], by: str, at: datetime) -> Decision:
    answer = _ANSWERS.get(line["decision"].strip().casefold())
    if answer is None:
        raise ConfigurationError("table_answer", line=number, text=line["decision"])
    try:
        pair = Pair(int(float(line["sage100_id"])), int(float(line["ssm_id"])))
        problem = int(float(line.get("problem") or 0)) or None
    except (KeyError, ValueError, OverflowError):
        raise ConfigurationError("table_ids", line=number) from None
    return Decision(answer, by, at, problem, pair.sage100_id, pair.ssm_id)


def _refuse_two_partners(decisions: Iterable[Decision]) -> None:
    """One contact is the same as one contact opposite at most.

    Raises:
        ConfigurationError: one is to be the same as several.
    """
    same = {(d.sage100_id, d.ssm_id) for d in decisions if d.choice is Choice.SAME}
    for side in (0, 1):
        partners = Counter(pair[side] for pair in same)
        if twice := [id_ for id_, number in partners.items() if number > 1]:
            raise ConfigurationError("table_two_partners", number=twice[0])
