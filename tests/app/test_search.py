"""The search over both stand-ins: who is found in the state alone, and who by a look at both sides."""

from datetime import UTC, datetime

import pytest

from sage100_ssm.app.assemble import run_once
from sage100_ssm.app.search import find as searching
from sage100_ssm.app.search.found import Standing
from sage100_ssm.app.settings import load_settings
from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.sync.contacts.companies import LeftOut
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.state.store import StateStore


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The sample company after its first run, and people who came later."""
    with sample_installation(tmp_path_factory.mktemp("searched") / "place") as place:
        run_once(load_settings(place.settings))
        place.sage.create_contact("ALIZES", "Durand", "Ada", CT_EMail="ada@x.example", CT_Telephone="01.98.00.11.22")
        place.sage.create_company("FOURNI", "Fournisseur Étoile", CT_Type=1)
        place.sage.create_contact("FOURNI", "Petitjean", "Zoé")
        place.ssm.create_contact("ALIZES", "Nouvel", "Léa", phone1="01 98 00 33 44")
        yield place


@pytest.fixture
def find(place):
    """The search, as the command calls it."""

    def find(who, **more):
        settings = load_settings(place.settings)
        with StateStore.open(settings.state, read_only=True) as store, store.transaction() as state:
            return searching.explained(state, settings, who, datetime.now(UTC), **more)

    return find


@pytest.mark.parametrize(
    "who",
    [
        "Barnabé Dervaillon",
        "dervaillon BARNABE",
        "Dervaillon alizes",
        "dervaillon bijouterie",
        "barnabe.dervaillon@ALIZES.example",
        "01 99 00 10 21",
        "+33199001021",
        "sage100:4",
        "sage100:BIJOU:4",
    ],
)
def test_a_synchronised_contact_is_found_in_the_state_alone(find, who):
    result = find(who)
    (found,) = result.found
    assert (found.subject.contact, found.subject.sage100_id) == ("Barnabé Dervaillon", 4)
    assert (found.standing, found.company_name) == (Standing.SYNCHRONISED, "Bijouterie des Alizés")
    assert found.synchronised_since is not None
    assert [record.side for record in found.writes] == [Side.SSM]
    assert found.cards[Side.SAGE100] == found.cards[Side.SSM] | {"phone": "+33 1 99 00 10 21"}
    assert not result.looked_at


@pytest.mark.parametrize("who", ["Ada Durand", "durand", "ada@x.example", "01 98 00 11 22", "durand étoile alizés"])
def test_r3_somebody_typed_in_sage_a_minute_ago_is_found_by_asking_it(find, who):
    result = find(who.replace(" étoile", ""))
    (found,) = result.found
    assert (found.subject.contact, found.standing) == ("Ada Durand", Standing.NOT_SEEN_YET)
    assert result.looked_at == set(Side)


@pytest.mark.parametrize("who", ["Léa Nouvel", "nouvel alizés", "0198003344"])
def test_so_is_somebody_typed_in_ssm(find, who):
    (found,) = find(who).found
    assert (found.subject.contact, found.standing) == ("Léa Nouvel", Standing.NOT_SEEN_YET)


@pytest.mark.parametrize("who", ["petitjean", "Zoé Étoile", "fourni"])
def test_p13_a_contact_of_a_supplier_is_found_with_the_reason(find, who):
    (found,) = find(who).found
    assert (found.standing, found.left_out) == (Standing.LEFT_OUT, LeftOut.NO_CLIENT)
    assert found.company_name == "Fournisseur Étoile"


def test_all_contacts_of_a_company_are_found_by_its_code(find, place):
    found = find("ALIZES", live=True).found
    assert len(found) == len(place.sage.contacts("ALIZES")) + 1
    assert [one.is_synchronised for one in found] == sorted((one.is_synchronised for one in found), reverse=True)


def test_only_so_many_are_shown(find, monkeypatch):
    monkeypatch.setattr(searching.find, "__kwdefaults__", {"look_at_sides": False, "limit": 2})
    result = find("a", live=False)
    assert (len(result.found), result.is_cut) == (2, True)


@pytest.mark.parametrize("who", ["Dervaillno", "Barnabe Dervailon", "barnabé derviallon"])
def test_a_near_spelling_is_proposed(find, who):
    result = find(who, live=False)
    assert (result.found, result.nearest) == ((), ("Barnabé Dervaillon",))


@pytest.mark.parametrize("who", ["", "Xylophon Quetzal", "ssm:999999", "x'; DROP TABLE links; --", "100%_"])
def test_nobody_is_found_by_nothing_or_by_what_nobody_has(find, who):
    assert find(who).found == ()


def test_the_sides_are_only_read_and_not_at_all_where_that_is_wished(find, place):
    before = place.sage.snapshot(), place.ssm.snapshot()
    assert find("durand", live=False).looked_at == frozenset()
    find("durand", live=True)
    assert (place.sage.snapshot(), place.ssm.snapshot()) == before


def test_a_side_that_cannot_be_asked_is_named_and_the_other_one_answers(find, place, monkeypatch):
    monkeypatch.setattr("sage100_ssm.app.search.live.SsmClient.rows", lambda *_: 1 / 0, raising=True)
    place.database.rename(place.database.with_suffix(".away"))
    try:
        result = find("sage100:4", live=True)
    finally:
        place.database.with_suffix(".away").rename(place.database)
    assert set(result.failures) == {Side.SAGE100}
    assert [one.standing for one in result.found] == [Standing.SYNCHRONISED]


def test_p5_a_restored_contact_is_found_once_and_not_its_deleted_card_as_well(find, place):
    with StateStore.open(load_settings(place.settings).state) as store, store.transaction() as state:
        (link,) = state.search.links_of([10], [])
    place.ssm.delete_contact(link.ssm_id)
    run_once(load_settings(place.settings))

    (found,) = find("jauzelin", live=False).found
    assert (found.standing, found.subject.ssm_id != link.ssm_id) == (Standing.SYNCHRONISED, True)
    (old,) = find(f"ssm:{link.ssm_id}", live=False).found
    assert old.subject.ssm_id == link.ssm_id
