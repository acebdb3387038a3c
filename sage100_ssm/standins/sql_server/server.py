"""The server: it listens on loopback, serves each client in a thread of its own, and fails on order.

    with TdsServer() as server:
        server.databases["BIJOU"] = Database("BIJOU")
        pyodbc.connect(f"DRIVER={{…}};SERVER=127.0.0.1,{server.port};DATABASE=BIJOU;UID=sync;PWD=p4ss;Encrypt=no")

It has no TLS: clients set ``Encrypt=no`` (or ``optional``).
"""

import re
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Self

from sage100_ssm.standins.sql_server import tokens
from sage100_ssm.standins.sql_server.database import Database
from sage100_ssm.standins.sql_server.errors import SqlError, native
from sage100_ssm.standins.sql_server.locks import Locks
from sage100_ssm.standins.sql_server.rows import Variables
from sage100_ssm.standins.sql_server.session import Session, declared
from sage100_ssm.standins.sql_server.sqltypes import SqlType, received, type_named
from sage100_ssm.standins.sql_server.wire import Channel, Disconnected, PacketType, Reader

Parameters = list[tuple[SqlType, Any]]
"""The types and values of a call's parameters."""


class TransactionRequest(IntEnum):
    """What a transaction manager request asks for (2.2.6.9)."""

    BEGIN = 5
    COMMIT = 7
    ROLLBACK = 8


class Procedure(IntEnum):
    """The procedures that are called by number, and by which drivers send statements with parameters (2.2.6.6)."""

    EXECUTESQL = 10
    PREPARE = 11
    EXECUTE = 12
    PREPEXEC = 13
    UNPREPARE = 15


_BEGIN_ANOTHER = 0x01
"""The flag of a commit or rollback after which a transaction begins again (2.2.6.9)."""
_BY_NUMBER = 0xFFFF
"""In place of the length of a procedure's name: its number follows (2.2.6.6)."""
_BATCH_SEPARATORS = {0x80, 0xFF}
"""Between the calls of one request (2.2.6.6): of TDS 7.1 and older, and of newer."""
_FIRST_PROCESS = 51
"""SQL Server keeps the session ids up to 50 for itself."""


class Attention(Exception):  # noqa: N818 - an end, no error
    """The client does not want to wait any longer (2.2.1.7)."""


@dataclass
class Fault:
    """Something that goes wrong with the next statements that match.

    Attributes:
        pattern: a regular expression that is searched in the statement's text, whatever the case. The text of what a
            driver asks for without one is ``BEGIN TRANSACTION``, ``COMMIT TRANSACTION`` or ``ROLLBACK TRANSACTION``,
            that of a login ``LOGIN``.
        error: what is answered instead of carrying it out; without one the connection is cut.
        after: whether the statement is carried out first.
        times: how many statements it strikes.
    """

    pattern: str
    error: SqlError | None = None
    after: bool = False
    times: int = 1


@dataclass
class TdsServer:
    """A SQL Server on loopback while the context is open.

    Attributes:
        databases: by name, in upper case.
        logins: passwords by user.
        messages: sys.messages: the application's own messages by number.
        faults: what is to go wrong.
        statements: the text of each statement that came, in order.
        port: where it listens.
        locks: those of all databases.
        clients: the connections that are open.
    """

    databases: dict[str, Database] = field(default_factory=dict)
    logins: dict[str, str] = field(default_factory=lambda: {"sync": "p4ss"})
    messages: dict[int, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
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
        """The fault that strikes a statement, before or after it is carried out; it is counted down."""
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
            except OSError:  # the listener is closed
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._processes += 1
            client = _Client(self, Channel(connection), self._processes)
            self.clients.append(client)
            threading.Thread(target=client.serve, daemon=True).start()


@dataclass(eq=False)
class _Client:
    """One connection.

    Attributes:
        server: the server.
        channel: the connection, message by message.
        process: its number, @@SPID.
        session: what it does once it is logged in.
    """

    server: TdsServer
    channel: Channel
    process: int
    session: Session | None = None

    def serve(self) -> None:
        """Answer until the client disconnects, or is cut off."""
        try:
            self.session = self._logged_in()
            if self.session is not None:
                requests = _Requests(self.server, self.channel, self.session)
                while True:
                    requests.answer(*self.channel.receive())
        except Disconnected:
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

    def _logged_in(self) -> Session | None:
        """The session of a login that is accepted; None where it is refused."""
        kind, payload = self.channel.receive()
        if kind is PacketType.PRELOGIN:
            self.channel.send(tokens.prelogin())
            kind, payload = self.channel.receive()
        login = tokens.login_of(payload)
        database = self.server.databases.get(login.database.upper())
        fault = self.server.fault("LOGIN", after=False)
        if fault is not None:
            if fault.error is None:
                raise Disconnected
            refused = tokens.refusal(fault.error)
        elif self.server.logins.get(login.user) != login.password:
            refused = tokens.refusal(native(18456, user=login.user))
        elif database is None:
            refused = tokens.refusal(native(4060, name=login.database), native(18456, user=login.user))
        else:
            locks, messages = self.server.locks, self.server.messages
            session = Session(self.process, login, database, locks, self._check_for_attention, messages)
            self.channel.send(tokens.welcome(database.name))
            return session
        self.channel.send(refused)
        return None

    def _check_for_attention(self) -> None:
        """Look whether the client still waits for its answer.

        Raises:
            Attention: it does not want to wait any longer.
            Disconnected: it has closed the connection.
        """
        if self.channel.has_input():
            peeked = self.channel.socket.recv(1, socket.MSG_PEEK)
            if not peeked:
                raise Disconnected
            if peeked[0] == PacketType.ATTENTION:
                raise Attention


@dataclass(eq=False)
class _Requests:
    """The requests of a client that is logged in.

    Attributes:
        server: the server, with its faults.
        channel: where the answers go.
        session: who carries the statements out.
        prepared: the prepared statements and the declarations of their parameters, by handle.
    """

    server: TdsServer
    channel: Channel
    session: Session
    prepared: dict[int, tuple[str, str]] = field(default_factory=dict)

    def answer(self, kind: PacketType, payload: bytes) -> None:
        """Carry out one message.

        Raises:
            Disconnected: the client has closed the connection, or a fault cuts it.
        """
        if kind is PacketType.ATTENTION:
            self.channel.send(tokens.attention())
            return
        reader = Reader(payload)
        reader.skip_headers()
        reply = tokens.Reply(is_of_procedure=kind is PacketType.RPC)
        try:
            if kind is PacketType.SQL_BATCH:
                self._batch(reader.rest(), {}, reply)
                reply.end_batch()
            elif kind is PacketType.TRANSACTION_MANAGER_REQUEST:
                self._transaction(reader, reply)
            else:
                while reader:
                    self._call(reader, reply)
        except Attention:
            self.channel.receive()
            self.channel.send(tokens.attention())
        else:
            self.channel.send(bytes(reply.tokens))

    def _transaction(self, reader: Reader, reply: tokens.Reply) -> None:
        """A transaction manager request (2.2.6.9)."""
        request = TransactionRequest(reader.number(2))
        text = f"{request.name} TRANSACTION"
        fault = self.server.fault(text, after=False)
        try:
            if fault is not None:
                self._strike(fault, reply)
            elif request is TransactionRequest.BEGIN:
                self.session.begin(reply.add)
            else:
                self.session.end(request.name, reply.add)
                reader.text(1)  # the transaction's name
                if reader.number(1) & _BEGIN_ANOTHER:
                    self.session.begin(reply.add)
        except SqlError as error:
            reply.add(error)
        if self.server.fault(text, after=True):
            raise Disconnected
        reply.end_batch()

    def _strike(self, fault: Fault, reply: tokens.Reply) -> None:
        """Answer by the fault's error, or cut the connection."""
        if fault.error is None:
            raise Disconnected
        reply.add(fault.error)
        if fault.error.undoes_transaction and self.session.in_transaction:
            self.session.end("ROLLBACK", reply.add)

    def _batch(self, text: str, variables: Variables, reply: tokens.Reply) -> None:
        """Carry out a batch, unless a fault is ordered for it."""
        self.server.statements.append(text)
        fault = self.server.fault(text, after=False)
        if fault is None:
            self.session.run(text, variables, reply.add)
        else:
            self._strike(fault, reply)
        if self.server.fault(text, after=True):
            raise Disconnected

    def _call(self, reader: Reader, reply: tokens.Reply) -> None:
        """One remote procedure call (2.2.6.6)."""
        length, name = reader.number(2), ""
        if length == _BY_NUMBER:
            number = reader.number(2)
        else:
            name = reader.take(2 * length).decode("utf-16-le").lower()
            number = Procedure.EXECUTESQL if name == "sp_executesql" else 0
        reader.number(2)  # option flags
        given = self._parameters(reader)
        if name and number != Procedure.EXECUTESQL:
            marks = [f"@p{n}" for n in range(len(given))]
            declaration = ", ".join(f"{mark} {kind.name}" for mark, (kind, _) in zip(marks, given, strict=True))
            self._execute(f"EXEC {name} {', '.join(marks)}", declaration, given, reply)
            reply.end_procedure()
        else:
            self._call_by_number(number, given, reply)

    def _parameters(self, reader: Reader) -> Parameters:
        """The types and values of a call's parameters, up to the next call."""
        given: Parameters = []
        while reader and reader.data[reader.at] not in _BATCH_SEPARATORS:
            reader.text(1)  # the parameter's name
            reader.number(1)  # its status flags
            given.append(received(reader))
        if reader:
            reader.number(1)
        return given

    def _call_by_number(self, number: int, given: Parameters, reply: tokens.Reply) -> None:
        handle = None
        values = [value for _, value in given]
        match number:
            case Procedure.EXECUTESQL:
                declaration = values[1] if len(values) > 1 else ""
                self._execute(values[0], declaration, given[2:], reply)
            case Procedure.PREPARE | Procedure.PREPEXEC:
                handle = len(self.prepared) + 1
                self.prepared[handle] = (values[2], values[1] or "")
                if number == Procedure.PREPEXEC:
                    self._execute(*self.prepared[handle], given[3:], reply)
            case Procedure.EXECUTE:
                self._execute(*self.prepared[values[0]], given[1:], reply)
            case Procedure.UNPREPARE:
                pass
            case _:
                reply.add(native(2812, name=number))
        reply.end_procedure(handle)

    def _execute(self, text: str, declaration: str, given: Parameters, reply: tokens.Reply) -> None:
        """Carry out a statement with parameters, whose types are those that it declares."""
        variables = {
            name.lower(): (type_named(kind), value)
            for (name, kind), (_, value) in zip(declared(declaration), given, strict=True)
        }
        self._batch(text, variables, reply)
