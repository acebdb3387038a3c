"""The reserved fields of a record: what its sender asks for, beside the columns or fields of the side itself.

All other fields of a record carry the side's own names (``CT_Nom``, ``lastName``).
"""

DELETED_AT = "_ab_cdc_deleted_at"
"""A time as ISO 8601: the row is gone, or is to be deleted. Airbyte's own name for it."""
CREATE = "_create"
"""True: create the row; refused where a matching one exists."""
SET = "_set"
"""A list of field names: write these alone, whatever else the record contains."""
EXPECTED = "_expected"
"""An object of fields and values: write only if the row still holds them (P11)."""
COMPANY = "_company"
"""The name of the company database whose ``cbMarq`` the record carries."""

RESERVED = frozenset({DELETED_AT, CREATE, SET, EXPECTED, COMPANY})
