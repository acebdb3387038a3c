"""What is not known about the SSM API (docs/facts/ssm-api.md), as switches. The defaults are the likeliest answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from sage100_ssm.standins.ssm_api.where_parser import IdRanges


class Normalisation(StrEnum):
    """What SSM may do to a text that it stores."""

    TRIM = "trim"
    PHONES = "phones"
    """Phone and fax numbers that it can parse are rewritten in the international form."""
    EMAILS = "emails"
    """E-mails are put in lower case."""
    LAST_NAME = "last_name"
    """The last name is put in upper case."""
    CUT = "cut"
    """A text over its field's length is cut silently instead of being refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """How this SSM behaves, question by open question.

    Attributes:
        page_size_headers: the headers that are obeyed as page size, in lower case; the first that is sent counts.
        default_page_size: rows per page where no header is obeyed.
        max_page_size: the most rows per page, whatever a header asks for.
        deleted_row_readable: GET of a deleted row gives the row, else 400.
        deleted_row_writable: PUT and DELETE on a deleted row are accepted (it stays deleted), else 400.
        read_only_row_writable: PUT and DELETE on a row with ``readOnly`` are accepted, else 400.
        null_clears: a null in a PUT clears the field, else it is ignored.
        null_refused: a null in a PUT answers 400 instead.
        empty_text_clears: an empty text in a PUT clears a text, else it answers 400.
        put_undeletes: a PUT of ``deleted: false`` restores a deleted row, where deleted rows are writable.
        unknown_keys_refused: a key that is not a field answers 400, else it is ignored.
        keys_ignore_case: a key in another case means the same field.
        where_on_deleted_date: ``where`` may name ``dateDeleted``, else 400.
        where_ignores_case: texts in ``where`` compare without case.
        where_inclusive: ``>`` and ``<`` in ``where`` are true of an equal date.
        where_dates_ahead: how far SSM takes a date in ``where`` to be later than it says: its clock is not in UTC.
        where_on_dates_ignored: conditions on dates are ignored silently: every row is shown.
        where_on_id_ranges: a condition such as ``id<7`` holds, is ignored silently, is refused with 400, or hides all
            rows.
        where_ignored: conditions are passed over without a word: every row is shown.
        new_rows_listed_after: how long it takes until lists show a new row.
        new_rows_readable_at_once: GET of a new row by its id shows it, although lists do not yet; else 400.
        delete_bumps_date_updated: a DELETE sets ``dateUpdated`` too.
        ext_id_unique: an ``extId`` that another live row (or any row) has already answers 400.
        account_delete_cascades: deleting an account deletes its contacts.
        account_change_bumps_contacts: a change of an account sets ``dateUpdated`` of its contacts.
        schema_lists_required: the schema lists the fields that a new row must fill.
        hooks: how many webhooks there are; None where they cannot be listed.
        schema_readable: ``GET /{table}/schema`` is answered, else 400.
        error_body: the body of a refusal: an object, the same within a list, one with the field at fault as a key, one
            that says no more than "Bad Request", a bare text, or nothing.
        one_address_per_email: an e-mail field with two addresses answers 400.
        phones_unique: a telephone number that another live contact has already answers 400.
        retired_values_refused: a reference to a user who is not active any more, or to a value that was deleted from
            its list, answers 400.
        one_session: a login invalidates all earlier tokens.
        normalisations: what is done to texts on write.
        max_lengths: lengths that differ from the usual ones, by field name.
        sentinel_dates: ``dateDeleted`` of a live row reads ``1900-01-01T00:00:00Z`` instead of null.
        clock_skew: how far SSM's clock (stamps and ``Date`` header) is ahead.
        message_key: the key of an answer's sentence.
        bulk_put_fields: where the items of a bulk PUT contain their fields.
        bulk_is_all_or_nothing: one refused item has the whole bulk refused with 400, and nothing is written.
    """

    page_size_headers: tuple[str, ...] = ("x-fm-entity-count", "count")
    default_page_size: int = 50
    max_page_size: int = 100
    deleted_row_readable: bool = True
    deleted_row_writable: bool = False
    read_only_row_writable: bool = True
    null_clears: bool = True
    null_refused: bool = False
    empty_text_clears: bool = True
    put_undeletes: bool = False
    unknown_keys_refused: bool = False
    keys_ignore_case: bool = False
    where_on_deleted_date: bool = True
    where_ignores_case: bool = True
    where_inclusive: bool = False
    where_dates_ahead: timedelta = timedelta(0)
    where_on_dates_ignored: bool = False
    where_on_id_ranges: IdRanges = "hold"
    where_ignored: bool = False
    new_rows_listed_after: timedelta = timedelta(0)
    new_rows_readable_at_once: bool = True
    delete_bumps_date_updated: bool = False
    ext_id_unique: Literal["no", "live", "all"] = "no"
    account_delete_cascades: bool = False
    account_change_bumps_contacts: bool = False
    schema_lists_required: bool = True
    hooks: int | None = 0
    schema_readable: bool = True
    error_body: Literal["object", "list", "model_state", "generic", "text", "nothing"] = "object"
    one_address_per_email: bool = False
    phones_unique: bool = False
    retired_values_refused: bool = False
    one_session: bool = False
    normalisations: frozenset[Normalisation] = frozenset()
    max_lengths: Mapping[str, int] = default(default_factory=dict)
    sentinel_dates: bool = False
    clock_skew: timedelta = timedelta(0)
    message_key: Literal["Message", "message"] = "Message"
    bulk_put_fields: Literal["item", "data", "either"] = "either"
    bulk_is_all_or_nothing: bool = False
