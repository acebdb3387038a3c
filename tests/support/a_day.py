"""A day with a change of every kind: what people do from morning to night, and what they see in the evening."""

SAGE_BORN = (
    *("SaisieSage", "SaisieSsm", "DeuxCôtés", "Conflit", "VidéSage", "VidéSsm", "RenomméSage", "RenomméSsm", "Déplacé"),
    *("Remis", "SuppriméSage", "SuppriméRefusé", "SuppriméModifié", "TropLong", "Rejeté", "Retapé"),
)
SSM_BORN = ("ParAilleurs", "SuppriméSsm", "SuppriméRestauré")
SAGE_SHOWS = ("CT_Nom", "CT_Prenom", "CT_Num", "CT_EMail", "CT_Telephone", "CT_TelPortable", "CT_Telecopie")
SSM_SHOWS = ("lastName", "firstName", "email", "phone1", "phone2", "fax", "linkedin", "typeId")


def morning(world):
    """Everybody has come over."""
    for name in SAGE_BORN:
        world.sage.create_contact("ALPHA", name, "Ada", CT_EMail=f"{name.lower()}@alpha.example")
    for name in SSM_BORN:
        world.ssm.create_contact("ALPHA", name, "Ida", email=f"{name.lower()}@alpha.example")
    world.run()


def day(world):
    """Some twenty changes, of every kind."""
    row = {r["CT_Nom"]: r["cbMarq"] for r in world.sage.contacts()}
    card = {c["lastName"]: c["id"] for c in world.ssm.contacts()}
    sage, ssm = world.sage, world.ssm
    sage.edit_contact(row["SaisieSage"], CT_EMail="neu@alpha.example")
    ssm.edit_contact(card["SaisieSsm"], phone1="01 99 00 12 34")
    sage.edit_contact(row["DeuxCôtés"], CT_Telephone="01 99 00 12 35")
    ssm.edit_contact(card["DeuxCôtés"], fax="01 99 00 12 36")
    sage.edit_contact(row["Conflit"], CT_EMail="sage@alpha.example")
    ssm.edit_contact(card["Conflit"], email="ssm@alpha.example")
    sage.edit_contact(row["VidéSage"], CT_EMail="")
    ssm.edit_contact(card["VidéSsm"], email=None)
    sage.rename_contact(row["RenomméSage"], "RenomméLà", "Zoé")
    ssm.edit_contact(card["RenomméSsm"], lastName="RenomméIci", firstName="Zoé")
    sage.move_contact(row["Déplacé"], "BETA")
    ssm.edit_contact(card["Remis"], accountId=ssm.account("BETA"))
    sage.delete_contact(row["SuppriméSage"])
    ssm.delete_contact(card["SuppriméRefusé"])
    sage.delete_contact(row["SuppriméModifié"])
    ssm.edit_contact(card["SuppriméModifié"], phone2="06 39 98 00 01")
    ssm.edit_contact(card["TropLong"], email="x" * 70 + "@alpha.example", phone1="01 99 00 12 37")
    sage.edit_contact(row["Rejeté"], CT_LinkedIn="x" * 20, CT_Telecopie="01 99 00 12 40")
    sage.create_contact("ALPHA", "NéRejeté", "Ada", CT_LinkedIn="x" * 20, CT_Telecopie="01 99 00 12 41")
    sage.delete_contact(row["Retapé"])
    sage.create_contact("ALPHA", "Retapé", "Ada", CT_EMail="neuf@alpha.example")
    sage.edit_contact(row["ParAilleurs"], CT_Fonction="Comptable")
    ssm.delete_contact(card["SuppriméSsm"])
    ssm.delete_contact(card["SuppriméRestauré"])
    sage.edit_contact(row["SuppriméRestauré"], CT_EMail="neu@alpha.example")
    sage.create_contact("ALPHA", "NéSage", "Ada", CT_EMail="nesage@alpha.example")
    ssm.create_contact("ALPHA", "NéSsm", "Ada", email="ne@alpha.example")
    ssm.create_company("GAMMA", "Gamma")
    ssm.create_contact("GAMMA", "SansSociété", "Ada")
    sage.create_contact("BETA", "DesDeux", "Ada", CT_Telephone="01 99 00 12 38")
    ssm.create_contact("BETA", "DesDeux", "Ada", email="deux@alpha.example")


def night(world):
    """What people go on doing before the next run: it ends alike whenever the run before it broke off."""
    row = {r["CT_Nom"]: r["cbMarq"] for r in world.sage.contacts()}
    card = {c["lastName"]: c["id"] for c in world.ssm.contacts()}
    world.sage.edit_contact(row["SaisieSage"], CT_EMail="saisiesage@alpha.example")  # as it was in the morning
    world.ssm.edit_contact(card["SaisieSsm"], phone1="01 99 00 12 39")
    world.ssm.edit_contact(card["DeuxCôtés"], phone2="06 39 98 00 02")
    world.sage.edit_contact(row["VidéSage"], CT_EMail="videsage@alpha.example")
    world.sage.move_contact(row["Déplacé"], "ALPHA")
    world.sage.edit_contact(row["NéSage"], CT_EMail="encore@alpha.example")


def goodbyes(world):
    """Who is deleted in the night."""
    row = {r["CT_Nom"]: r["cbMarq"] for r in world.sage.contacts()}
    card = {c["lastName"]: c["id"] for c in world.ssm.contacts()}
    world.ssm.delete_contact(card["NéSsm"])
    world.sage.delete_contact(row["Rejeté"])


def evening(world):
    """All that users see, by name: on both sides, in the journal, and who is linked; ids and times aside."""
    codes = {account["id"]: account["extId"] for account in world.api.store.rows("accounts")}
    cards = world.ssm.contacts()
    born = {card["id"]: card["extId"] and card["extId"].split(":")[0] for card in cards}
    return {
        "sage100": sorted([row[name] for name in SAGE_SHOWS] for row in world.sage.contacts()),
        "ssm": sorted(([codes[c["accountId"]], born[c["id"]], *(c[n] for n in SSM_SHOWS)] for c in cards), key=repr),
        "deleted": sorted(c["lastName"] for c in world.api.store.rows("contacts") if c["deleted"]),
        "links": sorted((k.contact, k.company, k.origin.value, k.status.value) for k in world.links.values()),
        "notices": sorted(world.notices, key=repr),
        "problems": world.problems,
    }
