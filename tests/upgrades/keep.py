"""Keep what this version leaves behind: ``python -m tests.upgrades.keep``, once for each release (docs/releasing.md).

Two sides in memory and the people who work on them for a day, with something of everything that a state contains. In
the end all is at rest, so that a run of a later version has nothing to do.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sage100_ssm import __version__
from sage100_ssm.app.decisions import Answer, decide
from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.rules.decisions import Choice
from tests.upgrades.installation import SETTINGS, SIDES, STATE, Installation

RELEASES = Path(__file__).with_name("releases")

_SETTINGS = """\
# The settings of an installation, with something of every section: later versions still read them.
sage100:
  company: TEST
  formerly: [ANCIEN]
  time_zone: Europe/Paris
  connection: {kind: sqlite, path: absent.db}
ssm:
  public_key: pk
  private_key: sk
  default_sales_rep_id: 310
  default_branch_id: 12
  requests_per_second: 4
state: sqlite:///sync-state.db
language: fr
country: FR
scope:
  exclude: ["ZZ*"]
policy:
  conflict: sage100
  refused_deletion: restore
  too_long: refuse
  possible_duplicate: ask
  max_deletions: {ratio: 0.5, floor: 10}
retention: {ended_links_days: 30, journal_days: 365, writes_days: 90}
fields:
  fax: {direction: to_ssm}
  skype: {conflict: newest}
time_budget_minutes: 14
notify:
  - {kind: email, server: smtp.example.fr, sender: sync@example.fr, to: [admin@example.fr]}
web:
  port: 8100
"""


def live(place: Installation) -> None:
    """A day of people at work, a run after each event."""
    sage, ssm = place.sage100, place.ssm
    for code in ("ALPHA", "BETA"):
        sage.companies[code] = 0
    alpha, _, gamma = (ssm.open_account(code) for code in ("ALPHA", "BETA", "GAMMA"))
    ada = sage.insert({"CT_Num": "ALPHA", "CT_Nom": "Aubrelin", "CT_Prenom": "Ada", "CT_EMail": "ada@alpha.example"})
    noe = sage.insert({"CT_Num": "ALPHA", "CT_Nom": "Vial", "CT_Prenom": "Noé", "CT_Telephone": "01 99 00 10 45"})
    gone = sage.insert({"CT_Num": "ALPHA", "CT_Nom": "Petit", "CT_Prenom": "Zoé"})
    sage.insert({"CT_Num": "BETA", "CT_Nom": "Roy", "CT_Prenom": "Anne"})
    luc = ssm.insert({"accountId": alpha, "lastName": "Durand", "firstName": "Luc"})
    place.run()

    # An edit, a conflict, a deletion that is refused, one that is carried over, a link that sleeps.
    cards = {card["lastName"]: card for card in ssm.contacts.values()}
    sage.updated(ada, {"CT_EMail": "ada.aubrelin@alpha.example"})
    place.run()
    sage.updated(noe, {"CT_Telephone": "01 99 00 10 46"})
    ssm.touch(cards["Vial"], phone1="01 99 00 10 47")
    place.run()
    ssm.removed(cards["Aubrelin"])
    sage.removed(gone)
    place.run()
    sage.companies["BETA"] = 1
    place.run()

    # Problems that stay: a text too long, a company that Sage does not have, a label that is unknown, and who is who.
    ssm.touch(luc, email="x" * 80 + "@alpha.example")
    ssm.insert({"accountId": gamma, "lastName": "Lancel", "firstName": "Zoé"})
    sage.updated(noe, {"CT_Fonction": "Zouave"})
    sage.insert({"CT_Num": "ALPHA", "CT_Nom": "Blanc", "CT_Prenom": "Marie", "CT_EMail": "mb@alpha.example"})
    ssm.insert({"accountId": alpha, "lastName": "Blanc-Roy", "firstName": "Marie", "email": "mb@alpha.example"})
    sage.insert({"CT_Num": "ALPHA", "CT_Nom": "Simon", "CT_Prenom": "Jean", "CT_EMail": "js@alpha.example"})
    ssm.insert({"accountId": alpha, "lastName": "Simon", "firstName": "Jeanne", "email": "js@alpha.example"})
    place.run()
    with place.store.transaction() as transaction:
        asked = [known for known in transaction.open_problems() if known.entry.code is Code.POSSIBLE_DUPLICATE]
        decide(transaction, asked[0].id, Answer(Choice.DIFFERENT, "marie", place.clock()))
    for _ in range(3):
        place.run()


def keep(folder: Path) -> None:
    """Write settings, state and sides of a day to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SETTINGS).write_text(_SETTINGS, "utf-8")
    with TemporaryDirectory() as temporary:
        state = Path(temporary) / "sync-state.db"
        place = Installation(folder / SETTINGS, state, datetime(2026, 11, 2, 8, 0, tzinfo=UTC))
        live(place)
        place.keep_sides(folder / SIDES)
        place.store.close()
        with closing(sqlite3.connect(state)) as connection:
            (folder / STATE).write_text("\n".join(connection.iterdump()) + "\n", "utf-8")


if __name__ == "__main__":
    from tests.upgrades import prefect_database

    keep(RELEASES / __version__)
    prefect_database.keep(RELEASES / __version__ / SETTINGS, RELEASES / __version__ / prefect_database.PREFECT)
