"""Several companies: which settings files there are, and which can be used together."""

from datetime import UTC, datetime, timedelta

import pytest

from sage100_ssm.app.companies import settings_files, usable_companies
from sage100_ssm.app.schedule import offset_of, spread
from sage100_ssm.app.settings import SettingsError
from sage100_ssm.sync.failures import ConfigurationError

SETTINGS = """
sage100: {{company: {name}, connection: {{kind: sqlite, path: {name}.db}}}}
ssm: {{public_key: pk-{name}, private_key: sk, default_sales_rep_id: 1}}
state: sqlite:///{state}.db
language: en
"""


@pytest.fixture
def folder(tmp_path):
    for name in ("bijou", "carat"):
        written(tmp_path, name)
    return tmp_path


def written(folder, name, *, file=None, state=None):
    path = folder / f"{file or name}.yaml"
    path.write_text(SETTINGS.format(name=name.upper(), state=state or name))
    return path


def used(places):
    left_out = {}
    companies = usable_companies(settings_files(places), lambda file, sentence: left_out.update({file.name: sentence}))
    return [company.name for company in companies], left_out


def test_a_folder_stands_for_its_settings_files_and_not_for_what_they_include(folder):
    (folder / "probe.yaml").write_text("ssm: {page_size: 50}\n")
    (folder / "bijou.yaml").write_text((folder / "bijou.yaml").read_text() + "include: probe.yaml\n")
    (folder / "notes.txt").write_text("no settings")

    assert [file.name for file in settings_files([folder])] == ["bijou.yaml", "carat.yaml"]


def test_files_and_folders_may_be_mixed_and_none_counts_twice(folder, tmp_path_factory):
    other = written(tmp_path_factory.mktemp("other"), "dague")

    assert [file.stem for file in settings_files([other, folder, folder / "bijou.yaml"])] == ["dague", "bijou", "carat"]


def test_all_companies_whose_settings_are_right_are_used(folder):
    assert used([folder]) == (["BIJOU", "CARAT"], {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sage100: [", "YAML"),
        ("ssm: {private_kye: x}", "private_kye"),
        ("", "vide"),
        ("language: ${NOT_SET}", "NOT_SET"),
    ],
)
def test_a_company_whose_settings_are_wrong_is_reported_and_the_others_run(folder, text, reason):
    (folder / "dague.yaml").write_text(text)

    companies, left_out = used([folder])

    assert companies == ["BIJOU", "CARAT"]
    assert list(left_out) == ["dague.yaml"]
    assert reason in left_out["dague.yaml"]


def test_a_file_that_is_missing_is_reported_and_the_others_run(folder):
    companies, left_out = used([folder, folder / "gone.yaml"])

    assert companies == ["BIJOU", "CARAT"]
    assert list(left_out) == ["gone.yaml"]


def test_a_company_that_two_files_name_is_synchronised_once(folder):
    written(folder, "bijou", file="copy", state="another")

    companies, left_out = used([folder])

    assert companies == ["BIJOU", "CARAT"]
    assert "bijou.yaml" in left_out["copy.yaml"]


def test_two_companies_do_not_share_a_state(folder):
    written(folder, "dague", state="carat")

    companies, left_out = used([folder])

    assert companies == ["BIJOU", "CARAT"]
    assert "CARAT" in left_out["dague.yaml"]
    assert "state of its own" in left_out["dague.yaml"]


def test_the_only_company_ends_with_what_is_wrong_with_it(tmp_path):
    with pytest.raises(SettingsError, match="settings_missing"):
        used([tmp_path / "sync.yaml"])


def test_a_folder_in_which_nothing_can_be_used_says_so(tmp_path):
    with pytest.raises(ConfigurationError, match="no_company"):
        used([tmp_path])
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("")
    with pytest.raises(ConfigurationError, match="no_company"):
        used([tmp_path])


def test_r2_runs_are_spread_evenly_over_the_interval():
    since, every = datetime(2026, 3, 2, 8, tzinfo=UTC), timedelta(minutes=15)

    assert [(one.since - since).total_seconds() for one in spread(since, every, 3)] == [0, 300, 600]
    assert {one.every for one in spread(since, every, 3)} == {every}
    assert [one.since for one in spread(since, every, 1)] == [since]


def test_companies_that_do_not_know_of_each_other_are_spread_too_and_each_stays_where_it_is():
    every = timedelta(minutes=15)
    offsets = [offset_of(f"COMPANY{number}", every) for number in range(60)]

    assert offsets == [offset_of(f"COMPANY{number}", every) for number in range(60)]
    assert all(timedelta(0) <= offset < every for offset in offsets)
    assert {offset // timedelta(minutes=3) for offset in offsets} == set(range(5))


def test_two_companies_that_would_share_a_deployment_are_not_both_used(folder):
    for file, name in (("x", "A-B"), ("y", "A/B")):
        path = written(folder, file)
        path.write_text(path.read_text().replace("company: " + file.upper(), f"company: {name}"))

    companies, left_out = used([folder])

    assert companies == ["BIJOU", "CARAT", "A-B"]
    assert "A/B" in left_out["y.yaml"]
