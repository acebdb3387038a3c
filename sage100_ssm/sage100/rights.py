"""The rights that the product needs on a company database, and those that it should not have.

``sql/grant.sql`` grants the former and nothing else.
"""

from dataclasses import dataclass

SCHEMA = "dbo"


@dataclass(frozen=True, slots=True)
class Right:
    """A right on a table."""

    name: str
    table: str

    def __str__(self) -> str:
        return f"{self.name} on {self.table}"


TO_READ = (Right("SELECT", "F_COMPTET"), Right("SELECT", "F_CONTACTT"))
TO_WRITE = tuple(Right(name, "F_CONTACTT") for name in ("INSERT", "UPDATE", "DELETE"))
LISTS = (Right("SELECT", "P_SERVICECPTA"), Right("SELECT", "P_CONTACT"))
"""For the streams `services` and `contact_types`; the synchronisation does not need them."""

NEEDLESS = (
    *(Right(name, "F_COMPTET") for name in ("INSERT", "UPDATE", "DELETE")),
    Right("ALTER", "F_CONTACTT"),
    Right("CONTROL", "F_CONTACTT"),
)
NEEDLESS_DATABASE_ROLES = ("db_owner", "db_datawriter", "db_ddladmin", "db_securityadmin")
NEEDLESS_SERVER_ROLE = "sysadmin"
