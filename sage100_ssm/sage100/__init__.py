"""A Sage 100 FR company database: its tables, its limits, reading and writing it."""
