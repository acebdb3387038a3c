"""How to reach a Sage 100 company database."""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

COMPANY_NAME = r"^[^:\s]([^:]*[^:\s])?$"
"""What the name of a company database looks like: the parts of an ``extId`` are separated by colons."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # unknown; a folder of the zone data; not even a name
        raise ValueError("no such time zone") from error
    return name


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class SqlServer(_Settings):
    """The SQL Server that holds the company's database, by its name or address."""

    model_config = ConfigDict(title="SQL Server")

    kind: Literal["sqlserver"] = Field(title="Kind")
    host: str = Field(
        title="Server",
        description="Name or address of the machine that SQL Server runs on, without the instance: where Sage "
        "shows SRV-SAGE\\SAGE100, it is SRV-SAGE.",
        # Without a port, a protocol or an instance; an IPv6 address has more than one colon.
        pattern=r"^([^\\,;/\s:]+|[^\\,;/\s:]*:[^\\,;/\s:]*:[^\\,;/\s]*)$",
        examples=["SRV-SAGE", "192.168.1.10"],
        json_schema_extra={"pattern_descriptor": "SRV-SAGE, without instance or port"},
    )
    instance: str | None = Field(
        default=None,
        title="Instance",
        description="Name of the instance, if it has one: where Sage shows SRV-SAGE\\SAGE100, it is SAGE100. "
        "Leave it empty where you give a port.",
        min_length=1,
        examples=["SAGE100"],
        json_schema_extra={"always_show": True},
    )
    port: int | None = Field(
        default=None,
        title="Port",
        description="TCP port, 1433 unless given. Leave it empty where you give an instance.",
        ge=1,
        le=65535,
        examples=[1433],
        json_schema_extra={"always_show": True},
    )
    database: str = Field(
        title="Database",
        description="The company's database on that server, as a rule named as the company file: BIJOU for Bijou.gcm.",
        min_length=1,
        examples=["BIJOU"],
    )
    username: str | None = Field(
        default=None,
        title="User name",
        description="SQL Server login. Leave it empty for Windows authentication, as the account that the connector "
        "runs under.",
        examples=["sync"],
        json_schema_extra={"always_show": True},
    )
    password: SecretStr | None = Field(
        default=None, title="Password", description="Password of that login.", json_schema_extra={"always_show": True}
    )
    trust_server_certificate: bool = Field(
        default=False,
        title="Trust the server's certificate",
        description="Accept a certificate that no known authority signed, such as the one that SQL Server makes for "
        "itself when it is installed.",
        json_schema_extra={"always_show": True},
    )
    encrypt: bool = Field(
        default=True,
        title="Encrypt",
        description="Encrypt the connection. Turn it off only for a server that cannot, in a network that you trust.",
    )
    host_name_in_certificate: str | None = Field(
        default=None,
        title="Name in the certificate",
        description="Name that the server's certificate is made out to, where it is another one than the server's. "
        "Microsoft's ODBC driver 18 and later.",
        min_length=1,
        examples=["srv-sage.example.com"],
    )
    driver: str = Field(
        default="ODBC Driver 18 for SQL Server",
        title="ODBC driver",
        description="Name of the ODBC driver, as it is installed where the connector runs. Our images have FreeTDS, "
        "and Microsoft's driver where it was added.",
        min_length=1,
        examples=["ODBC Driver 18 for SQL Server", "FreeTDS"],
    )

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if self.port is not None and self.instance is not None:
            raise ValueError("give a port or an instance, not both")
        return self


class Odbc(_Settings):
    """Any other way to the company's database that ODBC knows, such as a DSN."""

    model_config = ConfigDict(title="ODBC connection string")

    kind: Literal["odbc"] = Field(title="Kind")
    connection_string: SecretStr = Field(
        title="Connection string",
        description="ODBC connection string to the company's database, login and password included.",
        min_length=1,
        examples=["DSN=BIJOU;UID=sync;PWD=…"],
    )


class Sqlite(_Settings):
    """A SQLite file with Sage's tables, to try the connector without a Sage."""

    model_config = ConfigDict(title="Sample database (SQLite)")

    kind: Literal["sqlite"] = Field(title="Kind")
    path: str = Field(
        title="File",
        description="Path of an existing database file, as the connector sees it.",
        min_length=1,
        examples=["/local/bijou.db"],
    )


Connection = Annotated[SqlServer | Odbc | Sqlite, Field(discriminator="kind")]


class Sage100Config(_Settings):
    """The settings of both Sage 100 connectors."""

    model_config = ConfigDict(
        title="Sage 100",
        json_schema_extra={
            "groups": [
                {"id": "company", "title": "Company"},
                {"id": "connection", "title": "Connection"},
                {"id": "map", "title": "Mapping from the source"},
                {"id": "refused", "title": "Refused records"},
                {"id": "advanced", "title": "Advanced"},
            ]
        },
    )

    company: str = Field(
        title="Company",
        description="A name for the company, as a rule that of its database. It is part of the keys under which "
        "contacts are known elsewhere: never change it later.",
        pattern=COMPANY_NAME,
        examples=["BIJOU"],
        json_schema_extra={"group": "company", "pattern_descriptor": "BIJOU, without a colon"},
    )
    connection: Connection = Field(
        title="Connection",
        description="How the company's database is reached.",
        json_schema_extra={"group": "connection", "display_type": "dropdown"},
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="Europe/Paris",
        title="Time zone",
        description="Time zone of the server's clock, by which Sage stamps its changes (IANA name).",
        examples=["Europe/Paris", "Indian/Reunion"],
        json_schema_extra={"group": "company"},
    )
