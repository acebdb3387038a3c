"""What the facts leave open about the SSM API, as switches. The defaults are the likeliest answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as default
from datetime import timedelta
from enum import StrEnum
from typing import Literal


class Normalisation(StrEnum):
    """What SSM may do to a text on its way in."""

    TRIM = "trim"
    PHONES = "phones"
    """Phone and fax numbers that it understands are rewritten in the international form."""
    EMAILS = "emails"
    """E-mails are put in lower case."""
    LAST_NAME = "last_name"
    """The last name is put in upper case."""
    CUT = "cut"
    """A text over its field's length is cut without a word, instead of being refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """The answers to the open questions of docs/facts/ssm-api.md.

    Attributes:
        page_size_headers: the headers that are obeyed as page size, in lower case; the first that is sent counts.
        default_page_size: rows per page where no header is obeyed.
        max_page_size: a wish for more is cut down to it.
        deleted_row_readable: GET of a deleted row gives the row, else 400.
        deleted_row_writable: PUT and DELETE on a deleted row are accepted (it stays deleted), else 400.
        read_only_row_writable: PUT and DELETE on a row with ``readOnly`` are accepted, else 400.
        null_clears: a null in a PUT clears the field, else it is passed over.
        null_refused: a null in a PUT answers 400 instead.
        empty_text_clears: an empty text in a PUT clears a text, else it answers 400.
        deleted_is_writable: a PUT of ``deleted: false`` brings a deleted row back, where deleted rows are writable.
        unknown_keys_refused: a key that is no field answers 400, else it is passed over.
        keys_ignore_case: a key written in another case is the field all the same.
        where_on_deleted_date: ``where`` may name ``dateDeleted``, else 400.
        where_ignores_case: texts in ``where`` compare without case.
        where_inclusive: ``>`` and ``<`` in ``where`` let a date through that is equal.
        where_dates_ahead: how far SSM takes a date in ``where`` to be later than it says: its clock is not in UTC.
        where_on_dates_ignored: conditions on dates are passed over without a word: every row is shown.
        delete_bumps_date_updated: a DELETE sets ``dateUpdated`` too.
        ext_id_unique: an ``extId`` already borne by another live row (or by any row) answers 400.
        account_delete_cascades: deleting an account deletes its contacts.
        account_change_bumps_contacts: a change of an account sets ``dateUpdated`` of its contacts.
        schema_tells_required: the schema lists the fields that a new row must fill.
        hooks: how many webhooks are in place; None where they cannot be listed.
        schema_readable: ``GET /{table}/schema`` is answered, else 400.
        error_body: how a refusal is told: an object, the same within a list, a bare text, or nothing at all.
        one_session: a login makes the tokens given before unknown.
        normalisations: what is done to texts on write.
        max_lengths: lengths per field name that differ from the usual ones.
        sentinel_dates: ``dateDeleted`` of a live row reads ``1900-01-01T00:00:00Z`` instead of null.
        clock_skew: how far SSM's clock (stamps and ``Date`` header) is ahead.
        message_key: how the key of an answer's sentence is spelt.
        bulk_put_fields: where the items of a bulk PUT hold their fields.
        bulk_is_all_or_nothing: one item that is refused has the whole bulk refused with 400, and none is carried out.
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
    deleted_is_writable: bool = False
    unknown_keys_refused: bool = False
    keys_ignore_case: bool = False
    where_on_deleted_date: bool = True
    where_ignores_case: bool = True
    where_inclusive: bool = False
    where_dates_ahead: timedelta = timedelta(0)
    where_on_dates_ignored: bool = False
    delete_bumps_date_updated: bool = False
    ext_id_unique: Literal["no", "live", "all"] = "no"
    account_delete_cascades: bool = False
    account_change_bumps_contacts: bool = False
    schema_tells_required: bool = True
    hooks: int | None = 0
    schema_readable: bool = True
    error_body: Literal["object", "list", "text", "nothing"] = "object"
    one_session: bool = False
    normalisations: frozenset[Normalisation] = frozenset()
    max_lengths: Mapping[str, int] = default(default_factory=dict)
    sentinel_dates: bool = False
    clock_skew: timedelta = timedelta(0)
    message_key: Literal["Message", "message"] = "Message"
    bulk_put_fields: Literal["item", "data", "either"] = "either"
    bulk_is_all_or_nothing: bool = False
