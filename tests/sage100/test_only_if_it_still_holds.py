"""P11: a write is made only over what was read, also on a server that ignores lock hints."""

import threading
from functools import partial

import pytest
from sqlalchemy.exc import OperationalError

from sage100_ssm.exchange.receipt import Cause, Outcome
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.sage100.database import open_database
from sage100_ssm.sage100.errors import LockedError
from sage100_ssm.sage100.writing import _ATTEMPTS, Contacts, in_transaction
from sage100_ssm.standins.sql_server.drivers import FREETDS, MICROSOFT
from tests.support.sage100_databases import ON_SERVERS, ON_SQLITE, SQLITE_FILE, only_here

WRITES = 40
"""By each writer. With a thousand and more the same holds, and takes a minute."""
GONE = {"_ab_cdc_deleted_at": "2026-03-02T10:00:00Z"}
EXPECTED = {"CT_Fonction": "Chef", "CT_EMail": "anne@example.org"}
SERVER_LOG = """
CREATE TRIGGER ZZ_LOGS ON dbo.F_CONTACTT AFTER UPDATE AS BEGIN SET NOCOUNT ON; INSERT INTO ZZ_LOG (was, becomes)
SELECT d.CT_Fonction, i.CT_Fonction FROM deleted AS d JOIN inserted AS i ON i.cbMarq = d.cbMarq; END"""
SQLITE_LOG = """
CREATE TRIGGER ZZ_LOGS AFTER UPDATE ON F_CONTACTT BEGIN INSERT INTO ZZ_LOG VALUES (OLD.CT_Fonction, NEW.CT_Fonction);
END"""


def ignoring_hints(sage, sql_server):
    """Have the server ignore UPDLOCK, and know no locks by name."""
    only_here(sage)
    sql_server.database(sage).without |= {"hints", "sp_getapplock"}


@pytest.fixture
def database(sage, sql_server):
    """The company on a server that ignores lock hints; `meanwhile` is done before each statement that writes."""
    ignoring_hints(sage, sql_server)
    sage.edit(1, CT_Fonction="Chef")
    meanwhile = []

    def before_write():
        if meanwhile:
            meanwhile.pop(0)()

    with open_database(Sage100Config.model_validate(sage.config), before_write) as opened:
        opened.meanwhile = meanwhile
        yield opened


@ON_SERVERS
@pytest.mark.parametrize("given", [{"CT_Fonction": "Gérant"}, GONE], ids=["update", "delete"])
@pytest.mark.parametrize(
    ("edit", "field"),
    [
        ({"CT_Fonction": "Associé"}, "CT_Fonction"),
        ({"CT_Fonction": "CHEF"}, "CT_Fonction"),
        ({"CT_Fonction": "Chef "}, "CT_Fonction"),
        ({"CT_Fonction": None}, "CT_Fonction"),
        ({"CT_EMail": "Anne@example.org"}, "CT_EMail"),
    ],
    ids=["another value", "case alone", "a trailing blank", "null", "a field that is expected and not written"],
)
def test_p11_an_edit_between_the_comparison_and_the_write_is_seen(database, sage, write, given, edit, field):
    database.meanwhile.append(lambda: sage.edit(1, **edit))
    (receipt,) = write({"cbMarq": 1, **given, "_expected": EXPECTED}, database=database)
    assert (receipt.outcome, receipt.field) == (Outcome.CHANGED, field)
    row = sage.contact(1)
    assert {name: row[name] for name in edit} == edit
    assert row["CT_Fonction"] != "Gérant"


@ON_SERVERS
def test_p11_an_edit_of_another_column_stops_a_deletion_once_and_an_update_never(database, sage, write):
    database.meanwhile.append(lambda: sage.edit(1, CT_Telephone="0102030405"))
    (receipt,) = write({"cbMarq": 1, "CT_Fonction": "Gérant", "_expected": EXPECTED}, database=database)
    row = sage.contact(1)
    assert (receipt.outcome, row["CT_Fonction"], row["CT_Telephone"]) == (Outcome.APPLIED, "Gérant", "0102030405")

    expected = {**EXPECTED, "CT_Fonction": "Gérant", "CT_Telephone": "0102030405"}
    database.meanwhile.append(lambda: sage.edit(1, CT_Telephone="0607080910"))
    (receipt,) = write({"cbMarq": 1, **GONE, "_expected": expected}, database=database)
    assert (receipt.outcome, receipt.field) == (Outcome.CHANGED, "CT_Telephone")
    assert sage.contact(1) is not None


@ON_SERVERS
@pytest.mark.parametrize("given", [{"CT_Fonction": "Gérant"}, GONE], ids=["update", "delete"])
def test_p11_a_contact_that_is_deleted_meanwhile_is_not_there(database, sage, write, given):
    database.meanwhile.append(lambda: sage.run("DELETE FROM dbo.F_CONTACTT WHERE cbMarq = 1"))
    (receipt,) = write({"cbMarq": 1, **given, "_expected": EXPECTED}, database=database)
    assert (receipt.outcome, receipt.cause) in {(Outcome.REFUSED, Cause.NOT_FOUND), (Outcome.APPLIED, None)}
    assert sage.contact(1) is None


@ON_SERVERS
def test_p11_reading_the_row_again_in_the_look_for_a_namesake_is_no_comparison(database, sage, write, monkeypatch):
    genuine, edits = Contacts.named, [{"CT_EMail": "typed@example.org"}]

    def named(self, name):
        if edits:
            sage.edit(1, **edits.pop())
        return genuine(self, name)

    monkeypatch.setattr(Contacts, "named", named)
    expected = {"CT_Nom": "Durand", "CT_EMail": "anne@example.org"}
    (receipt,) = write(
        {"cbMarq": 1, "CT_Nom": "DURAND", "CT_EMail": "a@b.fr", "_expected": expected}, database=database
    )
    assert (receipt.outcome, receipt.field) == (Outcome.CHANGED, "CT_EMail")
    assert sage.contact(1)["CT_EMail"] == "typed@example.org"


@ON_SERVERS
def test_p11_a_contact_that_never_rests_is_for_later(database, sage, write):
    database.meanwhile += [lambda n=n: sage.edit(1, CT_Fonction=f"Chef {n}") for n in range(_ATTEMPTS)]
    (receipt,) = write({"cbMarq": 1, "CT_Fonction": "Gérant"}, database=database)
    assert (receipt.outcome, receipt.cause) == (Outcome.RETRY, Cause.LOCKED)
    assert sage.contact(1)["CT_Fonction"] == f"Chef {_ATTEMPTS - 1}"


@ON_SERVERS
def test_p11_what_a_trigger_makes_of_a_value_is_not_taken_for_another_writers(database, sage, write):
    sage.shout_jobs()
    (receipt,) = write({"cbMarq": 1, "CT_Fonction": "Associe", "_expected": EXPECTED}, database=database)
    assert (receipt.outcome, receipt.record["CT_Fonction"]) == (Outcome.APPLIED, "ASSOCIE")
    assert sage.contact(1)["CT_Fonction"] == "ASSOCIE"


@ON_SQLITE
def test_a_write_that_a_trigger_leaves_undone_is_not_repeated_and_a_deletion_is_refused(sage, write):
    for verb in ("UPDATE", "DELETE"):
        sage.run(f"CREATE TRIGGER ZZ_{verb} BEFORE {verb} ON F_CONTACTT BEGIN SELECT RAISE(IGNORE); END")
    updated, deleted = write({"cbMarq": 1, "CT_Fonction": "Gérant"}, {"cbMarq": 1, **GONE})
    assert (updated.outcome, updated.record["CT_Fonction"]) == (Outcome.APPLIED, None)
    assert (deleted.outcome, deleted.cause, deleted.detail) == (
        Outcome.REFUSED, Cause.REJECTED, "the contact is still there after its deletion",
    )  # fmt: skip


@pytest.mark.parametrize("company", [SQLITE_FILE, MICROSOFT, FREETDS], indirect=True)
def test_p11_of_writers_who_race_none_writes_over_a_value_that_it_has_not_read(sage, sql_server):
    is_sqlite = sage.config["connection"]["kind"] == "sqlite"
    if not is_sqlite:
        ignoring_hints(sage, sql_server)
    sage.run("CREATE TABLE ZZ_LOG (was varchar(35) NULL, becomes varchar(35) NULL)")
    sage.run(SQLITE_LOG if is_sqlite else SERVER_LOG)
    sage.edit(1, CT_Fonction="start")
    read = {}

    def change(contacts, wanted):
        row = contacts.get(1)
        read[wanted] = row["CT_Fonction"]
        contacts.update(row, {"CT_Fonction": wanted})

    def product(name):
        with open_database(Sage100Config.model_validate(sage.config)) as database:
            for n in range(WRITES):
                work = partial(change, wanted=f"{name} {n}")
                persistently(lambda work=work: in_transaction(database, work))

    def user():
        for n in range(WRITES):
            persistently(lambda n=n: sage.edit(1, CT_Fonction=f"user {n}"))

    race([lambda: product("one"), lambda: product("two"), user])
    with sage.engine.connect() as connection:
        log = connection.exec_driver_sql("SELECT was, becomes FROM ZZ_LOG").all()
    changes = {becomes: was for was, becomes in log}
    assert len(changes) == len(log) >= 3 * WRITES
    assert {wanted: changes[wanted] for wanted in read} == read


def persistently(work):
    """Do it again until the others are not faster."""
    while True:
        try:
            return work()
        except (LockedError, OperationalError):
            continue


def race(writers):
    """Let writers work at the same time; raise the first one's error."""
    errors = []

    def guarded(writer):
        try:
            writer()
        except Exception as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(writer,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in errors:
        raise error
