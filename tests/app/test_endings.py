from pathlib import Path

import pytest

from sage100_ssm.app.endings import ending_of
from sage100_ssm.app.settings import SettingsError
from sage100_ssm.app.settings_faults import Fault
from sage100_ssm.sync.failures import ConfigurationError, Exit
from sage100_ssm.sync.state.errors import LeaseLost, StateDamaged, StateMissing, StateUnavailable

FAULTS = [
    Fault("", "syntax", {"line": 3, "column": 7}),
    Fault("ssm.private_key", "environment_missing", {"name": "SSM_KEY"}),
    Fault("langage", "unknown_key", {"nearest": "language"}),
    Fault("xyz", "unknown_key", {"nearest": None}),
    Fault("sage100", "missing"),
    Fault("policy.conflict", "not_a_choice", {"choices": ["sage100", "ssm"]}),
    Fault("country", "not_text"),
    Fault("policy.max_deletions.floor", "not_a_number"),
    Fault("scope.prospects", "not_yes_or_no"),
    Fault("scope.exclude", "not_a_list"),
    Fault("policy", "not_a_section"),
    Fault("", "not_a_section"),
    Fault("policy.max_deletions.ratio", "out_of_range"),
    Fault("state", "invalid", {"detail": "sqlite:///sync-state.db"}),
]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.reason} {fault.key}")
def test_each_fault_of_the_settings_is_a_whole_sentence_that_names_its_key(fault, language):
    ending = ending_of(SettingsError("settings_invalid", Path("sync.yaml"), (fault,), language), "fr")

    heading, sentence = ending.message.splitlines()
    assert ending.exit_code is Exit.CONFIGURATION
    assert "sync.yaml" in heading
    assert fault.key in sentence
    assert "…" not in sentence
    assert all(str(value) in sentence for value in fault.params.values() if isinstance(value, (str, int)))


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
    ending = ending_of(error, language)

    assert ending.exit_code is exit_code
    assert named in ending.message
    assert "…" not in ending.message
    assert ending_of(error, "fr").message != ending_of(error, "en").message


def test_a_code_that_has_no_sentence_is_told_in_the_sides_own_words():
    ending = ending_of(ConfigurationError("of_tomorrow", side="ssm", text="Something new."), "en")

    assert ending.message == "Sage Sales Management: Something new."
