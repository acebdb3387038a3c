"""Opening the state: made where there is none, refused where it is no state, never touched when only read."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url

from sage100_ssm.sync.state import migrations
from sage100_ssm.sync.state.errors import Damage, StateDamaged, StateError, StateMissing, StateUnavailable
from sage100_ssm.sync.state.store import StateStore
from sage100_ssm.sync.state.tables import VERSION, VERSION_TABLE, metadata
from tests.support import postgresql


@pytest.fixture
def file(tmp_path):
    return tmp_path / "sync-state.db"


def _sql(file, statement):
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(statement).fetchall()


def test_a_first_opening_creates_a_file_that_only_its_owner_may_read(url, file):
    with StateStore.open(url) as store, store.transaction() as transaction:
        transaction.remember("fact", 1)
        modes = {path.name: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    assert modes["sync-state.db"] == 0o600
    assert set(modes.values()) == {0o600}


def test_what_was_remembered_is_there_at_the_next_opening(url):
    with StateStore.open(url) as store, store.transaction() as transaction:
        transaction.remember("fact", {"é": [1, None]})
    with StateStore.open(url) as store, store.transaction() as transaction:
        assert transaction.recall("fact") == {"é": [1, None]}


def test_a_path_may_hold_what_means_something_in_an_address(tmp_path):
    folder = tmp_path / "à 100 % #1"
    folder.mkdir()
    with StateStore.open(f"sqlite:///{folder}/état.db"):
        pass
    assert [path.name for path in folder.iterdir()] == ["état.db"]


def test_migrations_lead_to_the_tables_that_the_code_uses(store):
    with store._engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_file_that_is_no_database_is_damaged_and_the_message_names_it_and_the_way_out(url, file):
    file.write_bytes(b"not a database at all, whatever its name says" * 100)
    with pytest.raises(StateDamaged) as caught:
        StateStore.open(url)
    assert caught.value.reason is Damage.BROKEN
    assert str(file) in str(caught.value)
    assert "sage100-ssm resync" in str(caught.value)


def test_a_file_that_breaks_while_in_use_is_damaged_and_the_parameters_stay_out_of_the_error(url, file):
    with StateStore.open(url) as store, store.transaction() as transaction:
        transaction.save_observed("contacts", [{"id": i, "lastName": "Durand" * 50} for i in range(500)])
    intact = file.read_bytes()
    file.write_bytes(intact[:8192] + b"\xff" * (len(intact) - 8192))
    with pytest.raises(StateDamaged) as caught, StateStore.open(url) as store, store.transaction() as transaction:
        transaction.save_observed("contacts", [{"id": 1, "lastName": "Martin"}], replace=True)
    assert "Martin" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize("read_only", [False, True])
def test_a_state_of_a_newer_version_is_refused(url, file, read_only):
    StateStore.open(url).close()
    _sql(file, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - a constant's name
    with pytest.raises(StateDamaged) as caught:
        StateStore.open(url, read_only=read_only)
    assert caught.value.reason is Damage.NEWER


def test_a_state_that_lost_a_table_is_refused(url, file):
    StateStore.open(url).close()
    _sql(file, "DROP TABLE links")
    with pytest.raises(StateDamaged) as caught:
        StateStore.open(url)
    assert caught.value.reason is Damage.INCOMPLETE


def test_the_database_of_another_product_is_refused_and_left_as_it_was(url, file):
    _sql(file, "CREATE TABLE F_COMPTET (CT_Num TEXT)")
    before = file.read_bytes()
    with pytest.raises(StateDamaged) as caught:
        StateStore.open(url)
    assert caught.value.reason is Damage.FOREIGN
    assert file.read_bytes() == before


def test_reading_a_state_that_is_not_there_creates_nothing(url, file):
    with pytest.raises(StateMissing) as caught:
        StateStore.open(url, read_only=True)
    assert str(file) in str(caught.value)
    assert list(file.parent.iterdir()) == []


def test_reading_a_state_whose_creation_was_interrupted_finds_none(url, file):
    file.touch()
    with pytest.raises(StateMissing):
        StateStore.open(url, read_only=True)
    assert file.read_bytes() == b""


def test_a_state_opened_to_read_cannot_be_written(url):
    StateStore.open(url).close()
    with (
        StateStore.open(url, read_only=True) as store,
        pytest.raises(StateError),
        store.transaction() as transaction,
    ):
        transaction.remember("fact", 1)


def test_reader_and_writer_do_not_wait_for_each_other_and_the_reader_sees_one_moment(url):
    with StateStore.open(url) as store, StateStore.open(url, read_only=True) as reader:
        with store.transaction() as transaction:
            transaction.remember("fact", "before")
        with reader.transaction() as reading:
            before = reading.recall("fact")
            with store.transaction() as transaction:
                transaction.remember("fact", "after")
            assert (before, reading.recall("fact")) == ("before", "before")
        with reader.transaction() as reading:
            assert reading.recall("fact") == "after"


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:////nowhere/at/all/sync-state.db",
        "sqlite://",
        "sqlite:///:memory:",
        "mysql+pymysql://sync:s3cret@host/db",
        "postgresql+psycopg://sync:s3cret@127.0.0.1:1/db",
        "postgresql+nodriver://sync:s3cret@127.0.0.1/db",
        "s3cret",
    ],
)
def test_a_state_that_cannot_be_reached_says_so_without_its_password(address):
    with pytest.raises(StateUnavailable) as caught:
        StateStore.open(address)
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__}"


def test_processes_that_open_a_new_state_at_the_same_time_all_succeed(url):
    program = f"from sage100_ssm.sync.state.store import StateStore; StateStore.open({url!r}).close()"
    processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]  # noqa: S603 - our own program
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]


def test_the_version_that_opens_without_alembic_is_that_of_the_newest_migration():
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == VERSION


def test_a_login_that_may_not_create_tables_is_refused_before_the_first_run_and_by_it(server):
    with postgresql.new_database(server) as database:
        role = f"r{uuid4().hex}"
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        schema = make_url(database).query["options"].removeprefix("-csearch_path=")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role}")
        limited = make_url(database).set(username=role).render_as_string(hide_password=False)
        with pytest.raises(
            StateUnavailable, match=f"permission denied: the login may not create tables in .* {schema}"
        ):
            StateStore.open(limited, read_only=True)
        with pytest.raises(StateUnavailable, match="permission denied"):
            StateStore.open(limited)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
        engine.dispose()
