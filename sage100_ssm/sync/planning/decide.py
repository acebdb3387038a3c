"""From a world to a plan: no I/O, no clock, the same answer for the same world."""

from sage100_ssm.sync.planning.draft import Draft
from sage100_ssm.sync.planning.linked_contacts import plan_link
from sage100_ssm.sync.planning.new_contacts import plan_new_contacts
from sage100_ssm.sync.planning.plan import Plan
from sage100_ssm.sync.planning.world import World


def decide(world: World) -> Plan:
    """Decide what a run is to do.

    Contacts without a link are looked at only where both sides were read to their end: a contact that was not read
    may be the one that matches (P10).
    """
    draft = Draft(world)
    for link in world.links:
        plan_link(draft, link)
    if all(world.complete.values()):
        plan_new_contacts(draft)
        draft.company_problems()
    draft.problems_of_others()
    return draft.finished()
