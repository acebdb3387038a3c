"""The script for the database's administrator gives the rights that are checked, and no others."""

import re
from importlib.resources import files

import pytest
import sqlglot

from sage100_ssm.sage100.rights import LISTS, TO_READ, TO_WRITE, Right

GRANT = files("sage100_ssm.sage100").joinpath("sql/grant.sql").read_text("utf-8")
REVOKE = files("sage100_ssm.sage100").joinpath("sql/revoke.sql").read_text("utf-8")
STATEMENT = re.compile(r"^(GRANT|REVOKE) ([A-Z, ]+) ON dbo\.(\w+) (?:TO|FROM) contact_sync;", re.MULTILINE)


def rights(verb):
    told = (found for found in STATEMENT.findall(GRANT) if found[0] == verb)
    return {Right(name.strip(), table) for _, names, table in told for name in names.split(",")}


def test_it_grants_what_is_checked_and_no_more():
    on_demand = {
        Right("VIEW DEFINITION", "F_COMPTET"),
        Right("VIEW DEFINITION", "F_CONTACTT"),
        Right("SELECT", "cbSysLibre"),
    }
    assert rights("GRANT") == {*TO_READ, *TO_WRITE, *LISTS} | on_demand
    assert rights("REVOKE") == on_demand


def test_it_makes_nobody_owner_and_touches_no_table():
    for word in ("db_owner", "db_data", "ALTER TABLE", "CREATE TRIGGER", "DISABLE", "WITH GRANT OPTION"):
        assert word not in GRANT


@pytest.mark.parametrize("script", [GRANT, REVOKE], ids=["grant", "revoke"])
def test_the_dynamic_statements_are_t_sql_and_quote_what_they_are_given(script):
    batches = re.findall(r"SET @sql = (?:CASE @\w+ WHEN 1 THEN )?N'\n((?:[^']|'')*)'", script)
    assert batches
    for batch in batches:
        for statement in re.findall(r"^(?:GRANT|REVOKE|SELECT)[^;]*;", batch.replace("''", "'"), re.MULTILINE):
            assert sqlglot.parse_one(statement, dialect="tsql")
    for made in re.findall(r"(?:LOGIN|USER|ROLE|MEMBER) ''? ?\+ (\w+)", script):
        assert made == "QUOTENAME"


@pytest.mark.parametrize("script", [GRANT, REVOKE], ids=["grant", "revoke"])
def test_quotes_parentheses_and_blocks_are_balanced(script):
    bare = re.sub(r"/\*.*?\*/|--[^\n]*", "", script, flags=re.DOTALL)
    code = re.sub(r"N?'(?:[^']|'')*'", "''", bare)
    assert bare.count("'") % 2 == 0
    assert code.count("(") == code.count(")")
    assert len(re.findall(r"\b(?:BEGIN|CASE)\b", code)) == len(re.findall(r"\bEND;", code))


def test_no_parameter_holds_a_password():
    assert "@password nvarchar(128) = N''" in GRANT
