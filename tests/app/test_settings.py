import textwrap
from pathlib import Path

import pytest

from sage100_ssm.app.endings import ending_after
from sage100_ssm.app.settings import Settings, SettingsError, load_settings
from sage100_ssm.sync.contacts.fields import Direction
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.policy import ConflictPolicy

MINIMAL = """
sage100: {company: BIJOU, connection: {kind: sqlite, path: bijou.db}}
ssm: {public_key: pk, private_key: sk, default_sales_rep_id: 310}
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str) -> Path:
        file = tmp_path / "sync.yaml"
        file.write_text(textwrap.dedent(text), "utf-8")
        return file

    return write


def faults_of(file: Path, **environment: str) -> list[tuple[str, str]]:
    with pytest.raises(SettingsError) as caught:
        load_settings(file, environment)
    return [(one.key, one.reason) for one in caught.value.invalid]


def test_what_a_file_leaves_out_has_the_documented_default(write, tmp_path):
    settings = load_settings(write(MINIMAL), {})

    assert settings.state == f"sqlite:///{tmp_path}/sync-state.db"
    assert (settings.language, settings.country) == ("fr", "FR")
    assert (settings.scope.prospects, settings.scope.exclude) == (True, ())
    policy = settings.policy
    assert (policy.conflict, policy.refused_deletion, policy.too_long) == ("sage100", "restore", "refuse")
    assert policy.missing_first_name is None
    assert (policy.max_deletions.ratio, policy.max_deletions.floor) == (0.10, 3)
    assert settings.fields == {}


def test_every_documented_setting_is_read(write):
    settings = load_settings(
        write(
            MINIMAL
            + """
state: postgresql+psycopg://sync:pw@db/sync
language: en
country: BE
scope:
  prospects: false
  exclude: ["41199*"]
  contacts: {exclude: [{N_Service: "9"}, {CT_Fonction: "WEB*", N_Contact: "3"}]}
policy:
  conflict: newest
  refused_deletion: leave
  too_long: truncate
  missing_first_name: "-"
  max_deletions: {ratio: 0.5, floor: 10}
fields:
  email: {direction: to_ssm, conflict: ssm}
  job_title: {values: {Gérant: Manager}}
  remark: {sage100: CT_Remarque, ssm: Z_remark, kind: text}
"""
        ),
        {},
    )

    assert settings.state == "postgresql+psycopg://sync:pw@db/sync"
    assert settings.scope.exclude == ("41199*",)
    assert settings.scope.contacts.exclude == ({"N_Service": "9"}, {"CT_Fonction": "WEB*", "N_Contact": "3"})
    assert settings.policy.conflict is ConflictPolicy.NEWEST
    assert settings.policy.missing_first_name == "-"
    assert settings.fields["email"].direction is Direction.TO_SSM
    assert settings.fields["job_title"].values == {"Gérant": "Manager"}
    assert settings.fields["remark"].ssm == "Z_remark"


def test_relative_paths_are_relative_to_the_file_and_not_to_where_the_command_runs(write, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    settings = load_settings(write(MINIMAL + "state: sqlite:///memory/state.db\n"), {})

    assert Path(settings.sage100.connection.path) == tmp_path / "bijou.db"
    assert settings.state == f"sqlite:///{tmp_path}/memory/state.db"


def test_absolute_paths_stay_as_they_are(write):
    settings = load_settings(write(MINIMAL.replace("bijou.db", "/data/bijou.db") + "state: sqlite:////data/s.db\n"), {})

    assert str(settings.sage100.connection.path) == "/data/bijou.db"
    assert settings.state == "sqlite:////data/s.db"


@pytest.mark.parametrize(
    "secret", ["plain", "with: colon", "{x}", "'", '"', "# no comment", "${SECRET}", "a\nb", "é\\"]
)
def test_a_value_from_the_environment_is_taken_as_it_is_and_never_parsed(write, secret):
    file = write(MINIMAL.replace("private_key: sk", 'private_key: "${SECRET}"'))

    assert load_settings(file, {"SECRET": secret}).ssm.private_key.get_secret_value() == secret


def test_a_number_may_come_from_the_environment(write):
    file = write(MINIMAL.replace("310", "'${REP}'"))

    assert load_settings(file, {"REP": "77"}).ssm.default_sales_rep_id == 77


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (MINIMAL.replace("sk", "'${KEY}'"), [("ssm.private_key", "environment_missing")]),
        (MINIMAL + "langage: en\n", [("langage", "unknown_key")]),
        (MINIMAL + "policy: {conflits: ssm}\n", [("policy.conflits", "unknown_key")]),
        (MINIMAL + "fields: {email: {directoin: both}}\n", [("fields.email.directoin", "unknown_key")]),
        (MINIMAL.replace("company:", "compagny: X, company:"), [("sage100.compagny", "unknown_key")]),
        (MINIMAL.replace("path:", "pth: x, path:"), [("sage100.connection.pth", "unknown_key")]),
        (MINIMAL + "policy: {conflict: nobody}\n", [("policy.conflict", "not_a_choice")]),
        (MINIMAL + "fields: {email: {direction: up}}\n", [("fields.email.direction", "not_a_choice")]),
        (MINIMAL + "fields: {remark: {ssm: Z_remark}}\n", [("fields.remark", "side_missing")]),
        (MINIMAL + "fields: {company: {direction: both}}\n", [("fields.company", "company_direction")]),
        (MINIMAL + "fields: {last_name: {direction: to_ssm}}\n", [("fields.last_name", "names_apart")]),
        (MINIMAL + "fields: {first_name: {conflict: ssm}}\n", [("fields.first_name", "names_apart")]),
        (
            MINIMAL + "fields: {last_name: {direction: none}, first_name: {direction: none}}\n",
            [("fields.last_name", "names_needed")],
        ),
        (
            MINIMAL + "fields: {rank: {sage100: R, ssm: Z_r, kind: number, values: {a: b}}}\n",
            [("fields.rank", "values_without_labels")],
        ),
        (
            MINIMAL + "fields: {job_title: {ssm: Z_job, values: {a: b}}}\n",
            [("fields.job_title", "values_without_labels")],
        ),
        (MINIMAL + "language: de\n", [("language", "not_a_choice")]),
        (MINIMAL + "country: NO\n", [("country", "not_text")]),
        (MINIMAL + "country: XX\n", [("country", "invalid")]),
        (MINIMAL + "state: mysql://x\n", [("state", "invalid")]),
        (MINIMAL + "state: nonsense\n", [("state", "invalid")]),
        (MINIMAL + "policy: {max_deletions: {ratio: 10}}\n", [("policy.max_deletions.ratio", "out_of_range")]),
        (MINIMAL + "policy: {max_deletions: {floor: many}}\n", [("policy.max_deletions.floor", "not_a_number")]),
        (MINIMAL + "policy: strict\n", [("policy", "not_a_section")]),
        (MINIMAL + "scope: {prospects: perhaps}\n", [("scope.prospects", "not_yes_or_no")]),
        (MINIMAL + "scope: {exclude: CARAT}\n", [("scope.exclude", "not_a_list")]),
        (MINIMAL + "scope: {exclude: [411]}\n", [("scope.exclude.0", "not_text")]),
        (MINIMAL.replace("company:", "formerly: [BIJOU], company:"), [("sage100.formerly", "invalid")]),
        (MINIMAL.replace("company:", "formerly: ['A:B'], company:"), [("sage100.formerly.0", "invalid")]),
        (MINIMAL.replace("company:", "formerly: OLD, company:"), [("sage100.formerly", "not_a_list")]),
        (MINIMAL + "scope: {contacts: {exclud: []}}\n", [("scope.contacts.exclud", "unknown_key")]),
        (MINIMAL + "scope: {contacts: {exclude: {CT_Nom: X}}}\n", [("scope.contacts.exclude", "not_a_list")]),
        (MINIMAL + "scope: {contacts: {exclude: [CT_Nom]}}\n", [("scope.contacts.exclude.0", "not_a_section")]),
        (
            MINIMAL + "scope: {contacts: {exclude: [{N_Service: 9}]}}\n",
            [("scope.contacts.exclude.0.N_Service", "not_text")],
        ),
        (MINIMAL + "scope: {contacts: {exclude: [{}]}}\n", [("scope.contacts.exclude.0", "invalid")]),
        (MINIMAL.replace("kind: sqlite", "kind: oracle"), [("sage100.connection", "not_a_choice")]),
        (MINIMAL.replace("path: bijou.db", ""), [("sage100.connection.path", "missing")]),
        (MINIMAL.replace(", private_key: sk", ""), [("ssm.private_key", "missing")]),
        (MINIMAL.replace(", default_sales_rep_id: 310", ""), [("ssm.default_sales_rep_id", "missing")]),
        ("ssm: {public_key: a, private_key: b, default_sales_rep_id: 1}\n", [("sage100", "missing")]),
        ("a: [", [("", "syntax")]),
        ("just words", [("", "not_a_section")]),
        ("", [("", "not_a_section")]),
    ],
)
def test_a_faulty_file_is_refused_with_the_key_and_the_reason(write, text, faults):
    assert faults_of(write(text)) == faults


def test_all_faults_are_told_at_once(write):
    text = MINIMAL.replace("sk", "''") + "langage: en\npolicy: {conflict: x, too_long: y}\n"

    assert {key for key, _ in faults_of(write(text))} == {
        "langage",
        "policy.conflict",
        "policy.too_long",
        "ssm.private_key",
    }


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [("langage", "language"), ("polcy", "policy"), ("Sage100", "sage100"), ("direction", "policy.direction")],
)
def test_an_unknown_key_is_told_with_the_nearest_known_one(write, typed, nearest):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(MINIMAL + f"{typed}: x\n"), {})

    assert caught.value.invalid[0].params == {"nearest": nearest}


@pytest.mark.parametrize(
    ("text", "section", "named"),
    [
        ("hunter2: x\n", "", "language"),
        (MINIMAL + "hunter2: {a: 1}\n", "", "language"),
        (MINIMAL + "policy: {hunter2: 1}\n", "policy", "conflict"),
        (MINIMAL.replace("company:", "hunter2: X, company:"), "sage100", "time_zone"),
    ],
)
def test_a_key_that_resembles_no_setting_is_not_quoted(write, text, section, named):
    """A file that is no settings file, named by mistake or on purpose, may have secrets in its keys."""
    with pytest.raises(SettingsError) as caught:
        load_settings(write(text), {})

    foreign = [setting for setting in caught.value.invalid if setting.reason == "foreign_key"]
    assert [setting.key for setting in foreign] == [section]
    assert named in foreign[0].params["known"]
    for language in ("fr", "en"):
        caught.value.language = language
        assert "hunter2" not in ending_after(caught.value, language).message


def test_a_missing_file_ends_with_the_exit_code_of_a_configuration_fault(tmp_path):
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "nowhere.yaml")

    assert (caught.value.code, caught.value.exit_code) == ("settings_missing", Exit.CONFIGURATION)
    assert caught.value.params == {"file": str(tmp_path / "nowhere.yaml")}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00bad", None], ids=["no text", "a folder"])
def test_a_file_that_cannot_be_read_is_told_apart_from_a_missing_one(tmp_path, content):
    file = tmp_path / "sync.yaml"
    file.write_bytes(content) if content else file.mkdir()
    with pytest.raises(SettingsError, match="settings_unreadable"):
        load_settings(file)


def test_a_file_saved_by_a_windows_editor_with_a_byte_order_mark_is_read(tmp_path):
    file = tmp_path / "sync.yaml"
    file.write_text(MINIMAL, "utf-8-sig")

    assert isinstance(load_settings(file, {}), Settings)


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL.replace("sk", "hunter2\n  bad: ["),
        MINIMAL.replace("private_key: sk", "private_key: [hunter2]"),
        MINIMAL.replace("{public_key: pk, private_key: sk", "{private_kee: hunter2, public_key: pk"),
        MINIMAL + "state: mysql://root:hunter2@db/x\n",
        MINIMAL.replace("{kind: sqlite, path: bijou.db}", "{kind: odbc, connection_string: {a: hunter2}}"),
    ],
)
def test_no_fault_quotes_what_stands_in_the_file(write, text):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(text), {})

    assert "hunter2" not in f"{caught.value!r} {caught.value} {caught.value.invalid!r} {caught.value.__cause__!r}"


def test_a_password_in_the_address_of_the_state_or_in_a_section_is_not_shown_by_repr(write):
    text = MINIMAL.replace("sk", "hunter2") + "state: postgresql+psycopg://sync:hunter3@db/sync\n"

    shown = repr(load_settings(write(text), {}))

    assert "hunter2" not in shown
    assert "hunter3" not in shown


def test_settings_cannot_be_changed_once_read(write):
    settings = load_settings(write(MINIMAL), {})

    with pytest.raises(ValueError, match="frozen"):
        settings.language = "en"


def test_the_language_that_a_faulty_file_asks_for_is_known_to_the_one_who_tells(write):
    with pytest.raises(SettingsError) as caught:
        load_settings(write("language: en\n"), {})

    assert caught.value.language == "en"


def test_settings_of_an_included_file_hold_where_the_file_has_none_of_its_own(write, tmp_path):
    (tmp_path / "probe.yaml").write_text("# seen\nssm: {page_size: 200, overlap_minutes: 70}\n")

    settings = load_settings(write(MINIMAL.replace("sk,", "sk, page_size: 50,") + "\ninclude: probe.yaml\n"), {})

    assert (settings.ssm.page_size, settings.ssm.overlap_minutes) == (50, 70)


@pytest.mark.parametrize(
    ("included", "key", "reason"),
    [
        ("ssm: {page_sise: 200}", "ssm.page_sise", "unknown_key"),
        ("include: sync.yaml", "include", "unknown_key"),
        ("ssm: {page_size: 0}", "ssm.page_size", "out_of_range"),
    ],
)
def test_an_included_file_is_judged_as_the_file_itself(write, tmp_path, included, key, reason):
    (tmp_path / "probe.yaml").write_text(included)

    assert (key, reason) in faults_of(write(MINIMAL + "include: probe.yaml\n"))


def test_an_included_file_that_is_missing_is_named(write, tmp_path):
    with pytest.raises(SettingsError) as caught:
        load_settings(write(MINIMAL + "include: nowhere.yaml\n"), {})

    assert caught.value.code == "settings_missing"
    assert caught.value.params["file"].endswith("nowhere.yaml")


@pytest.mark.parametrize(
    "address", ["http://api.forcemanager.com/api/v4", "http://192.168.1.7/api/v4", "http://localhost.evil.example"]
)
def test_an_address_that_would_send_the_keys_in_clear_is_refused(write, address):
    ssm = f"ssm: {{public_key: pk, private_key: sk, default_sales_rep_id: 310, base_url: '{address}'}}"
    file = write(f"sage100: {{company: BIJOU, connection: {{kind: sqlite, path: bijou.db}}}}\n{ssm}\n")
    assert faults_of(file) == [("ssm.base_url", "https_required")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("/etc/ssl/our-company.crt", "no_certificate"), ("-----BEGIN PRIVATE KEY-----", "private_key_given")],
)
def test_what_is_no_certificate_has_a_sentence_of_its_own(write, text, reason):
    ssm = f"ssm: {{public_key: pk, private_key: sk, default_sales_rep_id: 310, ca_certificates: '{text}'}}"
    file = write(f"sage100: {{company: BIJOU, connection: {{kind: sqlite, path: bijou.db}}}}\n{ssm}\n")
    assert faults_of(file) == [("ssm.ca_certificates", reason)]


@pytest.mark.parametrize("address", ["http://127.0.0.1:8000/api/v4", "http://localhost:8000", "http://[::1]:8000/api"])
def test_this_very_machine_may_be_asked_in_clear(write, address):
    ssm = f"ssm: {{public_key: pk, private_key: sk, default_sales_rep_id: 310, base_url: '{address}'}}"
    settings = load_settings(
        write(f"sage100: {{company: BIJOU, connection: {{kind: sqlite, path: b.db}}}}\n{ssm}\n"), {}
    )
    assert settings.ssm.base_url == address


def test_yaml_aliases_by_which_a_few_bytes_become_gigabytes_are_refused(write):
    bomb = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]\n" for n in range(9))
    assert faults_of(write(MINIMAL + bomb)) == [("", "alias")]


def test_yaml_that_nests_without_end_is_no_fault_of_the_program(write):
    assert faults_of(write("a: " + "[" * 5_000)) == [("", "syntax")]
