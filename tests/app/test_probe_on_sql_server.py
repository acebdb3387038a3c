"""What `probe` sees of a SQL Server and its triggers, through Microsoft's driver; all of it is undone."""

import pytest

from sage100_ssm.app.probe import probe
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT
from sage100_ssm.standins.sql_server.drivers import MICROSOFT, missing
from tests.support.sage100_ddl import NEWER


@pytest.fixture
def on_server(sql_server, site):
    """A function that puts the site on a SQL Server whose trigger numbers contacts, or does not."""
    if reason := missing(MICROSOFT):
        pytest.skip(reason)

    def placed(*, numbers=False):
        company = sql_server.company(MICROSOFT, NEWER, numbers=numbers)
        company.add(F_COMPTET, {"CT_Num": "JASPE", "CT_Type": 0})
        company.add(F_CONTACTT, {"CT_Num": "JASPE", "CT_Nom": "Durand", "CT_Prenom": "Anne", "CT_No": 1})
        site.tree["sage100"] = {**company.config, "time_zone": "Europe/Paris"}
        return company

    return placed


def codes(site, company="JASPE"):
    found = {}
    for answer in probe(site.settings, company):
        if answer.side == "sage100":
            found.setdefault(answer.number, []).append(answer.code)
    return found


@pytest.mark.parametrize(("numbers", "answer"), [(True, "numbered"), (False, "not_numbered")])
def test_whether_a_trigger_numbers_contacts_and_stamps_changes_is_tried_and_undone(on_server, site, numbers, answer):
    company = on_server(numbers=numbers)
    before = company.contacts()
    found = codes(site)
    assert found[1] == ["unseen", answer, "not_stamped"]
    assert company.contacts() == before
    assert found[6] == ["none"]


def test_a_trigger_of_another_maker_is_named(on_server, site):
    on_server().shout_jobs()
    assert codes(site, company=None)[6] == ["foreign"]


def test_triggers_that_are_hidden_from_the_login_are_not_taken_for_none(on_server, site, sql_server):
    database = sql_server.database(on_server())
    database.denied |= {("VIEW DEFINITION", "f_comptet"), ("VIEW DEFINITION", "f_contactt")}
    database.run('DELETE FROM "sys.triggers"')
    assert codes(site, company=None)[6] == ["unseen"]


def test_a_contact_without_number_beside_another_is_refused_and_told(on_server, site):
    company = on_server()
    company.add(F_CONTACTT, {"CT_Num": "JASPE", "CT_Nom": "Sans", "CT_Prenom": "Numéro", "CT_No": None})
    found = codes(site)
    assert (found[1][1], found[3]) == ("refused", ["some"])
    assert len(company.contacts()) == 2
