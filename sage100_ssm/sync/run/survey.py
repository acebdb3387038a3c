"""Sage read whole, row by row, without keeping a row: what is needed to see which companies have changed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default

from sage100_ssm.exchange.failure import Failure, SideFailedError
from sage100_ssm.exchange.reading import Row
from sage100_ssm.sync.contacts.keys import company_key
from sage100_ssm.sync.contacts.mapping import ColumnLimits
from sage100_ssm.sync.run.ports import Location, SageAccess
from sage100_ssm.sync.run.same_system import SAMPLE_SIZE

DIGEST_BITS = 2**63 - 1
"""What is kept of a sum of digests: as much as every database stores."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What Sage shows.

    Attributes:
        columns: what each column of ``F_CONTACTT`` can hold.
        identity: the highest ``cbMarq`` ever given; None where Sage does not know it.
        location: where the company database is; None where it could not be opened.
        digests: by the keys of companies, the sum of the digests of the company's own row and its contacts' rows.
        codes: the ``CT_Num`` of each key, in every form in which rows have it.
        sample: rows of ``F_COMPTET`` by which the database is recognised.
        companies: the number of clients and prospects.
        contacts: the number of contacts, those of suppliers included.
        highest_number: the highest ``CT_No``.
        failure: why it could not be read to its end; None if it was (P10).
    """

    columns: Mapping[str, ColumnLimits] = default(default_factory=dict)
    identity: int | None = None
    location: Location | None = None
    digests: Mapping[str, int] = default(default_factory=dict)
    codes: Mapping[str, Collection[str]] = default(default_factory=dict)
    sample: Sequence[Row] = ()
    companies: int = 0
    contacts: int = 0
    highest_number: int = 0
    failure: Failure | None = None


def survey(sage100: SageAccess, known_sample: Collection[int]) -> Survey:
    """Read Sage.

    Args:
        sage100: the Sage side.
        known_sample: the ``cbMarq`` of the companies by which earlier runs recognised the database.
    """
    try:
        columns, identity, location = sage100.columns(), sage100.last_identity(), sage100.location()
    except SideFailedError as error:
        return Survey(failure=error.failure)
    sums: dict[str, int] = {}
    oldest: list[int] = []
    companies = contacts = highest = 0
    failure = None
    try:
        for id_, code, _, digest in sage100.digests("companies"):
            companies += 1
            sums[code] = sums.get(code, 0) + digest
            # The oldest companies are the least likely to be deleted.
            if len(oldest) < SAMPLE_SIZE:
                oldest.append(id_)
        for _, code, number, digest in sage100.digests("contacts"):
            contacts += 1
            sums[code] = sums.get(code, 0) + digest
            highest = max(highest, number)
    except SideFailedError as error:
        failure = error.failure
    sample = sage100.find("companies", "cbMarq", {*oldest, *known_sample})
    digests, codes = _by_key(sums)
    return Survey(
        columns,
        identity,
        location,
        digests,
        codes,
        sample.rows,
        companies,
        contacts,
        highest,
        failure or sample.failure,
    )


def _by_key(sums: dict[str, int]) -> tuple[dict[str, int], dict[str, tuple[str, ...]]]:
    digests: dict[str, int] = {}
    codes: dict[str, tuple[str, ...]] = {}
    while sums:  # a site may have hundreds of thousands: none is held twice
        code, digest = sums.popitem()
        key = company_key(code)
        digests[key] = (digests.get(key, 0) + digest) & DIGEST_BITS
        codes[key] = (*codes.get(key, ()), code)
    return digests, codes
