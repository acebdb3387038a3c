"""`backup` copies the state, verified; it replaces nothing unasked."""

import json
import sqlite3
from contextlib import closing

import pytest


def test_the_copy_is_made_and_its_content_said(settings, state, tmp_path, call):
    copy = tmp_path / "copy.db"

    result = call("backup", copy, "-c", settings("en"))

    assert result.exit_code == 0
    assert "links 2" in " ".join(result.stdout.split())
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM links").fetchone() == (2,)


def test_scripts_get_the_file_and_the_rows_of_each_table(settings, state, tmp_path, call):
    copy = tmp_path / "copy.db"

    made = json.loads(call("backup", copy, "--json", "-c", settings()).stdout)

    assert (made["file"], made["size"]) == (str(copy), copy.stat().st_size)
    assert (made["rows"]["links"], made["rows"]["journal"], made["rows"]["lease"]) == (2, 4, 1)


def test_a_file_that_is_there_stays_as_it_is_without_force(settings, state, tmp_path, call):
    copy = tmp_path / "copy.db"
    copy.write_text("something else")

    refused = call("backup", copy, "-c", settings("en"))
    assert (refused.exit_code, copy.read_text()) == (2, "something else")
    assert "--force" in refused.stderr

    assert call("backup", copy, "--force", "-c", settings("en")).exit_code == 0
    assert copy.read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize("part", ["", "-wal", "-shm"])
def test_the_state_itself_is_never_replaced(settings, state, tmp_path, call, part):
    before = (tmp_path / "sync-state.db").read_bytes()

    result = call("backup", tmp_path / f"sync-state.db{part}", "--force", "-c", settings("en"))

    assert result.exit_code == 2
    assert "the state itself" in result.stderr
    assert (tmp_path / "sync-state.db").read_bytes() == before


def test_without_a_state_or_a_folder_the_sentence_says_so(settings, tmp_path, call, state):
    nowhere = call("backup", tmp_path / "absent" / "copy.db", "-c", settings("en"))
    assert nowhere.exit_code == 2
    assert "could not be made" in nowhere.stderr
    for file in tmp_path.glob("sync-state.db*"):
        file.unlink()

    missing = call("backup", tmp_path / "copy.db", "-c", settings("en"))
    assert missing.exit_code == 2
    assert "no state" in missing.stderr
    assert not list(tmp_path.glob("copy.db*"))
