"""A Sage 100 FR company database: its tables and limits, reading and writing it. Every SQL statement on it."""
