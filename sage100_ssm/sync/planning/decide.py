"""Bases and observations in, writes and problems out: no I/O, no clock, the same answer for the same world."""

from sage100_ssm.sync.planning.draft import Draft, Plan, World
from sage100_ssm.sync.planning.linked_contacts import plan_link
from sage100_ssm.sync.planning.new_contacts import plan_unlinked


def plan(world: World) -> Plan:
    """Decide what a run is to do.

    Contacts without a link are looked at only where both sides were read to their end: who was not seen may be
    the one that matches (P10).
    """
    draft = Draft(world)
    for link in world.links:
        plan_link(draft, link)
    if all(world.complete.values()):
        plan_unlinked(draft)
        draft.company_problems()
    return draft.plan
