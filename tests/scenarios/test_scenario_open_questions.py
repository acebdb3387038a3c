"""Whole runs over an SSM that answers each open question the other way (docs/facts/ssm-api.md)."""

from datetime import timedelta

import pytest

from sage100_ssm.app.probe import probe, settings_from
from sage100_ssm.standins.ssm_api.quirks import Normalisation, Quirks
from sage100_ssm.sync.failures import Exit

MINUTE = timedelta(minutes=1)

AHEAD = Quirks(where_dates_ahead=60 * MINUTE)
ONCE = Quirks(ext_id_unique="all")
OTHERWISE = {
    "1 schema: not readable": Quirks(schema_readable=False),
    "1 schema: short fields": Quirks(max_lengths={"email": 69, "phone1": 21, "extId": 40}),
    "2 errors: in a list": Quirks(error_body="list"),
    "2 errors: bare text": Quirks(error_body="text"),
    "2 errors: nothing": Quirks(error_body="nothing"),
    "3 token: one at a time": Quirks(one_session=True),
    "4 pages: header Count alone": Quirks(page_size_headers=("count",)),
    "4 pages: no header": Quirks(page_size_headers=(), default_page_size=2),
    "4 pages: at most 3": Quirks(max_page_size=3),
    "5 where: no dateDeleted": Quirks(where_on_deleted_date=False),
    "5 where: inclusive": Quirks(where_inclusive=True),
    "5 where: dates passed over": Quirks(where_on_dates_ignored=True),
    "5 where: an hour ahead": AHEAD,
    "5 where: an hour behind": Quirks(where_dates_ahead=-60 * MINUTE),
    "5 where: case counts": Quirks(where_ignores_case=False),
    "6 deletion bumps dateUpdated": Quirks(delete_bumps_date_updated=True),
    "6 account bumps its contacts": Quirks(account_change_bumps_contacts=True),
    "6 sentinel dates": Quirks(sentinel_dates=True),
    "7 deleted row not readable": Quirks(deleted_row_readable=False),
    "8 null: passed over": Quirks(null_clears=False),
    "8 null: refused": Quirks(null_refused=True),
    "8 empty text: refused": Quirks(empty_text_clears=False),
    "8 deleted row writable": Quirks(deleted_row_writable=True),
    "8 deleted: false restores": Quirks(deleted_row_writable=True, put_undeletes=True),
    "9 extId unique among the living": Quirks(ext_id_unique="live"),
    "9 extId unique among all": ONCE,
    "11 keys in any case": Quirks(keys_ignore_case=True),
    "13 unknown keys refused": Quirks(unknown_keys_refused=True),
    "texts trimmed, phones international": Quirks(normalisations=frozenset(Normalisation) - {Normalisation.CUT}),
}
EITHER_WAY = pytest.mark.parametrize("quirks", OTHERWISE.values(), indirect=True, ids=OTHERWISE)


def settle(world):
    """Set what ``probe`` says to set where the product cannot tell by itself."""
    world.decide(**settings_from(list(probe(world.settings, "BETA"))))


@EITHER_WAY
def test_a_contact_lives_from_creation_to_deletion(world, quirks):
    """R3, R5, R7, R8, P5: created, edited, cleared, deleted, restored, on both sides."""
    world.bystander()
    here = world.person("Aubrelin", "Ada", CT_Telephone="01 99 00 12 34", CT_EMail="ada@alpha.example")
    settle(world)
    there = world.person("Belmont", "Ida", born="ssm", phone1="01 99 00 56 78", typeId=3)
    here.edit_sage(CT_TelPortable="06 99 00 12 34", CT_Fonction="Gérant")
    there.edit_ssm(email="ida@alpha.example")
    assert world.run().exit_code == Exit.DONE
    assert (here.card["typeId"], there.row["CT_EMail"]) == (1, "ida@alpha.example")
    here.edit_sage(CT_Telephone="", CT_TelPortable="06 99 00 56 78")
    there.edit_ssm(phone1=None)
    world.run()
    assert (here.card["phone2"][-11:], here.card["phone1"] or "") == ("99 00 56 78", "")
    assert (there.row["CT_Telephone"], world.problems) == ("", [])
    here.delete_ssm()
    there.delete_ssm()
    world.run()
    assert there.row is None
    assert (here.current["deleted"], here.current["email"]) == (False, "ada@alpha.example")
    here.delete_sage()
    world.run()
    assert [name.title() for name in world.names_in_ssm()] == ["Zelle"]


@pytest.mark.parametrize("quirks", [ONCE], indirect=True)
def test_p5_restoring_under_an_ext_id_given_once_only_is_told_where_nobody_set_it(world, quirks):
    ada = world.person("Aubrelin", "Ada")
    ada.delete_ssm()
    world.run()
    assert world.problems == [("value_refused", "ext_id")]
    world.decide(ssm={"ext_id_once": True})
    world.clock.advance(days=1)
    world.run()
    assert (ada.current["deleted"], ada.current["extId"], world.problems) == (False, None, [])
    world.lose_state()
    world.run()
    assert ada.standing == ("sage100", "active")


@pytest.mark.parametrize("quirks", [AHEAD], indirect=True)
def test_r5_changes_that_a_where_in_another_zone_hides_are_read_all_the_same(world, quirks):
    ida = world.person("Belmont", "Ida", born="ssm")
    world.run()
    ida.edit_ssm(email="ida@alpha.example")
    world.run()
    assert ida.row["CT_EMail"] == "ida@alpha.example"
    world.decide(**settings_from(list(probe(world.settings, "BETA"))))
    world.api.requests.clear()
    world.run()
    assert not any(call.path == "/contacts" and "where" not in call.query for call in world.api.requests)


@pytest.mark.parametrize(
    "quirks",
    [Quirks(null_refused=True), Quirks(null_clears=False), Quirks(null_refused=True, empty_text_clears=False)],
    indirect=True,
    ids=["null refused", "null passed over", "null and empty text refused"],
)
@pytest.mark.parametrize(("column", "field"), [("CT_Fonction", "typeId"), ("CT_Telephone", "phone1")])
def test_not_applied_a_clearing_that_ssm_has_no_way_for_holds_back_that_field_alone(stage, quirks, column, field):
    ada = stage.person("Aubrelin", "Ada", CT_Fonction="Gérant", CT_Telephone="01 99 00 12 34")
    ada.edit_sage(**{column: "", "CT_EMail": "ada@alpha.example"})
    stage.run()
    assert ada.card["email"] == "ada@alpha.example"
    stands = field == "typeId" or not quirks.empty_text_clears
    assert (bool(ada.card[field]), len(stage.problems)) == (stands, int(stands))
    code = "not_applied" if quirks.null_clears is False else "value_refused"
    for _ in range(2):
        assert all(found == code for found, _ in stage.problems)
        stage.run()
