"""What `check` sees of a SQL Server: its version, its triggers, the login's rights; and what it may not see."""

import pytest

from sage100_ssm.app.check.check import check_sides
from sage100_ssm.app.check.findings import Level
from sage100_ssm.app.sides import both_sides
from sage100_ssm.sage100 import engine
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.standins.sql_server.database import Database
from sage100_ssm.standins.sql_server.drivers import FREETDS, MICROSOFT, missing
from sage100_ssm.standins.sql_server.errors import SqlError
from sage100_ssm.standins.sql_server.server import Fault
from sage100_ssm.sync.failures import Exit
from tests.support.sage100_ddl import NEWER, OLDER


@pytest.fixture
def on_server(sql_server, site):
    """A function that puts the site on a SQL Server of this kind."""

    def placed(driver=MICROSOFT, generation=NEWER):
        if reason := missing(driver):
            pytest.skip(reason)
        company = sql_server.company(driver, generation)
        for code in ("CARAT", "JASPE"):  # the second is an account of the sample, too
            company.add(F_COMPTET, {"CT_Num": code, "CT_Type": 0})
        company.add(F_CONTACTT, {"CT_Num": "CARAT", "CT_Nom": "Durand", "CT_Prenom": "Anne", "CT_No": 1})
        site.tree["sage100"] = {**company.config, "time_zone": "Europe/Paris"}
        return company

    return placed


def levels(site):
    report = check_sides(site.settings)
    return {finding.code: finding.level for finding in report.findings}, report


def told(report, code):
    return next(finding.text for finding in report.findings if finding.code == code)


@pytest.mark.parametrize(
    ("driver", "generation", "known"),
    [(MICROSOFT, NEWER, "creation"), (FREETDS, NEWER, "creation"), (MICROSOFT, OLDER, "core")],
    ids=["Microsoft", "FreeTDS", "older Sage"],
)
def test_server_driver_layout_and_rights_are_told(on_server, site, driver, generation, known):
    on_server(driver, generation)
    found, report = levels(site)
    assert report.exit_code == Exit.DONE
    assert "16.0" in told(report, "server")
    assert ("msodbcsql" if driver == MICROSOFT else "tds") in told(report, "server")
    assert ("unverified" in found) == (driver == FREETDS)
    assert "French_CI_AS" in told(report, "text")
    assert {code: found[code] for code in ("rights", f"generation_{known}", "triggers", "contents")} == dict.fromkeys(
        ("rights", f"generation_{known}", "triggers", "contents"), Level.OK
    )


@pytest.mark.parametrize("driver", [MICROSOFT, FREETDS], ids=["Microsoft", "FreeTDS"])
def test_server_and_database_are_named_as_the_server_says_them_else_as_the_settings_do(on_server, site, driver):
    company = on_server(driver)
    _, report = levels(site)
    database, connection = company.config["connection"].get("database"), company.config["connection"]
    assert all(name in told(report, "location") for name in (database, connection["host"]) if name)


def test_a_trigger_of_another_maker_is_named(on_server, site):
    on_server().shout_jobs()
    found, report = levels(site)
    assert found["triggers_foreign"] is Level.ADVICE
    assert "ZZ_UPD" in told(report, "triggers_foreign")


def hide_triggers(database):
    """Show no trigger to the login, as SQL Server does without VIEW DEFINITION."""
    database.denied |= {("VIEW DEFINITION", "f_comptet"), ("VIEW DEFINITION", "f_contactt")}
    database.run('DELETE FROM "sys.triggers"')


def test_triggers_that_are_hidden_from_the_login_are_not_taken_for_none(on_server, site, sql_server):
    hide_triggers(sql_server.database(on_server()))
    found, report = levels(site)
    assert (found["triggers_unseen"], "triggers_none" in found) == (Level.UNSEEN, False)
    assert "VIEW DEFINITION" in next(f.remedy for f in report.findings if f.code == "triggers_unseen")


def test_tables_that_have_no_trigger_for_certain_are_advice(on_server, site, sql_server):
    sql_server.database(on_server()).run('DELETE FROM "sys.triggers"')
    found, _ = levels(site)
    assert found["triggers_none"] is Level.ADVICE


def test_all_rights_that_are_lacking_are_named_at_once(on_server, site, sql_server):
    company = on_server()
    sql_server.database(company).denied |= {("UPDATE", "f_contactt"), ("DELETE", "f_contactt")}
    found, report = levels(site)
    assert (found["right_missing"], report.exit_code) == (Level.MEND, Exit.CONFIGURATION)
    assert "UPDATE on F_CONTACTT, DELETE on F_CONTACTT" in told(report, "right_missing")


RIGHTS_TO_WRITE = {(right, "f_contactt") for right in ("INSERT", "UPDATE", "DELETE")}


def test_p18_a_login_that_may_only_read_is_advice_and_the_rest_is_looked_at(on_server, site, sql_server):
    sql_server.database(on_server()).denied |= RIGHTS_TO_WRITE
    found, report = levels(site)
    assert (found["read_only"], report.exit_code) == (Level.ADVICE, Exit.DONE)
    assert not {"rights", "right_missing"} & found.keys()
    assert found["contents"] is Level.OK


def test_p18_the_setting_of_one_way_needs_no_right_to_write_and_says_which_are_needless(on_server, site, sql_server):
    site.tree["policy"] = {"direction": "to_ssm"}
    company = on_server()
    found, _ = levels(site)
    assert (found["one_way"], found["rights_to_write"]) == (Level.OK, Level.ADVICE)

    sql_server.database(company).denied |= RIGHTS_TO_WRITE
    found, report = levels(site)
    assert (found["one_way"], report.exit_code) == (Level.OK, Exit.DONE)
    assert not {"read_only", "rights_to_write", "right_missing"} & found.keys()


def test_p18_a_run_asks_the_server_whether_it_may_write(on_server, site, sql_server):
    denied = sql_server.database(on_server()).denied
    with both_sides(site.settings.sage100, site.settings.ssm) as (side, _):
        assert side.may_write()
    denied |= RIGHTS_TO_WRITE
    with both_sides(site.settings.sage100, site.settings.ssm) as (side, _):
        assert not side.may_write()


def test_rights_beyond_those_needed_are_advice(on_server, site):
    on_server()
    found, report = levels(site)
    assert found.get("rights_needless") is Level.ADVICE
    assert "on F_COMPTET" in told(report, "rights_needless")


NO_VIEW = SqlError(208, "Invalid object name 'sys.triggers'.")
NO_FUNCTION = SqlError(195, "It is not a recognized built-in function name.")


@pytest.mark.parametrize(
    ("hidden", "error", "unseen"),
    [
        (r"sys\.\[?triggers", NO_VIEW, {"triggers_unseen"}),
        ("HAS_PERMS_BY_NAME", NO_FUNCTION, {"rights_unseen"}),
        ("SERVERPROPERTY", NO_FUNCTION, {"server_unseen"}),
        ("IS_ROLEMEMBER|IS_SRVROLEMEMBER|OBJECTPROPERTY", NO_FUNCTION, set()),
        ("SERVERPROPERTY|OBJECTPROPERTY|IS_ROLEMEMBER|HAS_PERMS|sys[.]", NO_FUNCTION, None),
    ],
    ids=["triggers", "rights", "version", "roles", "nearly all"],
)
def test_what_a_server_does_not_let_see_is_not_visible_and_no_fault(on_server, site, sql_server, hidden, error, unseen):
    on_server()
    fault = Fault(hidden, error, times=10_000)  # refused wherever it is named, as by a server that lacks it
    sql_server.order(fault)
    try:
        found, report = levels(site)
    finally:
        sql_server.server.faults.remove(fault)
    assert report.exit_code == Exit.DONE
    assert found["contents"] is Level.OK
    assert unseen is None or {code for code, level in found.items() if level is Level.UNSEEN} == unseen


@pytest.fixture
def hasty(sql_server, monkeypatch):
    """A server with a database of its own, and a driver that does not wait long for one that is not there."""
    monkeypatch.setattr(engine, "_LOGIN_SECONDS", 1)
    monkeypatch.setitem(sql_server.server.databases, "MASTER", Database("MASTER"))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("driver", [MICROSOFT, FREETDS])
@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ({"password": "wrong"}, "login_refused", "Sage 100"),
        ({"database": "NIRGENDS"}, "database_missing", "NIRGENDS"),
        ({"host": "srv-sage.invalid"}, "host_unknown", "srv-sage.invalid"),
    ],
    ids=["login", "database", "host"],
)
def test_a_server_that_lets_nobody_in_is_told_in_the_operators_language(
    on_server, site, hasty, driver, language, change, code, named
):
    on_server(driver)
    site.tree["sage100"]["connection"] |= change
    site.tree["language"] = language
    found, report = levels(site)
    assert (found[code], named in told(report, code)) == (Level.MEND, True)
    assert report.exit_code == (Exit.SIDE if code == "host_unknown" else Exit.CONFIGURATION)
    assert found["ssm"] is Level.OK


def test_a_table_that_is_not_there_or_not_to_be_seen_is_named(on_server, site):
    on_server().run("DROP TABLE dbo.F_CONTACTT")
    found, report = levels(site)
    code = next(code for code in ("schema_missing", "right_missing") if code in found)
    assert report.exit_code == Exit.CONFIGURATION
    assert "F_CONTACTT" in told(report, code)
