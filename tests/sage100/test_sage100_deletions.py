"""What `source-sage100` tells of rows that are gone, and that a copy kept from its records is the table."""
# ruff: noqa: DTZ001 - Sage's stamps are the server's local time

import logging
from datetime import datetime, timedelta

import pytest
from airbyte_cdk.models import AirbyteStateMessageSerializer, Type
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete, insert, select, update

from sage100_ssm.sage100.errors import UnreachableError
from sage100_ssm.sage100.tables import F_COMPTET, F_CONTACTT, METADATA
from source_sage100.key_set import KeySet
from source_sage100.source import SourceSage100

LOGGER = logging.getLogger("test")
DELETED = "_ab_cdc_deleted_at"
LONG_AGO = datetime(2026, 3, 2, 10, 0)


class Copy:
    """A reader: it keeps what it is given by key, and the last state."""

    def __init__(self, config, catalog, stream):
        self.config = config | {"emit_deletions": True}
        self.catalog, self.stream = catalog(stream, mode="incremental"), stream
        self.rows, self.state = {}, None

    def sync(self, *, messages=None):
        """Read and keep; with a number of messages, be killed after them. Give the records taken."""
        given = [self.state] if self.state else None
        reading = SourceSage100().read(LOGGER, self.config, self.catalog, given)
        records = []
        for count, message in enumerate(m for m in reading if m.type in {Type.RECORD, Type.STATE}):
            if count == messages:
                reading.close()
                break
            if message.type is Type.RECORD:
                records.append(message.record.data)
                self._keep(message.record.data)
            else:
                self.state = AirbyteStateMessageSerializer.load(AirbyteStateMessageSerializer.dump(message.state))
        return records

    def _keep(self, data):
        if data.get(DELETED):
            self.rows.pop(data["cbMarq"], None)
        else:
            self.rows[data["cbMarq"]] = data["CT_Intitule" if self.stream == "companies" else "CT_Nom"]


class Table:
    """A company database, and the hands of Sage's users."""

    def __init__(self, path):
        self.config = {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(path)}}
        self.engine = create_engine(f"sqlite:///{path}")
        METADATA.create_all(self.engine)
        self.run(insert(F_COMPTET).values(CT_Num="CARAT", CT_Type=0, CT_Intitule="Carat", cbModification=LONG_AGO))
        self.stamp = LONG_AGO

    def run(self, statement):
        with self.engine.begin() as connection:
            return connection.execute(statement)

    def add(self, name, marq=None, *, stamped=True):
        values = {"CT_Num": "CARAT", "CT_Nom": name, "cbModification": self.next_stamp() if stamped else None}
        self.run(insert(F_CONTACTT).values(values | ({} if marq is None else {"cbMarq": marq})))

    def edit(self, marq, name):
        values = {"CT_Nom": name, "cbModification": self.next_stamp()}
        self.run(update(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq).values(values))

    def remove(self, marq):
        self.run(delete(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq))

    def next_stamp(self):
        self.stamp += timedelta(minutes=90)  # beyond the overlap, so that no row comes again by it alone
        return self.stamp

    def contacts(self):
        return dict(self.run(select(F_CONTACTT.c.cbMarq, F_CONTACTT.c.CT_Nom)).all())


@pytest.fixture
def table(tmp_path):
    made = Table(tmp_path / "bijou.db")
    for name in ("Durand", "Petit", "Moreau"):
        made.add(name)
    yield made
    made.engine.dispose()


@pytest.fixture
def contacts(table, catalog):
    """A reader of contacts that has them all."""
    copy = Copy(table.config, catalog, "contacts")
    copy.sync()
    return copy


def test_a_row_that_is_gone_is_told_once_by_its_key(table, contacts):
    table.remove(2)
    gone = [record for record in contacts.sync() if record.get(DELETED)]
    assert [(set(record), record["cbMarq"]) for record in gone] == [
        ({"cbMarq", "cbModification", "_company", DELETED}, 2)
    ]
    assert contacts.rows == table.contacts()
    assert not any(record.get(DELETED) for record in contacts.sync())


def warnings(caplog):
    return [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]


def test_a_table_that_reads_empty_tells_no_deletion_until_it_holds_a_row_again(table, contacts, caplog):
    table.run(delete(F_CONTACTT))
    assert [contacts.sync(), contacts.sync()] == [[], []]
    assert [text[:46] for text in warnings(caplog)] == ["F_CONTACTT reads empty, where it had 3 rows: t"] * 2
    assert sorted(contacts.rows) == [1, 2, 3]
    table.add("Roux")
    contacts.sync()
    assert contacts.rows == table.contacts() == {4: "Roux"}


def test_a_table_that_read_empty_for_a_while_is_as_it_was(table, contacts):
    rows = [dict(row) for row in table.run(select(F_CONTACTT)).mappings()]
    table.run(delete(F_CONTACTT))
    contacts.sync()
    table.run(insert(F_CONTACTT).values(rows))
    assert not any(record.get(DELETED) for record in contacts.sync())
    assert contacts.rows == table.contacts()


@pytest.mark.parametrize(("removed", "told"), [(10, False), (11, True)])
def test_that_more_than_half_of_many_rows_are_gone_is_told_and_warned_of(table, catalog, caplog, removed, told):
    for number in range(17):
        table.add(f"N{number}")
    contacts = Copy(table.config, catalog, "contacts")
    contacts.sync()
    table.run(delete(F_CONTACTT).where(F_CONTACTT.c.cbMarq <= removed))
    assert len([record for record in contacts.sync() if record.get(DELETED)]) == removed
    expected = [f"{removed} of the 20 rows of F_CONTACTT are gone: they are reported as deleted."] if told else []
    assert warnings(caplog) == expected


def test_a_deletion_is_stamped_after_any_change_of_the_row(table, contacts):
    table.remove(2)
    (gone,) = (record for record in contacts.sync() if record.get(DELETED))
    deleted, stamp = (datetime.fromisoformat(gone[name]) for name in (DELETED, "cbModification"))
    assert stamp > deleted
    assert (stamp.second, deleted.tzinfo is None) == (0, False)


def test_nothing_is_told_as_deleted_unless_asked_for(table, contacts):
    table.remove(2)
    contacts.config |= {"emit_deletions": False}
    assert not any(record.get(DELETED) for record in contacts.sync())
    assert set(vars(contacts.state.stream.stream_state)) == {"cbModification"}


def test_asked_for_later_all_rows_are_given_once_more(table, contacts):
    contacts.config |= {"emit_deletions": False}
    contacts.sync()
    contacts.config |= {"emit_deletions": True}
    assert [record["cbMarq"] for record in contacts.sync()] == [1, 2, 3]


def test_a_reading_that_fails_tells_no_deletion(table, contacts, monkeypatch):
    def failing(*_, **__):
        yield 1
        raise UnreachableError("link failure")

    table.remove(2)
    before = contacts.state
    monkeypatch.setattr("sage100_ssm.sage100.reading.keys", failing)
    with pytest.raises(Exception, match="contacts"):
        contacts.sync()
    assert contacts.state == before
    assert 2 in contacts.rows


def test_a_reading_that_broke_off_goes_on_there_and_gives_what_changed_behind_it(table, catalog, monkeypatch):
    monkeypatch.setattr("sage100_ssm.sage100.reading._PAGE", 1)
    contacts = Copy(table.config, catalog, "contacts")
    contacts.sync(messages=5)  # the state of the keys, then two rows with the states that cover them
    assert sorted(contacts.rows) == [1, 2]
    table.edit(1, "Duval")
    assert [record["cbMarq"] for record in contacts.sync()] == [3, 1, 3]
    assert contacts.rows == table.contacts()


def test_a_new_row_is_given_once(table, contacts):
    table.add("Roux")
    assert [record["cbMarq"] for record in contacts.sync() if record["CT_Nom"] == "Roux"] == [4]


def test_a_row_that_is_back_is_given_again_whatever_its_stamp(table, contacts):
    table.remove(2)
    contacts.sync()
    table.run(insert(F_CONTACTT).values(cbMarq=2, CT_Num="CARAT", CT_Nom="Petit", cbModification=LONG_AGO))
    contacts.sync()
    assert contacts.rows == table.contacts()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (update(F_COMPTET).values(CT_Type=1), False),
        (update(F_COMPTET).values(CT_Type=1, cbModification=datetime(2026, 5, 2)), False),
        (delete(F_COMPTET), True),
    ],
    ids=["a supplier now", "a supplier now, stamped", "gone"],
)
def test_a_company_is_told_as_deleted_only_when_its_row_is_gone(table, catalog, change, told):
    table.run(insert(F_COMPTET).values(CT_Num="RUBIS", CT_Type=0, CT_Intitule="Rubis", cbModification=LONG_AGO))
    companies = Copy(table.config, catalog, "companies")
    companies.sync()
    table.run(change.where(F_COMPTET.c.CT_Num == "RUBIS"))
    assert [record["cbMarq"] for record in companies.sync() if record.get(DELETED)] == ([2] if told else [])
    table.run(delete(F_COMPTET).where(F_COMPTET.c.CT_Num == "RUBIS"))
    assert [record["cbMarq"] for record in companies.sync() if record.get(DELETED)] == ([] if told else [2])


@pytest.fixture
def companies(table, catalog):
    """A reader of companies that has CARAT and RUBIS."""
    table.run(insert(F_COMPTET).values(CT_Num="RUBIS", CT_Type=0, CT_Intitule="Rubis", cbModification=LONG_AGO))
    copy = Copy(table.config, catalog, "companies")
    copy.sync()
    return copy


def _gone(copy, **sync):
    return [(record["cbMarq"], record.get("CT_Num")) for record in copy.sync(**sync) if record.get(DELETED)]


def test_a_company_that_is_gone_is_told_with_the_code_it_had_last(table, companies):
    table.run(update(F_COMPTET).where(F_COMPTET.c.CT_Num == "RUBIS").values(CT_Num="RUBIS2"))
    companies.sync()
    table.run(update(F_COMPTET).where(F_COMPTET.c.CT_Num == "RUBIS2").values(CT_Type=1))
    companies.sync()
    table.run(delete(F_COMPTET).where(F_COMPTET.c.CT_Num == "RUBIS2"))
    assert _gone(companies) == [(2, "RUBIS2")]
    assert _gone(companies) == []


def test_a_deletion_told_again_after_a_reading_that_broke_off_bears_its_code_again(table, companies):
    table.run(delete(F_COMPTET).where(F_COMPTET.c.CT_Num == "RUBIS"))
    assert _gone(companies, messages=1) == [], "killed after the state that announces it"
    assert _gone(companies) == [(2, "RUBIS")]


def test_a_company_entered_anew_under_its_code_is_told_as_gone_by_its_key_alone(table, companies):
    table.run(delete(F_COMPTET).where(F_COMPTET.c.CT_Num == "RUBIS"))
    table.run(insert(F_COMPTET).values(CT_Num="RUBIS", CT_Type=0, CT_Intitule="Rubis", cbModification=LONG_AGO))
    assert _gone(companies) == [(2, None)]
    assert companies.rows == {1: "Carat", 3: "Rubis"}


def test_a_company_entered_anew_as_a_supplier_is_told_as_gone_by_its_key_alone(table, companies):
    table.run(delete(F_COMPTET).where(F_COMPTET.c.CT_Num == "RUBIS"))
    table.run(insert(F_COMPTET).values(CT_Num="RUBIS", CT_Type=1, CT_Intitule="Rubis", cbModification=LONG_AGO))
    assert _gone(companies) == [(2, None)]


def test_codes_without_their_keys_are_no_state_of_this_source(companies):
    companies.state.stream.stream_state.keys = KeySet.of([1]).packed()
    with pytest.raises(AirbyteTracedException, match="companies"):
        companies.sync()


def test_a_hundred_thousand_keys_with_gaps_take_a_small_part_of_a_megabyte():
    keys = [key for key in range(1, 200_000) if key * 2654435761 % 1000 < 500]
    packed = KeySet.of(keys).packed()
    assert list(KeySet.unpacked(packed)) == keys
    assert (len(keys) > 99_000, len(packed) < 50_000) == (True, True)


@given(st.sets(st.integers(1, 300)), st.sets(st.integers(1, 300)))
def test_keys_behave_as_a_set(left, right):
    ours = KeySet.of(left), KeySet.of(right)
    assert set(ours[0] | ours[1]) == left | right
    assert set(ours[0] - ours[1]) == left - right
    assert set(ours[0] & ours[1]) == left & right
    assert {key for key in range(302) if key in ours[0]} == left
    assert len(ours[0]) == len(left)
    assert bool(ours[0]) is bool(left)


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.booleans()),
        st.tuples(st.sampled_from(["edit", "remove", "restore"]), st.integers(0, 30)),
        st.tuples(st.just("sync"), st.none() | st.integers(0, 12)),
    ),
    max_size=25,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(deeds=DEEDS)
def test_a_copy_kept_from_the_records_is_the_table_whatever_was_killed(tmp_path_factory, catalog, deeds):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sage100_ssm.sage100.reading._PAGE", 3)
        patch.setattr("sage100_ssm.sage100.reading._PAGE_OF_KEYS", 4)
        table = Table(tmp_path_factory.mktemp("play") / "bijou.db")
        copy = Copy(table.config, catalog, "contacts")
        graves = []
        for number, (deed, argument) in enumerate(deeds):
            here = sorted(table.contacts())
            if deed == "add":
                table.add(f"N{number}", stamped=argument)
            elif deed == "sync":
                copy.sync(messages=argument)
            elif deed == "restore" and graves:
                restored = graves.pop(argument % len(graves))
                table.run(insert(F_CONTACTT).values(restored))
            elif here and deed == "edit":
                table.edit(here[argument % len(here)], f"E{number}")
            elif here and deed == "remove":
                marq = here[argument % len(here)]
                graves.append(dict(table.run(select(F_CONTACTT).where(F_CONTACTT.c.cbMarq == marq)).mappings().one()))
                table.remove(marq)
        table.add("The last")  # an empty table tells no deletion
        copy.sync()
        assert copy.rows == table.contacts()
        table.engine.dispose()
