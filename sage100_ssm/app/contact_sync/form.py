"""The configuration of ``source-contact-sync``: the settings of ``sync.yaml`` as Airbyte's form can ask for them.

The sides are the models of the settings themselves. What is nested there is flat here, because groups are for the top
level of a form alone; what is a mapping there is a list here, because a form has no input for keys of one's own.
"""

import re
from collections import Counter
from datetime import date, timedelta
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    field_validator,
    model_validator,
)
from sqlalchemy.exc import ArgumentError

from sage100_ssm.app.channels import Channel, Email, OtherService, Slack, Teams, Webhook
from sage100_ssm.app.settings import Sage100Settings, Settings, SsmSettings, known_country
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.messages import Language, say
from sage100_ssm.sync.contacts.companies import ContactScope, Scope
from sage100_ssm.sync.contacts.fields import Direction, FieldChange, FieldKind, FieldMapError, field_map
from sage100_ssm.sync.policy import (
    ConflictPolicy,
    DeletionLimit,
    Policy,
    PossibleDuplicates,
    RefusedDeletion,
    Retention,
    TooLong,
)
from sage100_ssm.sync.run.context import RunOptions
from sage100_ssm.sync.state.address import AtInPasswordError, parse_address

ModelT = TypeVar("ModelT", bound=BaseModel)

LONGEST_LIFT = timedelta(days=7)
"""How far ahead the date may be until which a guard is lifted: one that is forgotten there must not stay lifted."""

_FORM = "postgresql://user:password@server:5432/database"
_DEFAULTS = Settings.model_fields
_DAY: dict[str, JsonValue] = {
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "pattern_descriptor": "YYYY-MM-DD",
    "always_show": True,
}


def _address_of_postgresql(state: SecretStr) -> SecretStr:
    """The address with the driver that is installed.

    Raises:
        ValueError: it is the address of something else.
    """
    try:
        url = parse_address(state.get_secret_value().strip())
    except AtInPasswordError:
        raise ValueError(f"must be an address of this form: {_FORM}. An @ in the password is written %40") from None
    except ArgumentError:
        raise ValueError(f"must be an address of this form: {_FORM}") from None
    if url.drivername == "sqlite":
        raise ValueError(
            f"must be the address of a PostgreSQL database ({_FORM}). A SQLite file would be gone with the container "
            "that Airbyte starts for each sync, and with it all that the synchronisation knows"
        )
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg") or not url.database:
        raise ValueError(f"must be an address of this form: {_FORM}")
    return SecretStr(url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))


def _patterns_by_column(text: str) -> dict[str, str]:
    """The patterns of an entry of ``exclude_contacts``, by column.

    Example:
        ``N_Service=9 & CT_Fonction=WEB*`` is ``{"N_Service": "9", "CT_Fonction": "WEB*"}``.
    """
    # No commas between them: at one, Airbyte's input for a list of texts begins the next text.
    parts = [part.partition("=") for part in re.split(r"\s&\s", text)]
    patterns = {column.strip(): pattern.strip() for column, _, pattern in parts}
    if not all((*patterns, *patterns.values())):
        raise ValueError("must be of this form: N_Service=9 & CT_Fonction=WEB*")
    return patterns


def _exclusion(text: str) -> str:
    _patterns_by_column(text)
    return text


class NoMessages(BaseModel):
    """Nobody is sent a message; the log and the streams say everything."""

    model_config = ConfigDict(frozen=True, title="No messages")

    kind: Literal["none"] = Field(title="Kind")


Recipient = Annotated[NoMessages | Email | Teams | Slack | Webhook | OtherService, Field(discriminator="kind")]


class FieldLine(BaseModel):
    """A change of the field map."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, title="Field")

    field: str = Field(
        title="Field",
        description="Name of a standard field (last_name, first_name, job_title, phone, mobile, fax, email, civility, "
        "linkedin, skype), or a name of your own for a field that you add.",
        min_length=1,
        examples=["job_title", "assistant"],
    )
    sage100: str | None = Field(
        default=None,
        title="Column in Sage 100",
        description="Column of F_CONTACTT. Needed for a field of your own.",
        examples=["CT_Fonction"],
    )
    ssm: str | None = Field(
        default=None,
        title="Field in Sage Sales Management",
        description="Field of a contact there. Needed for a field of your own.",
        examples=["Z_fonction"],
    )
    kind: FieldKind | None = Field(
        default=None,
        title="Kind",
        description="How its values are compared and carried over: as a text unless given for a field of your own.",
    )
    direction: Direction | None = Field(
        default=None,
        title="Direction",
        description="Which way its changes go: both ways unless given. With none the field takes no part.",
    )
    conflict: ConflictPolicy | None = Field(
        default=None,
        title="Conflict",
        description="Who wins where it was changed on both sides, if this field differs from the others.",
    )


class LabelPair(BaseModel):
    """Two labels of one meaning."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, title="Label")

    field: str = Field(
        default="job_title", title="Field", description="The field of the labels.", examples=["job_title"]
    )
    sage100: str = Field(
        title="Text in Sage 100", description="The text as Sage 100 has it.", min_length=1, examples=["Dirigeant"]
    )
    ssm: str = Field(
        title="Label in Sage Sales Management",
        description="The label of the same meaning there.",
        min_length=1,
        examples=["CEO"],
    )


class ContactSyncConfig(SsmSettings, Sage100Settings):
    """Both sides, the rules of the synchronisation, and the database in which it remembers what it did."""

    model_config = ConfigDict(
        frozen=True,
        hide_input_in_errors=True,
        title="Contact synchronisation: each sync writes into Sage 100 and into Sage Sales Management",
        json_schema_extra={
            "groups": [
                {"id": "company", "title": "Sage 100: company"},
                {"id": "connection", "title": "Sage 100: connection"},
                {"id": "access", "title": "Sage Sales Management: access"},
                {"id": "new", "title": "Sage Sales Management: new records"},
                {"id": "state", "title": "State database"},
                {"id": "scope", "title": "Which contacts"},
                {"id": "rules", "title": "Rules"},
                {"id": "fields", "title": "Field map"},
                {"id": "guards", "title": "Guards"},
                {"id": "messages", "title": "Messages to the administrator"},
                {"id": "output", "title": "What the streams contain"},
                {"id": "retention", "title": "Retention"},
                {"id": "advanced", "title": "Advanced"},
            ]
        },
    )

    state: Annotated[SecretStr, AfterValidator(_address_of_postgresql)] = Field(
        title="State database",
        description="Address of the PostgreSQL database in which the synchronisation remembers which contacts belong "
        f"together: {_FORM}. It creates its tables there. The same database as that of any other run of this company, "
        "never one of its own beside it.",
        json_schema_extra={"group": "state"},
    )
    language: Language = Field(
        default=_DEFAULTS["language"].default,
        title="Language",
        description="Language of the log, of problems and of messages.",
        json_schema_extra={"group": "output"},
    )
    include_personal_data: bool = Field(
        default=False,
        title="Names and values of people",
        description="Whether records contain the names of contacts and the values of their fields. Without it they "
        "contain ids, company codes, field names, causes and figures. What is copied into a warehouse is not forgotten "
        "there when this synchronisation forgets it.",
        json_schema_extra={"group": "output"},
    )
    country: Annotated[str, AfterValidator(known_country)] = Field(
        default=_DEFAULTS["country"].default,
        title="Country",
        description="Country of phone numbers that are written without a prefix, two letters.",
        examples=["FR", "BE"],
        json_schema_extra={"group": "rules"},
    )
    prospects: bool = Field(
        default=Scope().prospects,
        title="Prospects",
        description="Whether the contacts of prospects take part, or those of clients alone.",
        json_schema_extra={"group": "scope"},
    )
    exclude: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=Scope().exclude,
        title="Companies to leave out",
        description="Company codes (CT_Num), in which a star stands for any characters and a question mark for one. "
        "Nothing is deleted anywhere because of it.",
        examples=["DIV*"],
        json_schema_extra={"group": "scope"},
    )
    exclude_contacts: tuple[Annotated[str, AfterValidator(_exclusion)], ...] = Field(
        default=(),
        title="Contacts to leave out",
        description='Patterns of columns of F_CONTACTT, such as N_Service=9. Of several in one entry, with " & " '
        "between them, all must match.",
        examples=["N_Service=9", "CT_Fonction=WEB*"],
        json_schema_extra={"group": "scope"},
    )
    conflict: ConflictPolicy = Field(
        default=Policy().conflict,
        title="Same field changed on both sides",
        description="Who wins: Sage 100, Sage Sales Management, the newest change, or a person (manual).",
        json_schema_extra={"group": "rules", "always_show": True},
    )
    refused_deletion: RefusedDeletion = Field(
        default=Policy().refused_deletion,
        title="Refused deletion",
        description="What becomes of a contact of Sage 100 that somebody deletes in Sage Sales Management: it is "
        "restored there, or left deleted.",
        json_schema_extra={"group": "rules"},
    )
    too_long: TooLong = Field(
        default=Policy().too_long,
        title="Text too long for Sage 100",
        description="Whether such a job title or free text is refused or cut. Names, numbers and addresses are never "
        "cut.",
        json_schema_extra={"group": "rules"},
    )
    missing_first_name: str | None = Field(
        default=Policy().missing_first_name,
        title="Missing first name",
        description="The first name that Sage Sales Management shows where Sage 100 has none; it is never written "
        "back. Leave it empty to have such contacts wait.",
        min_length=1,
        examples=["-"],
        json_schema_extra={"group": "rules"},
    )
    possible_duplicate: PossibleDuplicates = Field(
        default=Policy().possible_duplicate,
        title="Possible duplicates",
        description="Whether a person is asked about two contacts that are probably the same one, or both are created.",
        json_schema_extra={"group": "rules"},
    )
    fields: tuple[FieldLine, ...] = Field(
        default=(),
        title="Changes of the field map",
        description="One entry for each standard field that is to differ, and for each field that you add.",
        json_schema_extra={"group": "fields"},
    )
    labels: tuple[LabelPair, ...] = Field(
        default=(),
        title="Labels",
        description="Texts of Sage 100 that have another label in Sage Sales Management, one entry for each.",
        json_schema_extra={"group": "fields"},
    )
    max_deletions_ratio: float = Field(
        default=DeletionLimit().ratio,
        title="Deletions: share",
        description="A run stops and asks before it deletes more than this share of all linked contacts on a side, "
        "from 0 to 1, and more than the number below.",
        ge=0,
        le=1,
        examples=[0.1],
        json_schema_extra={"group": "guards"},
    )
    max_deletions_floor: int = Field(
        default=DeletionLimit().floor,
        title="Deletions: number",
        description="So many deletions are always carried out without asking.",
        ge=0,
        examples=[3],
        json_schema_extra={"group": "guards"},
    )
    allow_deletions_until: date | None = Field(
        default=None,
        title="Lift the deletion guard until",
        description="To carry out deletions that the guard held back, after looking at them: the last day of it, "
        "today as a rule and 7 days ahead at most. After that day the guard is back by itself.",
        examples=["2026-03-02"],
        json_schema_extra={"group": "guards", **_DAY},
    )
    allow_mass_change_until: date | None = Field(
        default=None,
        title="Lift the other guards until",
        description="The same for the guards against mass changes, an empty or restored side and a lost state.",
        examples=["2026-03-02"],
        json_schema_extra={"group": "guards", **_DAY},
    )
    notify: Recipient = Field(
        default=NoMessages(kind="none"),
        title="Recipient",
        description="Who gets a message when something needs a person: the synchronisation stopped, a guard tripped, "
        "contacts have been waiting for a day; and once a week what was done.",
        json_schema_extra={"group": "messages", "display_type": "dropdown"},
    )
    ended_links_days: int = Field(
        default=Retention().ended_links_days,
        title="Ended links",
        description="Days after which the names and values of a contact that is gone from both sides are forgotten.",
        ge=0,
        examples=[30],
        json_schema_extra={"group": "retention"},
    )
    journal_days: int = Field(
        default=Retention().journal_days,
        title="Journal",
        description="Days after which a closed problem, or a notice, loses names and values.",
        ge=0,
        examples=[365],
        json_schema_extra={"group": "retention"},
    )
    writes_days: int = Field(
        default=Retention().writes_days,
        title="Writes",
        description="Days for which the record of a write is kept.",
        ge=0,
        examples=[90],
        json_schema_extra={"group": "retention"},
    )
    time_budget_minutes: float = Field(
        default=_DEFAULTS["time_budget_minutes"].default,
        title="Time for a run",
        description="Minutes after which a run begins no further write; the next one goes on.",
        gt=0,
        examples=[14],
        json_schema_extra={"group": "advanced"},
    )

    @field_validator("labels")
    @classmethod
    def _one_label_for_a_text(cls, labels: tuple[LabelPair, ...]) -> tuple[LabelPair, ...]:
        for (field, text), number in Counter((one.field, one.sage100) for one in labels).items():
            if number > 1:
                raise ValueError(f"two entries are about one text of the field {field}: {text}")
        return labels

    @field_validator("fields")
    @classmethod
    def _one_line_for_a_field(cls, fields: tuple[FieldLine, ...]) -> tuple[FieldLine, ...]:
        for field, number in Counter(one.field for one in fields).items():
            if number > 1:
                raise ValueError(f"two entries are about the field {field}")
        return fields

    @model_validator(mode="after")
    def _fields_fit_the_map(self) -> Self:
        try:
            field_map(self.field_changes)
        except FieldMapError as error:
            sentence = say(f"setting_{error.reason}", "en", key=f"fields, {error.field}")
            raise ValueError(sentence.rstrip(".")) from None
        return self

    @property
    def field_changes(self) -> dict[str, FieldChange]:
        """The changes of the field map, by the field's name."""
        values: dict[str, dict[str, str]] = {}
        for pair in self.labels:
            values.setdefault(pair.field, {})[pair.sage100] = pair.ssm
        lines = {line.field: line for line in self.fields}
        return {
            name: FieldChange(
                **(lines[name].model_dump(exclude={"field"}) if name in lines else {}), values=values.get(name)
            )
            for name in {**lines, **values}
        }

    @property
    def settings(self) -> Settings:
        """The settings of the installation, as a settings file would have them."""
        recipients: tuple[Channel, ...] = () if isinstance(self.notify, NoMessages) else (self.notify,)
        return Settings(
            sage100=_part(self, Sage100Settings),
            ssm=_part(self, SsmSettings),
            state=self.state.get_secret_value(),
            language=self.language,
            country=self.country,
            scope=Scope(
                prospects=self.prospects,
                exclude=self.exclude,
                contacts=ContactScope(tuple(map(_patterns_by_column, self.exclude_contacts))),
            ),
            policy=Policy(
                conflict=self.conflict,
                refused_deletion=self.refused_deletion,
                too_long=self.too_long,
                missing_first_name=self.missing_first_name,
                possible_duplicate=self.possible_duplicate,
                max_deletions=DeletionLimit(self.max_deletions_ratio, self.max_deletions_floor),
            ),
            retention=Retention(self.ended_links_days, self.journal_days, self.writes_days),
            fields=self.field_changes,
            time_budget_minutes=self.time_budget_minutes,
            notify=recipients,
        )

    @property
    def _last_days(self) -> dict[str, date]:
        """The days until which guards are lifted, by their setting."""
        given = {
            "allow_deletions_until": self.allow_deletions_until,
            "allow_mass_change_until": self.allow_mass_change_until,
        }
        return {name: day for name, day in given.items() if day is not None}

    def expired_days(self, today: date) -> dict[str, date]:
        """Those of them that are over."""
        return {name: day for name, day in self._last_days.items() if day < today}

    def run_options(self, today: date) -> RunOptions:
        """Which guards are lifted on a day (P9).

        Raises:
            ConnectorError: a guard would be lifted for too long.
        """
        latest = today + LONGEST_LIFT
        for name, day in self._last_days.items():
            if day > latest:
                sentence = (
                    f"The configuration is wrong: {name}: {day} is more than {LONGEST_LIFT.days} days ahead. A guard "
                    f"is lifted for a few runs that somebody looks at: choose a day until {latest}."
                )
                raise ConnectorError("configuration", sentence, configuration=True)
        lifted = self._last_days.keys() - self.expired_days(today).keys()
        return RunOptions(
            allow_deletions="allow_deletions_until" in lifted, allow_mass_change="allow_mass_change_until" in lifted
        )


def _part(config: ContactSyncConfig, model: type[ModelT]) -> ModelT:
    """The settings of one side."""
    return model(**{name: getattr(config, name) for name in model.model_fields})
