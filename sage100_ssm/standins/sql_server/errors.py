"""Errors as SQL Server reports them, by number, with its own words (catalogue view sys.messages)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class SqlError(Exception):
    """One error message.

    Attributes:
        number: SQL Server's number, which drivers call the native one.
        message: the sentence.
        severity: 11 to 16 for errors that a user can correct, 20 and above where the connection ends.
        state: where in the server it was raised.
        undoes_transaction: whether the transaction is undone and the batch ends, whatever XACT_ABORT says.
    """

    number: int
    message: str
    severity: int = 16
    state: int = 1
    undoes_transaction: bool = False


_MESSAGES: Mapping[int, str] = {
    102: "Incorrect syntax near '{near}'.",
    137: 'Must declare the scalar variable "@@{name}".',
    195: "'{name}' is not a recognized built-in function name.",
    207: "Invalid column name '{name}'.",
    208: "Invalid object name '{name}'.",
    229: "The {right} permission was denied on the object '{table}', database '{database}', schema 'dbo'.",
    241: "Conversion failed when converting date and/or time from character string.",
    242: "The conversion to a {kind} data type resulted in an out-of-range value.",
    245: "Conversion failed when converting the value to data type {kind}.",
    271: (
        'The column "{name}" cannot be modified because it is either a computed column or is the result of a '
        "UNION operator."
    ),
    334: (
        "The target table '{table}' of the DML statement cannot have any enabled triggers if the statement "
        "contains an OUTPUT clause without INTO clause."
    ),
    515: (
        "Cannot insert the value NULL into column '{column}', table '{database}.dbo.{table}'; column does not "
        "allow nulls. INSERT fails."
    ),
    544: "Cannot insert explicit value for identity column in table '{table}' when IDENTITY_INSERT is set to OFF.",
    547: (
        'The {event} statement conflicted with the {kind} constraint "{name}". The conflict occurred in database '
        '"{database}", table "dbo.{table}", column \'{column}\'.'
    ),
    1205: (
        "Transaction (Process ID {process}) was deadlocked on lock resources with another process and has been "
        "chosen as the deadlock victim. Rerun the transaction."
    ),
    1222: "Lock request time out period exceeded.",
    2601: (
        "Cannot insert duplicate key row in object 'dbo.{table}' with unique index '{name}'. The duplicate key "
        "value is (…)."
    ),
    2627: (
        "Violation of UNIQUE KEY constraint '{name}'. Cannot insert duplicate key in object 'dbo.{table}'. The "
        "duplicate key value is (…)."
    ),
    2628: (
        "String or binary data would be truncated in table '{database}.dbo.{table}', column '{column}'. "
        "Truncated value: '{kept}'."
    ),
    2714: "There is already an object named '{name}' in the database.",
    2812: "Could not find stored procedure '{name}'.",
    3609: "The transaction ended in the trigger. The batch has been aborted.",
    3701: "Cannot drop the object '{name}', because it does not exist.",
    3902: "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.",
    3903: "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.",
    4060: 'Cannot open database "{name}" requested by the login. The login failed.',
    8016: "The data type 0x{token:02X} of a parameter is not known here.",
    8102: "Cannot update identity column '{name}'.",
    8115: "Arithmetic overflow error converting expression to data type {kind}.",
    8152: "String or binary data would be truncated.",
    18054: "Error {error} was raised, but no message with that error number was found in sys.messages.",
    18456: "Login failed for user '{user}'.",
}
_SEVERITIES = {102: 15, 137: 15, 195: 15, 229: 14, 1205: 13, 2601: 14, 2627: 14, 3701: 11, 4060: 11, 18456: 14}
_USUAL_SEVERITY = 16
_UNDOING = {1205, 3609}


def native(number: int, **details: Any) -> SqlError:
    """An error of the server's own.

    Args:
        number: one of those listed here.
        details: what its sentence names.
    """
    severity = _SEVERITIES.get(number, _USUAL_SEVERITY)
    return SqlError(number, _MESSAGES[number].format(**details), severity, undoes_transaction=number in _UNDOING)
