"""`check` and `probe` as an operator and a script see them, over the sample company."""

import json
import logging
import shutil

import pytest

from sage100_ssm.standins.sample_installation import sample_installation
from sage100_ssm.standins.ssm_api.quirks import Quirks


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))  # loopback needs no certificates, and loading them takes long
    with sample_installation(tmp_path / "site", quirks=Quirks(ext_id_unique="all")) as opened:
        yield opened


def test_check_lists_each_finding_with_its_remedy_and_says_what_comes_next(place, call):
    result = call("check", "-c", place.settings)
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line for line in lines if line.strip() in ("Sage 100", "SSM", "Ensemble")] == [
        "Sage 100",
        "SSM",
        "Ensemble",
    ]
    advice = next(n for n, line in enumerate(lines) if line.startswith("  ! "))
    assert any(line.startswith("    → ") for line in lines[advice:])
    assert "sage100-ssm plan" in lines[-1]


def test_check_does_not_say_that_all_is_ready_where_this_may_be_a_test_copy(place, call):
    call("run", "-c", place.settings)
    copy = place.database.with_name("copy.db")
    shutil.copyfile(place.database, copy)
    place.settings.write_text(place.settings.read_text().replace(place.database.name, copy.name))
    result = call("check", "-c", place.settings)
    assert result.exit_code == 0
    shown = " ".join(result.stdout.split())
    assert ("pas une copie d’essai reliée" in shown, "Tout est prêt" in shown) == (True, False)


def test_check_in_json_tells_level_code_side_text_and_remedy(place, call):
    result = call("check", "--json", "-c", place.settings)
    found = json.loads(result.stdout)
    assert all(list(one) == ["ok", "level", "code", "side", "text", "remedy"] for one in found)
    assert {one["level"] for one in found} <= {"ok", "advice", "unseen", "mend"}
    assert all(one["ok"] for one in found)
    assert {one["side"] for one in found} == {"sage100", "ssm", None}


def test_check_ends_with_2_where_something_is_to_be_mended_and_shows_no_secret(place, call):
    place.settings.write_text(place.settings.read_text().replace(place.api.private_key, "sk-hunter2"))
    result = call("check", "-c", place.settings)
    assert result.exit_code == 2
    assert "✗ Sage Sales Management a refusé la connexion" in result.stdout.replace("\N{NO-BREAK SPACE}", " ")
    assert "hunter2" not in result.stdout + result.stderr


def test_probe_looks_only_and_writes_what_it_saw_beside_the_settings(place, call):
    result = call("probe", "-c", place.settings)
    assert result.exit_code == 0
    assert "--write CODE" in result.stdout
    assert place.settings.with_name("probe.yaml").read_text().startswith("# ")
    assert {one.method for one in place.api.requests if one.path != "/login"} == {"GET"}


def test_probe_with_a_scratch_contact_says_what_to_set_and_how(place, call, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "seen.yaml"
    result = call("probe", "--write", "JASPE", "--output", file, "-c", place.settings)
    assert result.exit_code == 0
    assert "ssm: ext_id_once: True" in result.stdout
    assert "include: seen.yaml" in result.stderr
    assert "ext_id_once: true" in file.read_text()
    assert place.api.private_key not in file.read_text() + result.stdout + caplog.text


def test_probe_in_json_tells_each_question_once_or_twice_with_what_follows(place, call):
    result = call("probe", "--json", "-c", place.settings)
    found = json.loads(result.stdout)
    assert {(one["side"], one["number"]) for one in found} == {
        *(("ssm", number) for number in range(1, 14)),
        *(("sage100", number) for number in range(1, 7)),
    }
    assert all(list(one) == ["side", "number", "code", "question", "answer", "settings"] for one in found)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--write", "NIRGENDS"], "NIRGENDS"),
        (["--output", "/nowhere/at/all/probe.yaml"], "/nowhere/at/all/probe.yaml"),
    ],
)
def test_probe_ends_with_2_where_it_cannot_do_what_was_asked(place, call, words, told):
    result = call("probe", *words, "-c", place.settings)
    assert (result.exit_code, told in result.stderr) == (2, True)
    assert "Traceback" not in result.stderr
