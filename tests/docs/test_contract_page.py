"""docs/contract.md and the program name the same things: what one has, the other has too."""

import json
import logging
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from typer.main import get_command

from destination_sage100.config import DestinationSage100Config
from destination_sage100.destination import DestinationSage100
from destination_ssm.config import DestinationSsmConfig
from destination_ssm.destination import DestinationSsm
from sage100_ssm.app.backup import Backup
from sage100_ssm.app.channels import Channel
from sage100_ssm.app.check.findings import Finding, Level
from sage100_ssm.app.contact_sync.form import ContactSyncConfig
from sage100_ssm.app.personal_data import PersonalData
from sage100_ssm.app.probe import ProbeAnswer
from sage100_ssm.app.schedule import Schedule
from sage100_ssm.app.search.found import Found, Standing
from sage100_ssm.app.settings import Sage100Settings, Settings, SsmSettings
from sage100_ssm.app.status import StatusReport
from sage100_ssm.cli import json_shapes
from sage100_ssm.cli.commands import app
from sage100_ssm.cli.metrics import metrics
from sage100_ssm.connectors import reporting
from sage100_ssm.exchange import record as request
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.orchestration.airbyte_application import AirbyteApplication
from sage100_ssm.orchestration.airbyte_flow import airbyte_sync
from sage100_ssm.orchestration.blocks import SynchronisationSettings
from sage100_ssm.orchestration.flow import sync_contacts
from sage100_ssm.orchestration.upkeep import housekeeping, weekly_digest
from sage100_ssm.sage100.config import Sage100Config
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.standins.company_database import create_company_database
from sage100_ssm.sync.contacts.fields import Direction, FieldKind
from sage100_ssm.sync.failures import Exit
from sage100_ssm.sync.journal import Entry, Subject, ValueTooLong, ValueUnknown
from sage100_ssm.sync.model import Change, Intent, Link, LinkStatus, Side, ValuePair
from sage100_ssm.sync.planning.one_way import OneWay, Reason
from sage100_ssm.sync.policy import ConflictPolicy, RefusedDeletion
from sage100_ssm.sync.rules.decisions import Choice
from sage100_ssm.sync.run.observation import WholeRead
from sage100_ssm.sync.run.pairs import Candidates, Verdict
from sage100_ssm.sync.run.report import Counts, PlannedWrite, PlanReport, RunReport, TooFast
from sage100_ssm.sync.run.retried import Became, Retried
from sage100_ssm.sync.state.decisions import Decision
from sage100_ssm.sync.state.forgetting import LivesOn, StoredPerson
from sage100_ssm.sync.state.records import JournalEntry, LinkCounts, RunRow, RunStatus, WriteAction, WriteRecord
from source_contact_sync.source import SourceContactSync
from source_sage100.config import SourceSage100Config
from source_sage100.source import SourceSage100
from source_ssm.config import SourceSsmConfig
from source_ssm.source import SourceSsm
from tests.support import worlds
from tests.support.pages import ROOT, blocks, codes, page, rows, section
from tests.support.setting_keys import REQUIRED, sections_in, settings_of

PAGE = page("contract.md")


def table(title):
    return rows(section(PAGE, title))


MESSAGES = "Messages to the administrator"


# --- commands, exit codes


def _commands(group, prefix=""):
    """The commands by name; one within another has the names of both."""
    found = {}
    for name, command in group.commands.items():
        inner = _commands(command, f"{prefix}{name} ") if hasattr(command, "commands") else {}
        found |= inner or {f"{prefix}{name}": command}
    return found


COMMANDS = _commands(get_command(app))


def _named(row):
    """The command that a row is about, and the arguments that it shows."""
    words = codes(row[0])[0]
    name = max((name for name in COMMANDS if f"{words} ".startswith(f"{name} ")), key=len)
    return name, words.removeprefix(name).split()


def options(command):
    return {option for one in command.params if one.param_type_name == "option" for option in one.opts}


def test_the_commands_are_those_that_there_are():
    assert {_named(row)[0] for row in table("Commands")} == set(COMMANDS)


@pytest.mark.parametrize("row", table("Commands"), ids=lambda row: row[0])
def test_a_command_has_the_arguments_and_options_that_it_has(row):
    name, arguments = _named(row)
    command = COMMANDS[name]

    assert len(arguments) == sum(one.param_type_name == "argument" for one in command.params)
    assert {code.split()[0] for code in codes(row[1])} == options(command)


def test_no_option_is_named_that_does_not_exist():
    known = {"--help", "-h"}.union(options(get_command(app)), *map(options, COMMANDS.values()))
    named = {word for code in codes(PAGE) for word in code.split() if word.startswith("-")}

    assert named <= known


def test_the_options_of_the_command_itself_are_named():
    assert options(get_command(app)) <= {word for code in codes(section(PAGE, "Commands")) for word in code.split()}


def test_the_console_scripts_are_those_that_are_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    first = section(PAGE, "Commands").partition("`sage100-ssm --debug")[0]
    named = {code for code in codes(first) if "-" in code}

    assert named - set(project["optional-dependencies"]) == set(project["scripts"])


def test_the_exit_codes_are_those_that_there_are():
    assert [int(row[0]) for row in table("Exit codes")] == list(Exit)


# --- settings


def documented(title, prefix="", only=None):
    """The keys in a table of the page, and their defaults."""
    lines = [row for row in table(title) if only is None or only in codes(row[2])]
    return {prefix + codes(row[0])[0]: _value(row[1]) for row in lines}


def _value(cell):
    return cell if cell in ("", REQUIRED) else yaml.safe_load(codes(cell)[0])


def same(page, has):
    return {name: _plain(value) for name, value in page.items()} == {name: _plain(value) for name, value in has.items()}


def _plain(value):
    if value is None:
        return ""
    return list(value) if isinstance(value, tuple) else value


def test_the_settings_of_sage_100_are_those_of_its_model():
    assert same(documented("Sage 100"), settings_of(Sage100Config))


def test_the_settings_of_ssm_are_those_of_its_model():
    assert same(documented("SSM"), settings_of(SsmConfig))


def test_sync_yaml_has_the_settings_that_its_model_has():
    ssm = (
        documented("SSM", "ssm.") | documented("SSM in sync.yaml only", "ssm.") | {"ssm.default_sales_rep_id": REQUIRED}
    )
    sage100 = documented("Sage 100", "sage100.") | documented("Sage 100 in sync.yaml only", "sage100.")
    rest = documented("The rest of sync.yaml") | documented("The field map")

    assert (rest.pop("include"), rest.pop("secrets")) == ("", "")  # taken out before the model sees the file
    assert same(sage100 | ssm | rest, settings_of(Settings))


@pytest.mark.parametrize(
    ("name", "side", "model"),
    [("source-sage100", "Sage 100", SourceSage100Config), ("source-ssm", "SSM", SourceSsmConfig)],
)
def test_a_source_has_the_settings_that_its_model_has(name, side, model):
    assert same(documented(side) | documented("Sources only", only=name), settings_of(model))


def test_the_destinations_have_the_settings_that_their_models_have():
    own = documented("Destinations only")
    owner = {"default_sales_rep_id": REQUIRED}

    assert same(documented("Sage 100") | own, settings_of(DestinationSage100Config))
    assert same(documented("SSM") | own | owner, settings_of(DestinationSsmConfig))


def test_the_source_that_synchronises_has_the_settings_that_its_model_has_beside_those_of_the_sides():
    sides = settings_of(Sage100Settings) | settings_of(SsmSettings)
    rest = {
        name: default
        for name, default in settings_of(ContactSyncConfig).items()
        if name not in sides and not name.startswith("notify.")
    }
    named = documented("source-contact-sync")

    assert named.pop("notify") == {"kind": "none"}
    assert same(named, rest)


def test_a_recipient_of_messages_has_the_settings_of_its_kind():
    models = {get_args(model.model_fields["kind"].annotation)[0]: model for model in sections_in(get_args(Channel)[0])}
    documented_kinds = {row[0].strip("`"): (_value(row[1]), codes(row[2])) for row in table(MESSAGES)}

    assert set(models) == set(codes(table(MESSAGES)[0][3]))
    for kind, model in models.items():
        found = {key: default for key, (default, kinds) in documented_kinds.items() if not kinds or kind in kinds}
        assert found == {name: "" if d is None else d for name, d in settings_of(model).items()}


def test_the_choices_of_a_setting_are_those_that_it_takes():
    meanings = {codes(row[0])[0]: row[1:] for row in (*table("The field map"), *table("The rest of sync.yaml"))}

    def choices(key):
        default, meaning = meanings[key]
        return {*codes(default), *codes(meaning)}

    assert choices("fields.NAME.kind") == set(FieldKind)
    assert choices("fields.NAME.direction") == set(Direction)
    assert choices("policy.conflict") == set(ConflictPolicy)
    assert choices("policy.refused_deletion") == set(RefusedDeletion)
    assert choices("policy.too_long") == {"refuse", "truncate"}
    assert choices("language") == {"fr", "en"}


# --- streams, instructions, receipts


LOGGER = logging.getLogger("airbyte")
SSM = {"public_key": "p", "private_key": "k"}


@pytest.fixture(scope="module")
def sage100(tmp_path_factory):
    path = tmp_path_factory.mktemp("sage100") / "bijou.db"
    create_company_database(path, [], [])
    return {"company": "BIJOU", "connection": {"kind": "sqlite", "path": str(path)}}


@pytest.fixture(scope="module")
def streams(sage100):
    """Connector and stream to primary key and cursor."""
    found = {}
    for name, source, config in (("source-sage100", SourceSage100(), sage100), ("source-ssm", SourceSsm(), SSM)):
        for one in (stream.as_airbyte_stream() for stream in source.streams(config)):
            ((key,),) = one.source_defined_primary_key
            found[name, one.name] = [key, *(one.default_cursor_field or [""])]
    owned = {**SSM, "default_sales_rep_id": 310}
    both = {**sage100, **owned, "state": "postgresql://server/database"}
    for one in (stream.as_airbyte_stream() for stream in SourceContactSync().streams(both)):
        ((key,),) = one.source_defined_primary_key
        found["source-contact-sync", one.name] = [key, *(one.default_cursor_field or [""])]
    with ExitStack() as stack:
        for name, destination, config in (
            ("destination-sage100", DestinationSage100(), sage100),
            ("destination-ssm", DestinationSsm(), owned),
        ):
            writers = stack.enter_context(destination.writers(config))
            found |= {(name, stream): [writer.id_field, ""] for stream, writer in writers.items()}
    return found


def test_the_streams_are_those_of_the_connectors_with_their_keys_and_cursors(streams):
    assert {
        (row[0].strip("`"), row[1].strip("`")): [cell.strip("`") for cell in row[2:]] for row in table("Streams")
    } == streams


def test_the_sync_modes_of_the_destinations_are_those_that_they_take():
    modes = {mode.value for mode in DestinationSage100().spec(LOGGER).supported_destination_sync_modes}

    assert modes == {"append", "append_dedup"}
    assert "sync modes `append` and `append_dedup`" in section(PAGE, "Streams")


def test_the_record_instructions_are_those_that_destinations_obey():
    known = {request.DELETED_AT, request.CREATE, request.SET, request.EXPECTED, request.COMPANY}

    assert {codes(row[0])[0] for row in table("Record instructions")} == known


def test_a_receipt_in_the_log_has_the_keys_outcomes_and_causes_that_the_page_lists(caplog):
    refused = Receipt(
        0, "contacts", Action.UPDATE, Outcome.REFUSED, 7, cause=Cause.MALFORMED, field="cbMarq", detail="…"
    )
    with caplog.at_level(logging.DEBUG, "airbyte"):
        reporting._log(refused)
    meanings = {codes(row[0])[0]: set(codes(row[1])) for row in table("Receipts")}

    assert set(json.loads(caplog.messages[0])) == set(meanings)
    assert meanings["receipt"] - {"_expected"} == set(Outcome)
    assert meanings["cause"] == set(Cause)
    assert meanings["action"] == set(Action)


# --- JSON


NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CLAIRE = Subject("CARAT", 12, 340, "Claire Morel")
LINK = Link(12, 7, 340, "CARAT", "Claire Morel", Side.SAGE100, {"last_name": ValuePair("Morel", "Morel")})
COUNTS = Counts(read=80, created=1)
RUN = RunReport(
    "4f0c",
    NOON,
    NOON,
    RunStatus.DONE,
    Exit.DONE,
    COUNTS,
    COUNTS,
    11,
    79,
    1,
    0,
    2,
    1,
    postponed=4,
    companies_left=120,
    too_fast=TooFast(9, 3.1),
    one_way=OneWay(Reason.SETTING, 2),
    whole_read=WholeRead(NOON, is_first=True),
)
PAST_RUN = RunRow("4f0c", NOON, NOON, RunStatus.DONE, RUN.counts(), 0)
PLAN = PlanReport(
    [PlannedWrite(Action.UPDATE, CLAIRE, {"email": Change("a", "b")})],
    [],
    [PlannedWrite(Action.DELETE, CLAIRE, {}, "deletion_guard")],
    one_way=OneWay(Reason.SETTING, 2),
)
ENTRY = JournalEntry(7, Entry(CLAIRE, ValueTooLong(69, 80), field="email", ssm_value="…"), NOON, NOON)
OF_SEVERAL = JournalEntry(
    8,
    Entry(CLAIRE, ValueUnknown("Zouave", Side.SSM), "job_title", "Zouave").about(CLAIRE, Subject("CARAT", 13, 341)),
    NOON,
    NOON,
)
PERSON = StoredPerson(
    frozenset({12}),
    frozenset({340}),
    frozenset({"Claire Morel"}),
    (LINK,),
    frozenset(),
    frozenset(),
    (),
    (),
    (LivesOn(Side.SAGE100, 12, "CARAT"),),
)
WRITTEN = WriteRecord(
    "4f0c", NOON, Side.SSM, WriteAction.UPDATE, CLAIRE, {"email": Change("a", "b")}, is_confirmed=True, id=7
)
DATA = PersonalData(
    replace(PERSON, observed=({"lastName": "Morel"},)),
    (),
    (ENTRY,),
    (Intent(Side.SSM, 12),),
    (Decision(Choice.DIFFERENT, "marie", NOON, sage100_id=12, ssm_id=399),),
)
FOUND = Found(
    CLAIRE,
    Standing.SYNCHRONISED,
    company_name="Carat",
    link=LINK,
    synchronised_since=NOON,
    cards={Side.SAGE100: {"last_name": "Morel"}, Side.SSM: {"last_name": "Morel"}},
    writes=(WRITTEN,),
)
SCHEDULE = Schedule(NOON, timedelta(minutes=15))
_READ = worlds.mapper().read
CANDIDATES = Candidates(
    Verdict.PROBABLE, ("email",), [_READ(Side.SAGE100, worlds.sage_row())], [_READ(Side.SSM, worlds.ssm_row())], 12
)
TWO_ORIGINS = LinkCounts({(LinkStatus.ACTIVE, Side.SAGE100): 1, (LinkStatus.ACTIVE, Side.SSM): 1})
STATUS = StatusReport(NOON, PAST_RUN, SCHEDULE, (ENTRY,), TWO_ORIGINS)
SHAPES = {
    "`run --json`": RUN.as_json(),
    "`retry --json`": json_shapes.retry(
        RUN, Retried((CLAIRE,), Became.WAITING, ((Side.SSM, Action.UPDATE),), (ENTRY,)), "en"
    ),
    "`plan --json`": PLAN.as_json(),
    "`match --json`": json_shapes.match([CANDIDATES]),
    "`problems --json` and `journal --json`": json_shapes.journal([OF_SEVERAL], "en"),
    "`journal --writes --json`": json_shapes.writes([WRITTEN]),
    "`problems --totals --json`": json_shapes.problem_totals([OF_SEVERAL], "en"),
    "`backup --json`": json_shapes.backup(Backup(Path("copy.db"), 98304, {"links": 79})),
    "`export --json`": json_shapes.export(DATA, NOON, "en"),
    "`forget --json`": json_shapes.forget([FOUND], PERSON, forgotten=True, is_erased=True),
    "`links --json`": [json_shapes.link(LINK)],
    "`status --json`": json_shapes.status(STATUS),
    "`explain --json`": json_shapes.explain([FOUND], "en"),
    "`check --json`": json_shapes.check([Finding(Level.MEND, "columns_missing", Side.SAGE100, "…", "…")]),
    "`probe --json`": json_shapes.probe([ProbeAnswer(Side.SSM, 4, "obeyed", "…", "…", {"ssm": {"page_size": 200}})]),
}


def keys(value):
    """The keys of a JSON value, at every depth; what a site fills with its own fields is left open."""
    if isinstance(value, Mapping):
        return {name: "any" if name == "fields" else keys(inner) for name, inner in value.items()}
    return [keys(value[0])] if isinstance(value, list) and value else None


@pytest.mark.parametrize("title", SHAPES)
def test_a_json_shape_has_the_keys_that_the_command_prints(title):
    (example,) = blocks(section(PAGE, title), "json")

    assert keys(json.loads(example)) == keys(json.loads(json.dumps(SHAPES[title])))


def test_every_command_that_prints_json_has_its_shape_on_the_page():
    commands = {name for name, command in COMMANDS.items() if "--json" in options(command)}

    assert {code.split()[0] for title in SHAPES for code in codes(title)} == commands


def test_the_words_of_a_shape_are_those_that_there_are():
    def listed(title):
        return set(codes(section(PAGE, title).partition("```")[0]))

    assert {*RunStatus} - {RunStatus.RUNNING} <= listed("`run --json`")
    assert {*Became} <= listed("`retry --json`")
    assert {*Action} <= listed("`plan --json`")
    assert {LinkStatus.ACTIVE, LinkStatus.ASLEEP} <= listed("`links --json`")
    assert {*Level} <= listed("`check --json`")


def test_the_metrics_have_the_names_and_labels_that_the_page_lists():
    found = {}
    for family in text_string_to_metric_families(metrics(STATUS, "BIJOU")):
        found |= {sample.name: set(sample.labels) - {"company"} for sample in family.samples}

    assert {codes(row[0])[0]: set(codes(row[1])) for row in table("`status --metrics`")} == found


# --- the flow


@pytest.mark.parametrize("flow", [sync_contacts, housekeeping, weekly_digest, airbyte_sync], ids=lambda flow: flow.name)
def test_the_flows_have_the_names_and_parameters_that_the_page_lists(flow):
    meanings = {codes(row[0])[0]: set(codes(row[1])) for row in table("The Prefect flows")}

    assert meanings[flow.name] - {"block:NAME"} == set(flow.parameters.properties)


def test_the_blocks_have_the_names_that_the_page_lists():
    named = {codes(row[0])[0] for row in table("The Prefect flows")}

    assert {block._block_type_slug for block in (SynchronisationSettings, AirbyteApplication)} <= named
