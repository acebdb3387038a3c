"""Forget one person at once, in everything that the state keeps (P17)."""

from datetime import datetime

from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import Side
from sage100_ssm.sync.run.guard import REWRITES
from sage100_ssm.sync.state.forgetting import StoredPerson
from sage100_ssm.sync.state.records import Lease
from sage100_ssm.sync.state.store import StateStore


def forget_person(store: StateStore, lease: Lease, contact: Subject, now: datetime) -> tuple[StoredPerson, bool]:
    """Forget a person; neither side is written.

    Args:
        store: the state.
        lease: the right to write: no run may be under way.
        contact: a contact of the person, with an id.
        now: the time.

    Returns:
        What was stored of the person, and whether it is gone from the file, too: another program that reads the state
        at that moment delays this.

    Raises:
        LeaseLost: a run has taken over; nothing was forgotten.
    """
    with store.transaction(lease) as transaction:
        person = transaction.stored_person(contact)
        transaction.forget_person(person, now)
        # Digests of values, by side, id and field.
        ids = {f"{Side.SAGE100}:{id_}" for id_ in person.sage100_ids} | {f"{Side.SSM}:{id_}" for id_ in person.ssm_ids}
        rewrites = transaction.recall(REWRITES) or {}
        kept = {key: value for key, value in rewrites.items() if key.rpartition(":")[0] not in ids}
        if kept != rewrites:
            transaction.remember(REWRITES, kept)
    return person, store.erase_leftovers(whole=True)
