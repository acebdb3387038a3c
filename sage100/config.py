"""How to reach a Sage 100 company database."""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # unknown; a folder of the zone data; not even a name
        raise ValueError("no such time zone") from error
    return name


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class SqlServer(_Settings):
    """A SQL Server, by its address."""

    model_config = ConfigDict(title="SQL Server")

    kind: Literal["sqlserver"] = Field(title="Kind")
    host: str = Field(
        title="Host", description="Name or address of the SQL Server.", min_length=1, examples=["SRV-SAGE"]
    )
    port: int | None = Field(
        default=None,
        title="Port",
        description="TCP port, 1433 unless given. Not together with an instance.",
        ge=1,
        le=65535,
        examples=[1433],
    )
    instance: str | None = Field(
        default=None,
        title="Instance",
        description="Name of a named instance, instead of a port.",
        min_length=1,
        examples=["SAGE100"],
    )
    database: str = Field(
        title="Database", description="Database of the company, as a rule its name.", min_length=1, examples=["BIJOU"]
    )
    username: str | None = Field(
        default=None, title="User name", description="SQL Server login. Without one: Windows authentication."
    )
    password: SecretStr | None = Field(default=None, title="Password", description="Password of the login.")
    driver: str = Field(
        default="ODBC Driver 18 for SQL Server",
        title="ODBC driver",
        description="Name of the ODBC driver installed.",
        min_length=1,
    )
    encrypt: bool = Field(default=True, title="Encrypt", description="Whether the connection is encrypted.")
    trust_server_certificate: bool = Field(
        default=False,
        title="Trust the server's certificate",
        description="Accept a certificate that no known authority signed, as SQL Server makes for itself.",
    )

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if self.port is not None and self.instance is not None:
            raise ValueError("give a port or an instance, not both")
        return self


class Odbc(_Settings):
    """A SQL Server, by an ODBC connection string."""

    model_config = ConfigDict(title="ODBC connection string")

    kind: Literal["odbc"] = Field(title="Kind")
    connection_string: SecretStr = Field(
        title="Connection string",
        description="ODBC connection string to the company's database, password included.",
        min_length=1,
        examples=["DSN=BIJOU;UID=sync;PWD=…"],
    )


class Sqlite(_Settings):
    """A SQLite file with Sage's tables."""

    model_config = ConfigDict(title="Sample database (SQLite)")

    kind: Literal["sqlite"] = Field(title="Kind")
    path: str = Field(
        title="Path", description="Path of an existing database file.", min_length=1, examples=["bijou.db"]
    )


Connection = Annotated[SqlServer | Odbc | Sqlite, Field(discriminator="kind")]


class Sage100Config(_Settings):
    """The settings of both Sage 100 connectors."""

    model_config = ConfigDict(title="Sage 100")

    company: str = Field(
        title="Company database",
        description="Name of the company database; part of every key.",
        pattern=r"^[^:\s]([^:]*[^:\s])?$",
        examples=["BIJOU"],
    )
    connection: Connection = Field(title="Connection", description="Where the company's database is.")
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="Europe/Paris",
        title="Time zone",
        description="Time zone of the server's clock (IANA name).",
        examples=["Europe/Paris"],
    )
