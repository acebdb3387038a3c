"""An error as SQL Server tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class SqlError(Exception):
    """One error message.

    Attributes:
        number: the native number.
        words: the message.
        severity: 11 to 16 for errors that a user can correct, 20 and above where the connection ends.
        state: told with it.
        dooms: whether the transaction is undone and the batch ends, whatever XACT_ABORT says.
    """

    number: int
    words: str
    severity: int = 16
    state: int = 1
    dooms: bool = False


_WORDS: Mapping[int, tuple[int, str]] = {
    102: (15, "Incorrect syntax near '{near}'."),
    137: (15, 'Must declare the scalar variable "@@{name}".'),
    195: (15, "'{name}' is not a recognized built-in function name."),
    207: (16, "Invalid column name '{name}'."),
    208: (16, "Invalid object name '{name}'."),
    229: (14, "The {right} permission was denied on the object '{table}', database '{database}', schema 'dbo'."),
    241: (16, "Conversion failed when converting date and/or time from character string."),
    242: (16, "The conversion to a {kind} data type resulted in an out-of-range value."),
    245: (16, "Conversion failed when converting the value to data type {kind}."),
    271: (
        16,
        (
            'The column "{name}" cannot be modified because it is either a computed column or is the result '
            "of a UNION operator."
        ),
    ),
    334: (
        16,
        (
            "The target table '{table}' of the DML statement cannot have any enabled triggers if the "
            "statement contains an OUTPUT clause without INTO clause."
        ),
    ),
    515: (
        16,
        (
            "Cannot insert the value NULL into column '{column}', table '{database}.dbo.{table}'; column "
            "does not allow nulls. INSERT fails."
        ),
    ),
    544: (
        16,
        ("Cannot insert explicit value for identity column in table '{table}' when IDENTITY_INSERT is set to OFF."),
    ),
    547: (
        16,
        (
            'The {event} statement conflicted with the {kind} constraint "{name}". The conflict occurred in '
            'database "{database}", table "dbo.{table}", column \'{column}\'.'
        ),
    ),
    1205: (
        13,
        (
            "Transaction (Process ID {process}) was deadlocked on lock resources with another process and "
            "has been chosen as the deadlock victim. Rerun the transaction."
        ),
    ),
    1222: (16, "Lock request time out period exceeded."),
    2601: (
        14,
        (
            "Cannot insert duplicate key row in object 'dbo.{table}' with unique index '{name}'. The "
            "duplicate key value is (…)."
        ),
    ),
    2627: (
        14,
        (
            "Violation of UNIQUE KEY constraint '{name}'. Cannot insert duplicate key in object "
            "'dbo.{table}'. The duplicate key value is (…)."
        ),
    ),
    2628: (
        16,
        (
            "String or binary data would be truncated in table '{database}.dbo.{table}', column '{column}'. "
            "Truncated value: '{kept}'."
        ),
    ),
    2714: (16, "There is already an object named '{name}' in the database."),
    2812: (16, "Could not find stored procedure '{name}'."),
    3609: (16, "The transaction ended in the trigger. The batch has been aborted."),
    3701: (11, "Cannot drop the object '{name}', because it does not exist."),
    3902: (16, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."),
    3903: (16, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."),
    4060: (11, 'Cannot open database "{name}" requested by the login. The login failed.'),
    8016: (16, "The data type 0x{token:02X} of a parameter is not known here."),
    8102: (16, "Cannot update identity column '{name}'."),
    8115: (16, "Arithmetic overflow error converting expression to data type {kind}."),
    8152: (16, "String or binary data would be truncated."),
    18054: (16, "Error {error} was raised, but no message with that error number was found in sys.messages."),
    18456: (14, "Login failed for user '{user}'."),
}
_DOOMING = {1205, 3609}


def native(number: int, **told: Any) -> SqlError:
    """An error of the server's own, by its number."""
    severity, words = _WORDS[number]
    return SqlError(number, words.format(**told), severity, dooms=number in _DOOMING)
