"""One pydantic model gives the form that Airbyte shows and the secrets that its CDK masks."""

from collections.abc import Mapping
from typing import Annotated, Literal

import jsonschema
import pytest
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets
from pydantic import BaseModel, Field, SecretStr, ValidationError

from sage100_ssm.connectors.spec import connection_specification, invalid_fields


class Plain(BaseModel):
    kind: Literal["plain"]
    path: str


class Secret(BaseModel):
    kind: Literal["secret"]
    token: SecretStr
    second_token: SecretStr | None = None


class Inner(BaseModel):
    depth: int = 3


class Config(BaseModel):
    name: str = Field(
        title="Name",
        description="A name.",
        examples=["x"],
        pattern="^x",
        json_schema_extra={"pattern_descriptor": "an x first"},
    )
    choice: Annotated[Plain | Secret, Field(discriminator="kind", title="Choice")]
    inner: Inner = Inner()
    names: Mapping[str, str] = {}
    limit: int | None = Field(default=None, ge=1, title="Limit", json_schema_extra={"order": 40})


SPEC = connection_specification(Config)
SECRETS = {"name": "x", "choice": {"kind": "secret", "token": "t0ken", "second_token": "sec0nd"}}


def test_a_field_keeps_title_description_examples_and_pattern():
    assert SPEC["properties"]["name"] == {
        "type": "string",
        "title": "Name",
        "description": "A name.",
        "examples": ["x"],
        "pattern": "^x",
        "pattern_descriptor": "an x first",
        "order": 0,
    }


def test_a_choice_is_one_of_its_options_told_apart_by_a_constant():
    choice = SPEC["properties"]["choice"]
    assert choice["type"] == "object"
    assert "anyOf" not in choice
    assert [option["properties"]["kind"]["const"] for option in choice["oneOf"]] == ["plain", "secret"]
    assert all("kind" in option["required"] for option in choice["oneOf"])


def test_an_optional_field_loses_its_null_and_keeps_the_order_it_asks_for():
    assert SPEC["properties"]["limit"] == {"type": "integer", "minimum": 1, "title": "Limit", "order": 40}


def test_a_mapping_is_kept_out_of_the_form_which_would_empty_it():
    assert (SPEC["properties"]["names"]["airbyte_hidden"], SPEC["properties"]["names"]["type"]) == (True, ["object"])
    assert jsonschema.Draft7Validator(SPEC).is_valid(SECRETS | {"names": {"from": "to"}})
    assert not jsonschema.Draft7Validator(SPEC).is_valid(SECRETS | {"names": "from to"})


def test_no_reference_and_no_definition_is_left():
    assert "$ref" not in str(SPEC)
    assert "$defs" not in str(SPEC)


def test_objects_leave_room_for_settings_of_other_versions():
    assert SPEC["additionalProperties"] is True
    assert SPEC["properties"]["inner"]["additionalProperties"] is True
    assert all(option["additionalProperties"] is True for option in SPEC["properties"]["choice"]["oneOf"])


def test_the_cdk_finds_every_secret_optional_ones_and_those_of_a_choice_included():
    assert sorted(get_secrets(SPEC, SECRETS)) == ["sec0nd", "t0ken"]


@pytest.mark.parametrize(
    ("config", "valid"),
    [
        (SECRETS, True),
        ({"name": "x", "choice": {"kind": "plain", "path": "p"}, "limit": 2, "of_another_version": 1}, True),
        ({"name": "y", "choice": {"kind": "plain", "path": "p"}}, False),
        ({"name": "x", "choice": {"kind": "neither"}}, False),
        ({"name": "x", "choice": {"kind": "plain"}}, False),
        ({"name": "x"}, False),
    ],
)
def test_a_configuration_is_judged_by_the_specification_as_by_the_model(config, valid):
    validator = jsonschema.Draft7Validator(SPEC)
    assert validator.is_valid(config) is valid
    if valid:
        Config.model_validate(config)
    else:
        with pytest.raises(ValidationError):
            Config.model_validate(config)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"choice": SECRETS["choice"]}, "name: is missing"),
        ({**SECRETS, "name": "hush-hush"}, "name: must be of this form: an x first"),
        ({**SECRETS, "choice": {"kind": "secret", "token": ["t0ken"]}}, "choice.token: must be a text"),
        ({**SECRETS, "choice": {"kind": "hush"}}, "choice: must be of one of the kinds plain, secret"),
        ({**SECRETS, "choice": {"token": "t0ken"}}, "choice: must be of one of the kinds plain, secret"),
        ({**SECRETS, "choice": "plain"}, "choice: must be an object"),
        ({**SECRETS, "limit": "s3cret"}, "limit: must be a whole number"),
        ({**SECRETS, "limit": 1.5}, "limit: must be a whole number"),
        ({**SECRETS, "limit": 0}, "limit: must be greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_told_by_the_name_of_the_setting_and_without_the_value(config, told):
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(config)
    assert invalid_fields(caught.value, SPEC) == told
