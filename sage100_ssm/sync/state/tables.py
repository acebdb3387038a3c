"""The tables of the state. ``migrations/`` creates and changes them in a database; a test compares the two."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    bindparam,
    column,
)
from sqlalchemy.types import TypeDecorator

from sage100_ssm.sync.state import ascii_json

VERSION_TABLE = "state_version"
"""Where Alembic stores the version. Not its default name: the database may have other tables, with an Alembic too."""

VERSION = "0010"
"""The version of the tables below: that of the newest migration. A state of this version opens without Alembic."""

metadata = MetaData()


class UtcText(TypeDecorator[datetime]):
    """An aware time as ISO 8601 text in UTC, which sorts as time does and is the same in every database."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Write a time.

        Raises:
            ValueError: it has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time in the state needs a zone")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's
        """Read a time back, aware."""
        return None if value is None else datetime.fromisoformat(value)


class JsonText(TypeDecorator[Any]):
    """Any JSON value as ASCII text, in which every database stores what a side may send: a NUL, a lone surrogate."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Write a value; None as NULL, so that a search for None finds it."""
        return None if value is None else ascii_json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's
        """Read a value back."""
        return None if value is None else ascii_json.loads(value)


class Readable(TypeDecorator[str]):
    """A name for people to read, without what a database or a terminal refuses: NUL, lone surrogates."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Write a name."""
        return None if value is None else value.encode(errors="replace").decode().replace("\0", "")


lease = Table(
    "lease",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("owner", Text),
    Column("expires_at", UtcText),
)
"""One row, inserted by the first migration, so that there is always a row to lock."""

links = Table(
    "links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sage100_id", BigInteger, nullable=False),
    Column("sage100_no", BigInteger),
    Column("ssm_id", BigInteger, nullable=False),
    Column("company", Readable, nullable=False),
    Column("contact", Readable, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("base", Text, nullable=False),
    Column("sage100_stamp", Text),
    Column("ssm_stamp", Text),
    Column("status", String(16), nullable=False),
    Column("reason", String(64)),
    Column("unconfirmed", Text),
    Column("unmapped_digest", String(16)),
    Column("sage100_created", Text),
    Column("ended_at", UtcText),
    Column("forgotten_at", UtcText),
    Column("linked_at", UtcText),
)


# Part of the statement, not a parameter: SQLite uses a partial index only where it sees the index's condition.
_ENDED = bindparam("ended", "ended", type_=String, literal_execute=True)

is_live = links.c.status != _ENDED
"""The links that have not ended; the indexes below have the same condition, and are used for it."""

is_ended_and_kept = and_(links.c.status == _ENDED, links.c.forgotten_at.is_(None))
"""The ended links that still have names and values (P17), with an index of the same condition."""


def _unique_among_live_links(name: str) -> Index:
    live = column("status") != "ended"
    return Index(f"links_living_{name}", links.c[name], unique=True, sqlite_where=live, postgresql_where=live)


_unique_among_live_links("sage100_id")
_unique_among_live_links("ssm_id")

Index(
    "links_live",
    links.c.status,
    links.c.origin,
    sqlite_where=column("status") != "ended",
    postgresql_where=column("status") != "ended",
)

_is_numbered = and_(column("status") != "ended", column("sage100_no").is_not(None))
Index("links_living_number", links.c.sage100_no, sqlite_where=_is_numbered, postgresql_where=_is_numbered)

Index(
    "links_ended",
    links.c.ssm_id,
    links.c.ended_at,
    sqlite_where=and_(links.c.status == "ended", links.c.forgotten_at.is_(None)),
    postgresql_where=and_(links.c.status == "ended", links.c.forgotten_at.is_(None)),
)

intents = Table(
    "intents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("side", String(16), nullable=False),
    Column("source_id", BigInteger, nullable=False),
    Column("ext_id", Text),
    Column("sage100_no", BigInteger),
    Column("names", JsonText),
    Column("base", Text),
    Column("target_id", BigInteger),
    Column("begun_at", UtcText),
)

observations = Table(
    "observations",
    metadata,
    Column("stream", String(64), primary_key=True),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("data", JsonText, nullable=False),
    Column("account_id", BigInteger),
    Column("company", Text),
    Column("named", BigInteger),
    Column("is_live", Boolean),
)
"""The rows of SSM, with what they are looked up by: account, company, the ``cbMarq`` that the ``extId`` names."""

for name in ("account_id", "company", "named"):
    indexed = column(name).is_not(None)
    # The stream first: SQLite would else take all rows of the stream by the primary key, however few it looks for.
    columns = (observations.c.stream, observations.c[name])
    Index(f"observations_{name}", *columns, sqlite_where=indexed, postgresql_where=indexed)

companies = Table(
    "companies",
    metadata,
    Column("company", Text, primary_key=True),
    Column("digest", BigInteger),
)
"""The companies of both sides, with a digest of what Sage showed when a run had nothing to do about their contacts."""

facts = Table(
    "facts",
    metadata,
    Column("key", String(128), primary_key=True),
    Column("value", JsonText),
)

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("code", String(64), nullable=False),
    Column("rule", String(8)),
    Column("company", Readable),
    Column("sage100_id", BigInteger),
    Column("ssm_id", BigInteger),
    Column("contact", Readable),
    Column("field", Text),
    Column("sage100_value", JsonText),
    Column("ssm_value", JsonText),
    Column("details", JsonText, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("first_seen", UtcText, nullable=False),
    Column("last_seen", UtcText, nullable=False),
    Column("count", Integer, nullable=False),
    Column("closed_at", UtcText),
    Column("tries", Integer, nullable=False),
    Column("next_try_at", UtcText),
    Column("fingerprint", Text),
    Column("settled_at", UtcText),
    Column("forgotten_at", UtcText),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("problem_id", Integer),
    Column("choice", String(16), nullable=False),
    Column("sage100_id", BigInteger),
    Column("ssm_id", BigInteger),
    Column("field", Text),
    Column("sage100_value", JsonText),
    Column("ssm_value", JsonText),
    Column("fingerprint", String(16)),
    Column("decided_by", Readable, nullable=False),
    Column("decided_at", UtcText, nullable=False),
    Column("taken_back_at", UtcText),
)

PENDING_NOTICE = "announced"
"""The ``kind`` of a notice whose write has no receipt yet."""

is_open_problem = and_(journal.c.kind == "problem", journal.c.closed_at.is_(None))
"""The rows that are problems and not closed. The index below has the same condition, and is used for it."""

Index("journal_standing", journal.c.id, sqlite_where=is_open_problem, postgresql_where=is_open_problem)
is_settled_and_kept = and_(journal.c.settled_at.is_not(None), journal.c.forgotten_at.is_(None))
"""The closed problems and the notices that still have names and values (P17), with an index of the same condition."""

Index("journal_settled", journal.c.settled_at, sqlite_where=is_settled_and_kept, postgresql_where=is_settled_and_kept)
Index("journal_sage100_id", journal.c.sage100_id)
Index("journal_ssm_id", journal.c.ssm_id)
Index("journal_run_id", journal.c.run_id)

writes = Table(
    "writes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", String(64), nullable=False),
    Column("at", UtcText, nullable=False),
    Column("is_confirmed", Boolean, nullable=False),
    Column("side", String(16), nullable=False),
    Column("action", String(16), nullable=False),
    Column("company", Readable),
    Column("sage100_id", BigInteger),
    Column("ssm_id", BigInteger),
    Column("contact", Readable),
    Column("changes", JsonText, nullable=False),
    Column("undo", JsonText),
)
"""What was written on the sides: one row per write; one that is not confirmed has no receipt yet."""

Index("writes_at", writes.c.at)
Index("writes_sage100_id", writes.c.sage100_id)
Index("writes_ssm_id", writes.c.ssm_id)
Index("writes_run_id", writes.c.run_id)
is_to_undo = writes.c.undo.is_not(None)
"""The writes of which a person asked fields back, with an index of the same condition."""

Index("writes_to_undo", writes.c.id, sqlite_where=is_to_undo, postgresql_where=is_to_undo)
is_in_doubt = writes.c.is_confirmed.is_(False)
"""The writes whose outcome is not known, with an index of the same condition."""

Index("writes_in_doubt", writes.c.id, sqlite_where=is_in_doubt, postgresql_where=is_in_doubt)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("started_at", UtcText, nullable=False),
    Column("finished_at", UtcText),
    Column("status", String(16), nullable=False),
    Column("counts", JsonText, nullable=False),
    Column("exit_code", Integer),
    Column("number", Integer),
)

Index("runs_started_at", runs.c.started_at)
Index("runs_number", runs.c.number)
