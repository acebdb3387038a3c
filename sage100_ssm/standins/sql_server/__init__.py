"""A stand-in for SQL Server on loopback: it speaks the server's protocol (TDS), so that real ODBC drivers are at work.

It is for tests: of T-SQL it understands what the product and the tests say, and it holds its databases in SQLite.
From the network inwards:

- `server`: listens, logs clients in, takes their requests apart; faults on order
- `wire`, `tokens`, `sqltypes`: the protocol's packets, its answers, and its types and values
- `session`, `rows`, `locks`: what a client's statements do, under SQL Server's locks
- `script`, `dialect`: T-SQL taken apart, and translated for SQLite
- `database`, `catalogue`, `errors`: a database, what the server knows of itself, and how it refuses

Sections are those of [MS-TDS], Tabular Data Stream Protocol, version 39.0 (Microsoft Open Specifications).
"""
