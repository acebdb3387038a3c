import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sage100_ssm.app.endings import ending_after, report_message
from sage100_ssm.app.invalid_settings import InvalidSetting
from sage100_ssm.app.settings import SettingsError
from sage100_ssm.messages import plain_spaces
from sage100_ssm.sync.failures import ConfigurationError, Exit
from sage100_ssm.sync.planning.one_way import OneWay, Reason
from sage100_ssm.sync.run.report import Counts, RunReport
from sage100_ssm.sync.state.errors import LeaseLost, StateDamaged, StateMissing, StateUnavailable
from sage100_ssm.sync.state.records import RunStatus

INVALID = [
    InvalidSetting("", "syntax", {"line": 3, "column": 7}),
    InvalidSetting("ssm.private_key", "environment_missing", {"name": "SSM_KEY"}),
    InvalidSetting("langage", "unknown_key", {"nearest": "language"}),
    InvalidSetting("sage100", "foreign_key", {"known": ["company"]}),
    InvalidSetting("", "foreign_key", {"known": ["sage100", "ssm"]}),
    InvalidSetting("sage100", "missing"),
    InvalidSetting("policy.conflict", "not_a_choice", {"choices": ["sage100", "ssm"]}),
    InvalidSetting("country", "not_text"),
    InvalidSetting("policy.max_deletions.floor", "not_a_number"),
    InvalidSetting("scope.prospects", "not_yes_or_no"),
    InvalidSetting("scope.exclude", "not_a_list"),
    InvalidSetting("policy", "not_a_section"),
    InvalidSetting("", "not_a_section"),
    InvalidSetting("policy.max_deletions.ratio", "out_of_range"),
    InvalidSetting("state", "invalid", {"detail": "sqlite:///sync-state.db"}),
]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("setting", INVALID, ids=lambda setting: f"{setting.reason} {setting.key}")
def test_each_fault_of_the_settings_is_a_whole_sentence_that_names_its_key(setting, language):
    ending = ending_after(SettingsError("settings_invalid", Path("sync.yaml"), (setting,), language), "fr")

    heading, sentence = ending.message.splitlines()
    assert ending.exit_code is Exit.CONFIGURATION
    assert "sync.yaml" in heading
    assert setting.key in sentence
    assert "…" not in sentence
    assert all(str(value) in sentence for value in setting.params.values() if isinstance(value, (str, int)))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(
    ("error", "exit_code", "named"),
    [
        (StateMissing("/s.db"), Exit.CONFIGURATION, "/s.db"),
        (StateDamaged("/s.db", "broken"), Exit.CONFIGURATION, "sage100-ssm resync"),
        (StateUnavailable("/s.db", "the disk is full"), Exit.CONFIGURATION, ""),
        (LeaseLost(4), Exit.ANOTHER_RUN, ""),
        *(
            (ConfigurationError(code, side="ssm", text="quoted"), Exit.CONFIGURATION, "")
            for code in ("login_refused", "forbidden", "right_missing", "schema_missing", "other_side", "certificate")
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_has_words_in_both_languages(error, exit_code, named, language):
    ending = ending_after(error, language)

    assert ending.exit_code is exit_code
    assert named in ending.message
    assert "…" not in ending.message
    assert ending_after(error, "fr").message != ending_after(error, "en").message


def test_a_code_that_has_no_sentence_is_told_in_the_sides_own_words():
    ending = ending_after(ConfigurationError("of_tomorrow", side="ssm", text="Something new."), "en")

    assert ending.message == "Sage Sales Management: Something new."


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_no_fault_of_the_program(number, language):
    ending = ending_after(OSError(number, "No space left on device", "/var/lib/x"), language)

    assert ending.exit_code is Exit.CONFIGURATION
    assert "/var/lib/x" in ending.message


def test_a_fault_whose_traceback_finds_no_room_has_a_sentence_all_the_same(monkeypatch):
    def no_room(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", no_room)

    ending = ending_after(ZeroDivisionError(), "en")

    assert ending.exit_code is Exit.FAULT
    assert ending.message.startswith("An unexpected error occurred. Nothing is lost")


NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one_way", "said"),
    [
        (None, None),
        (OneWay(Reason.SETTING, left=12), "Modifications de Sage Sales Management qui y restent : 12"),
        (OneWay(Reason.READ_ONLY, left=7), "Modifications de Sage Sales Management qui attendent : 7"),
    ],
)
def test_p18_what_a_run_did_says_that_sage_is_not_written_and_how_many_changes_are_held_back(one_way, said):
    counts = {"sage100": Counts(80), "ssm": Counts(81), "ssm_requests": 6, "linked": 80, "notices": 0}
    problems = {"problems_opened": 0, "problems_closed": 0, "problems_open": 0}
    report = RunReport("r1", NOON, NOON, RunStatus.DONE, Exit.DONE, **counts, **problems, one_way=one_way)

    message = plain_spaces(report_message(report, "fr"))

    assert ("rien n’est écrit" in message or "ne peut que lire" in message) is bool(said)
    assert (said or "") in message
