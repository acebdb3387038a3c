"""A server that speaks TDS on loopback, for tests: databases in memory, one thread a client, faults on order.

    with TdsServer() as server:
        server.databases["BIJOU"] = Database("BIJOU")
        pyodbc.connect(f"DRIVER={{…}};SERVER=127.0.0.1,{server.port};DATABASE=BIJOU;UID=sync;PWD=p4ss;Encrypt=no")

It has no TLS: clients say ``Encrypt=no`` (or ``optional``).
"""

import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from sage100_ssm.standins.sql_server import tokens
from sage100_ssm.standins.sql_server.database import Database
from sage100_ssm.standins.sql_server.errors import SqlError, native
from sage100_ssm.standins.sql_server.locks import Locks
from sage100_ssm.standins.sql_server.session import Session, declared
from sage100_ssm.standins.sql_server.sqltypes import SqlType, received, type_named
from sage100_ssm.standins.sql_server.wire import Channel, Closed, Kind, Reader

_BEGIN, _COMMIT, _ROLLBACK = 5, 7, 8
_BEGIN_ANOTHER = 0x01
_BY_NUMBER = 0xFFFF
_SEPARATORS = {0x80, 0xFF}
_EXECUTESQL, _PREPEXEC = 10, 13
_FIRST_PROCESS = 51


class Attention(Exception):  # noqa: N818 - an end, no error
    """The client does not want to wait any longer."""


@dataclass
class Fault:
    """Something that goes wrong with the next statement that fits.

    Attributes:
        pattern: found in the statement's text, whatever the case.
        error: what is told instead of carrying it out; without one the connection is cut.
        after: whether the statement is carried out first.
        times: how often.
    """

    pattern: str
    error: SqlError | None = None
    after: bool = False
    times: int = 1


@dataclass
class TdsServer:
    """The server.

    Attributes:
        databases: by name, in upper case.
        logins: passwords by user.
        messages: sys.messages, by number.
        faults: what is to go wrong.
        said: the text of each statement that came, in order.
    """

    databases: dict[str, Database] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=lambda: {"sync": "p4ss"})
    messages: dict[int, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    port: int = 0
    locks: Locks = field(default_factory=Locks)
    clients: "list[_Client]" = field(default_factory=list)
    _processes: int = _FIRST_PROCESS

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut_off()

    def cut_off(self) -> None:
        """Cut all connections."""
        for client in list(self.clients):
            client.cut()

    def fault(self, statement: str, *, after: bool) -> Fault | None:
        """The fault that is ordered for a statement, taken off the list when it is used up."""
        for fault in self.faults:
            if fault.after is after and re.search(fault.pattern, statement, re.IGNORECASE):
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
                return fault
        return None

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._processes += 1
            client = _Client(self, Channel(connection), self._processes)
            self.clients.append(client)
            threading.Thread(target=client.serve, daemon=True).start()


@dataclass(eq=False)
class _Client:
    """One connection."""

    server: TdsServer
    channel: Channel
    process: int
    session: Session = None  # type: ignore[assignment]
    prepared: dict[int, tuple[str, str]] = field(default_factory=dict)

    def serve(self) -> None:
        """Answer until the client goes, or is cut off."""
        try:
            if self._logged_in():
                while True:
                    self._answer(*self.channel.receive())
        except Closed:
            pass
        finally:
            if self.session is not None:
                self.session.close()
            self.cut()
            self.server.clients.remove(self)

    def cut(self) -> None:
        """Close the connection."""
        with suppress(OSError):
            self.channel.socket.shutdown(socket.SHUT_RDWR)
        self.channel.socket.close()

    def _logged_in(self) -> bool:
        kind, payload = self.channel.receive()
        if kind is Kind.PRELOGIN:
            self.channel.send(tokens.prelogin())
            kind, payload = self.channel.receive()
        login = tokens.login_of(payload)
        database = self.server.databases.get(login.database.upper())
        if self.server.logins.get(login.user) != login.password:
            refused = tokens.refusal(native(18456, user=login.user))
        elif database is None:
            refused = tokens.refusal(native(4060, name=login.database), native(18456, user=login.user))
        else:
            self.session = Session(
                self.process, login, database, self.server.locks, self._interrupted, self.server.messages
            )
            self.channel.send(tokens.welcome(database.name))
            return True
        self.channel.send(refused)
        return False

    def _answer(self, kind: Kind, payload: bytes) -> None:
        reader = Reader(payload)
        if kind is Kind.ATTENTION:
            self.channel.send(tokens.attention())
            return
        reader.headers()
        reply = tokens.Reply(in_procedure=kind is Kind.RPC)
        try:
            if kind is Kind.BATCH:
                self._batch(reader.rest(), {}, reply)
                reply.end_batch()
            elif kind is Kind.TRANSACTION:
                self._transaction(reader, reply)
            else:
                while reader:
                    self._procedure(reader, reply)
        except Attention:
            self.channel.receive()
            self.channel.send(tokens.attention())
        else:
            self.channel.send(bytes(reply.tokens))

    def _transaction(self, reader: Reader, reply: tokens.Reply) -> None:
        request = reader.number(2)
        try:
            if request == _BEGIN:
                self.session.begin(reply.tell)
            else:
                self.session.end({_COMMIT: "COMMIT", _ROLLBACK: "ROLLBACK"}[request], reply.tell)
                reader.text(1)
                if reader.number(1) & _BEGIN_ANOTHER:
                    self.session.begin(reply.tell)
        except SqlError as error:
            reply.tell(error)
        reply.end_batch()

    def _batch(self, text: str, variables: dict[str, tuple[SqlType, Any]], reply: tokens.Reply) -> None:
        """Carry out a batch, unless a fault is ordered for it."""
        self.server.said.append(text)
        fault = self.server.fault(text, after=False)
        if fault is None:
            self.session.run(text, variables, reply.tell)
        elif fault.error is None:
            raise Closed
        else:
            reply.tell(fault.error)
            if fault.error.dooms and self.session.in_transaction:
                self.session.end("ROLLBACK", reply.tell)
        if self.server.fault(text, after=True):
            raise Closed

    def _procedure(self, reader: Reader, reply: tokens.Reply) -> None:
        """A remote procedure call: those by which drivers send statements with parameters."""
        length, name = reader.number(2), ""
        if length != _BY_NUMBER:
            name = reader.bytes(2 * length).decode("utf-16-le").lower()
        number = _EXECUTESQL if name == "sp_executesql" else 0 if name else reader.number(2)
        reader.number(2)
        given: list[tuple[str, SqlType, Any]] = []
        while reader and reader.data[reader.at] not in _SEPARATORS:
            parameter = reader.text(1)
            reader.number(1)
            given.append((parameter.lstrip("@").lower(), *received(reader)))
        if reader:
            reader.number(1)
        if name and number != _EXECUTESQL:
            marks = [f"@p{n}" for n in range(len(given))]
            declaration = ", ".join(f"{mark} {kind.name}" for mark, (_, kind, _) in zip(marks, given, strict=True))
            self._execute(f"EXEC {name} {', '.join(marks)}", declaration, given, reply)
            reply.end_procedure()
        else:
            self._called(number, given, reply)

    def _called(self, number: int, given: list[tuple[str, SqlType, Any]], reply: tokens.Reply) -> None:
        handle = None
        match number:
            case 10:  # sp_executesql
                self._execute(given[0][2], given[1][2] if len(given) > 1 else "", given[2:], reply)
            case 11 | 13:  # sp_prepare, sp_prepexec
                handle = len(self.prepared) + 1
                self.prepared[handle] = (given[2][2], given[1][2] or "")
                if number == _PREPEXEC:
                    self._execute(*self.prepared[handle], given[3:], reply)
            case 12:  # sp_execute
                self._execute(*self.prepared[given[0][2]], given[1:], reply)
            case 15:  # sp_unprepare
                pass
            case _:
                reply.tell(native(2812, name=number))
        reply.end_procedure(handle)

    def _execute(self, text: str, declaration: str, given: list[tuple[str, SqlType, Any]], reply: tokens.Reply) -> None:
        variables = {
            name.lower(): (type_named(words), value)
            for (name, words), (_, _, value) in zip(declared(declaration), given, strict=True)
        }
        self._batch(text, variables, reply)

    def _interrupted(self) -> None:
        if self.channel.something_came():
            peeked = self.channel.socket.recv(1, socket.MSG_PEEK)
            if not peeked:
                raise Closed
            if peeked[0] == Kind.ATTENTION:
                raise Attention
