"""The table by which a colleague says who is who (P16): written, filled in with Excel or by hand, read back."""

import csv
from datetime import UTC, datetime

import pytest
from openpyxl import load_workbook

from sage100_ssm.app.pair_table import COLUMNS, read_decisions, write_table
from sage100_ssm.sync.failures import ConfigurationError
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.rules.decisions import Choice
from sage100_ssm.sync.run.pairs import Candidates, Verdict
from tests.support import worlds

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def group(rows, cards, verdict=Verdict.PROBABLE, evidence=("email",)):
    known = worlds.mapper()
    in_sage100 = [known.read(Side.SAGE100, row) for row in rows]
    return Candidates(verdict, evidence, in_sage100, [known.read(Side.SSM, card) for card in cards], 7)


ADA = group([worlds.sage_row(1, CT_EMail="ada@x.example")], [worlds.ssm_row(501, email="ADA@x.example")])


@pytest.fixture(params=[".csv", ".xlsx"])
def table(request, tmp_path):
    return tmp_path / f"pairs{request.param}"


def fill_in(file, *answers):
    """Type answers into the last column, as Excel would store them."""
    if file.suffix == ".csv":
        lines = list(csv.reader(file.read_text("utf-8-sig").splitlines(), delimiter=";"))
        for line, answer in zip(lines[1:], answers, strict=False):
            line[-1] = answer
        file.write_text("\r\n".join(";".join(line) for line in lines), "cp1252")
        return
    book = load_workbook(file)
    for number, answer in enumerate(answers, 2):
        book.active.cell(number, len(COLUMNS)).value = answer
    book.save(file)


def error_of(file):
    with pytest.raises(ConfigurationError) as caught:
        read_decisions(file, "claire", NOON)
    return caught.value.code


@pytest.mark.parametrize(
    ("answer", "choice"),
    [("same", Choice.SAME), ("Même", Choice.SAME), (" différent ", Choice.DIFFERENT), ("DIFFERENT", Choice.DIFFERENT)],
)
def test_p16_an_answer_comes_back_with_its_pair_its_problem_and_who_gave_it(table, answer, choice):
    assert write_table(table, [ADA], "fr") == 1
    fill_in(table, answer)
    (made,) = read_decisions(table, "claire", NOON)
    assert (made.choice, made.sage100_id, made.ssm_id, made.problem_id) == (choice, 1, 501, 7)
    assert (made.decided_by, made.decided_at) == ("claire", NOON)


def test_a_line_without_an_answer_decides_nothing(table):
    write_table(table, [ADA], "en")
    assert read_decisions(table, "claire", NOON) == []


def test_a_group_of_several_has_a_line_for_each_pair(table):
    twins = group([worlds.sage_row(1), worlds.sage_row(2)], [worlds.ssm_row(501), worlds.ssm_row(502)])
    assert write_table(table, [twins], "fr") == 4
    fill_in(table, "même", "", "", "différent")
    made = read_decisions(table, "claire", NOON)
    assert [(d.sage100_id, d.ssm_id, d.choice.value) for d in made] == [(1, 501, "same"), (2, 502, "different")]


def test_one_contact_is_not_the_same_as_two(table):
    write_table(table, [group([worlds.sage_row(1)], [worlds.ssm_row(501), worlds.ssm_row(502)])], "fr")
    fill_in(table, "même", "même")
    assert error_of(table) == "table_two_partners"


def test_an_answer_that_is_none_is_refused_with_its_line(table):
    write_table(table, [ADA], "fr")
    fill_in(table, "peut-être")
    assert error_of(table) == "table_answer"


@pytest.mark.parametrize("text", ["=1+1", "+33 6", "-x", "@SUM(A1)", "=cmd|' /C calc'!A0"])
def test_what_a_side_sends_is_never_a_formula(table, text):
    write_table(table, [group([worlds.sage_row(1, CT_Nom=text, CT_Prenom="")], [worlds.ssm_row(501)])], "fr")
    if table.suffix == ".csv":
        assert f";'{text}" in table.read_text("utf-8-sig").replace('"', "")
    else:
        cell = load_workbook(table).active.cell(2, COLUMNS.index("sage100_contact") + 1)
        assert (cell.data_type, cell.value) == ("s", text)


def test_an_empty_or_broken_file_is_refused_in_words(tmp_path):
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    (tmp_path / "short.csv").write_text("decision\nsame\n")
    codes = [error_of(tmp_path / name) for name in ("broken.xlsx", "absent.csv", "short.csv", "pairs.ods")]
    assert codes == ["table_unreadable", "table_missing", "table_column", "table_kind"]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("sage100_id;ssm_id;réponse\r\n1;501;même\r\n", "table_column"),
        ("sage100_id;ssm_id;decision\r\n1;;même\r\n", "table_ids"),
    ],
)
def test_a_table_whose_column_or_number_is_missing_is_refused(tmp_path, lines, code):
    (tmp_path / "pairs.csv").write_text(lines, "utf-8")
    assert error_of(tmp_path / "pairs.csv") == code


def test_excel_offers_the_answers_of_the_language(tmp_path):
    file = tmp_path / "pairs.xlsx"
    write_table(file, [ADA], "fr")
    (offered,) = load_workbook(file).active.data_validations.dataValidation
    assert (offered.formula1, str(offered.sqref)) == ('"même,différent"', "M2")
