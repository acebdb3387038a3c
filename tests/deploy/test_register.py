"""Registering the connectors with Airbyte, against an imitation of its API."""

import importlib.util
import inspect
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sage100_ssm import DOCUMENTATION, __version__
from tests.support.airbyte_api import CLIENT_ID, CLIENT_SECRET, AirbyteApi

SCRIPT = Path(__file__).parents[2] / "deploy" / "register.py"


@pytest.fixture(scope="module")
def register():
    spec = importlib.util.spec_from_file_location("register", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def api():
    with AirbyteApi() as api:
        yield api


@pytest.fixture
def run(register, api):
    app = typer.Typer()
    app.command()(register.main)

    def called(*more, key=CLIENT_SECRET, url=None):
        arguments = ["--url", url or api.url, "--workspace", "w1", "--registry", "registry.example.com/", *more]
        keys = {"AIRBYTE_CLIENT_ID": CLIENT_ID, "AIRBYTE_CLIENT_SECRET": key}
        return CliRunner().invoke(app, arguments, env=keys)

    return called


@pytest.mark.parametrize("registry", ["registry.example.com/", "registry.example.com"])
def test_all_are_registered_each_among_its_kind_and_once(api, run, registry):
    assert run("--registry", registry).exit_code == 0
    images = {kind: {one["dockerRepository"] for one in known} for kind, known in api.definitions.items()}
    prefix = "registry.example.com/sage100-ssm"
    assert images == {
        "sources": {f"{prefix}/source-sage100", f"{prefix}/source-ssm", f"{prefix}/source-contact-sync"},
        "destinations": {f"{prefix}/destination-sage100", f"{prefix}/destination-ssm"},
    }
    pages = {one["documentationUrl"] for known in api.definitions.values() for one in known}
    assert pages == {
        f"{DOCUMENTATION}/connectors/{image.partition('/sage100-ssm/')[2]}" for image in set().union(*images.values())
    }
    assert run().output.count("already registered\n") == 5


def test_an_older_version_is_updated_to_this_one(api, run):
    run()
    for known in api.definitions.values():
        for one in known:
            one["dockerImageTag"] = "0.0.9"
    assert run().output.count("updated from 0.0.9") == 5
    assert "0.0.9" not in json.dumps(api.definitions)
    assert len(api.definitions["sources"]) == 3


def test_another_name_is_updated_and_a_page_that_airbytes_api_cannot_change_is_reported(api, run):
    run()
    api.definitions["sources"][0] |= {"name": "Sage", "documentationUrl": "https://old.example/page"}
    line, *others = run().output.splitlines()
    assert line.endswith(": updated from Sage; its page stays https://old.example/page")
    assert api.definitions["sources"][0]["name"] == "Sage 100"
    assert all(other.endswith(": already registered") for other in others)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (
            (
                422,
                {"title": "unprocessable", "detail": "The image cannot be used.", "data": {"message": "no such tag"}},
            ),
            "HTTP 422: The image cannot be used. (no such tag)",
        ),
        ((500, {"message": "Get Spec job failed."}), "HTTP 500: Get Spec job failed."),
        ((400, {"title": "value-not-found", "data": None}), "HTTP 400: value-not-found"),
        ((504, b"<html>Gateway</html>"), "HTTP 504: Gateway Timeout"),
    ],
    ids=["a problem of the public API", "an error of the inner API", "a title alone", "a proxy"],
)
def test_airbytes_reason_is_shown_and_the_other_connectors_are_registered(api, run, refusal, words):
    api.refusals["source-ssm"] = refusal
    outcome = run()
    assert outcome.exit_code == 2
    assert f"registry.example.com/sage100-ssm/source-ssm:{__version__}: Airbyte refuses it. {words}\n" in outcome.output
    assert outcome.output.count(": registered\n") == 4


def test_an_image_that_takes_too_long_is_reported_with_what_to_look_at(api, run):
    api.delay = 0.3
    outcome = run("--wait", "0.002")
    assert (outcome.exit_code, outcome.output.count("Can Airbyte pull the image?")) == (4, 5)


def test_by_default_a_registration_may_take_longer_than_airbyte_waits_for_a_specification(register):
    default = inspect.signature(register.main).parameters["wait"].default
    assert default > 9


def test_refused_keys_are_reported_and_not_shown(run):
    outcome = run(key="wr0ng-secret")
    assert (outcome.exit_code, "refuses the client ID" in outcome.output) == (2, True)
    assert "wr0ng-secret" not in outcome.output


def test_an_airbyte_that_does_not_answer_is_reported(run):
    outcome = run(url="http://127.0.0.1:1/api/public/v1")
    assert (outcome.exit_code, "could not be reached" in outcome.output) == (4, True)


def test_an_address_without_its_scheme_is_reported(run):
    outcome = run(url="127.0.0.1:8000/api/public/v1")
    assert (outcome.exit_code, "is not Airbyte’s public API" in outcome.output) == (2, True)
