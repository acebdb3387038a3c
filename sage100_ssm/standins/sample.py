"""The sample data: a jewellery trader in Sage, and the SSM tenant of its sales team. All of it is invented.

Phone numbers are of the ranges that ARCEP reserves for fiction (01 99 00, 06 39 98), e-mails of ``.example``.
The rows are the same every time.
"""

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sage100_ssm.standins.ssm_api.quirks import Quirks
from sage100_ssm.standins.ssm_api.store import Clock, Store, system_clock
from sage100_ssm.standins.ssm_api.tenant import (
    BRANCH,
    CLIENT,
    FRANCE,
    OTHER_SALES_REP,
    PROSPECT,
    SALES_REP,
    with_value_lists,
)

Row = dict[str, Any]

COMPANY = "BIJOU"
"""The name of the company database."""

NEWCOMER = "ZEPHYR"
"""The code of the SSM account whose company is not in Sage yet."""

CLIENT_TYPE, SUPPLIER_TYPE = 0, 1


class Company(NamedTuple):
    """A third party: code, name, town, postcode, and how many contacts it has in Sage."""

    code: str
    name: str
    town: str
    postcode: str
    contacts: int


CLIENTS = (
    Company("ALIZES", "Bijouterie des Alizés", "Nantes", "44000", 4),
    Company("AMBRE", "L'Ambre et l'Écrin", "Annecy", "74000", 4),
    Company("AUBEVAL", "Maison Aubeval", "Lyon", "69002", 4),
    Company("BRELOQUE", "La Breloque Bleue", "Lille", "59000", 4),
    Company("CAMEE", "Au Camée d'Ivoire", "Dijon", "21000", 4),
    Company("CORINDON", "Corindon & Fils", "Besançon", "25000", 4),
    Company("DELORVE", "Joaillerie Delorve", "Paris", "75002", 4),
    Company("ECLATDOR", "Éclat d'Or SARL", "Bordeaux", "33000", 4),
    Company("FERMOIR", "Le Fermoir", "Rennes", "35000", 3),
    Company("GUILLOCHE", "Ateliers Guilloché", "Morteau", "25500", 3),
    Company("HELIODORE", "Héliodore Créations", "Nice", "06000", 3),
    Company("ILERUBIS", "L'Île aux Rubis", "La Rochelle", "17000", 3),
    Company("JASPE", "Jaspe et Compagnie", "Strasbourg", "67000", 3),
    Company("KAOLINE", "Kaoline Perles", "Limoges", "87000", 3),
    Company("LAPISCO", "Lapis & Co", "Toulouse", "31000", 3),
    Company("MORGANE", "Morganite Bijoux", "Brest", "29200", 3),
    Company("NACRE", "Nacre du Ponant", "Vannes", "56000", 3),
    Company("OBSIDIAN", "Comptoir de l'Obsidienne", "Clermont-Ferrand", "63000", 3),
    Company("PERIDOT", "Péridot Frères", "Grenoble", "38000", 3),
    Company("QUARTZ", "Quartz Rosé", "Reims", "51100", 3),
)
PROSPECTS = (
    Company("ROSALINE", "Les Parures de Rosaline", "Tours", "37000", 2),
    Company("SAPHIRIN", "Saphirin Joaillier", "Metz", "57000", 2),
    Company("TOURMALINE", "Tourmaline & Vous", "Montpellier", "34000", 2),
    Company("URALINE", "Uraline Diffusion", "Le Mans", "72000", 2),
    Company("VERMEIL", "Vermeil Événements", "Angers", "49000", 2),
)
SUPPLIERS = (
    Company("FONDEROR", "Fonderie d'Orlac", "Villeurbanne", "69100", 1),
    Company("GEMMIMPORT", "Gemmimport SA", "Marseille", "13002", 1),
)
_DORMANT = "OBSIDIAN"

_LAST_NAMES = """
    Aubrelin Baudémont Cassagrel Dervaillon Échenoz-Vial Fontbrune Garlantier Hautecombes Isembrac Jauzelin
    Kervadoc L'Hermandie Malestroy Noirvaux Ollivergne Pressanges Quintrelle Roquemande Sautreval Tréguarno
    Urvillac Vaucourtois Wimberlin Ygrandel Zellmatt d'Arvillet Bessoncourt Charmeroy Dulcinard Estrabelle
    Faugerat Grandmesnier Hérisvaux Jonquérac Lamberville Montcarvel Neufchastre Orgevalin Périgneuse Rastignole
    Saint-Auvray Taillevent-Brun Valserine Besançonneau Courtepierre Dombrasle Évrinoux Fauvremont Gévaudin Houdelaine
    Jarnacot Keranflec'h Lavernoy Mirambois Nantillet Orcival-Roux Pontvallier Querqueval Ravenelle Sérignoux
    Thiberval Vandœuvrin Aigremont Blanchelande Colombiers Drouvenant Épinoche Forgeval Givrandes Hurlevaux
    Jouvencel Larmorel Marcillard Noyantel Oradouin Puymorens Rochevert Suzanvaux Trémargat Vieilleroche
"""
_WOMEN = """
    Maïwenn Bérengère Clémence Daphné Éloïse Fantine Garance Honorine Inès Joséphine
    Léonie Marie-Ange Noémie Océane Philippine Quitterie Romane Sidonie Tiphaine Ursuline
    Victoire Wilhelmine Yolaine Zoé Anne-Lise Brunehilde Capucine Domitille Estelle Félicité
    Gwenaëlle Héloïse Isaure Jacinthe Lætitia Mahaut Nolwenn Ombeline Pétronille Rosalie
"""
_MEN = """
    Aurèle Barnabé Côme Désiré Edgar François-Xavier Gaël Hyacinthe Isidore Joël
    Kylian Loïc Maël Noël Octave Pacôme Quentin Raphaël Stéphane Timothée
    Ulysse Valère Wandrille Yannick Zacharie Anselme Benoît Célestin Dimitri Évariste
    Florimond Gaspard Hélier Ivan Jean-Noël Léandre Marceau Népomucène Olivier Rémi
"""
_JOBS = (
    *("Gérant", "Responsable achats", "Comptable", "Responsable de boutique", "Chef d'atelier"),
    *("gérant", "Vendeur", "Assistanat de direction", "", "Gemmologue"),
    *("Sertisseur", "Responsable  achats", "Purchasing manager"),
)
"""Most are labels of the SSM tenant, some of them in another spelling; the tenant does not have the others."""

_PHONE_FORMS = ("01 99 00 {} {}", "01.99.00.{}.{}", "019900{}{}", "+33 1 99 00 {} {}", "01-99-00-{}-{}", "")
_MOBILE_FORMS = ("06 39 98 {} {}", "+33 6 39 98 {} {}", "", "063998{}{}", "06.39.98.{}.{}")
_FIRST_EDIT = datetime(2025, 1, 6, 9, 0)  # noqa: DTZ001 - Sage's stamps are local and without a zone
_OPENED = datetime(2025, 2, 3, 8, 30, tzinfo=UTC)


def services() -> list[Row]:
    """The rows of ``P_SERVICECPTA``; the last entries are unused, as in a real company."""
    labels = [("Direction", "DIR"), ("Achats", "ACH"), ("Comptabilité", "CPT"), ("Atelier", "ATE"), ("", ""), ("", "")]
    return [{"S_Intitule": label, "S_Abrege": short, "cbIndice": i} for i, (label, short) in enumerate(labels, 1)]


def contact_types() -> list[Row]:
    """The rows of ``P_CONTACT``."""
    labels = ("Principal", "Facturation", "Livraison", "", "")
    return [{"C_Intitule": label, "cbIndice": index} for index, label in enumerate(labels, 1)]


def companies() -> list[Row]:
    """The rows of ``F_COMPTET``: 20 clients, 5 prospects, 2 suppliers."""
    return [
        *(_company(company, CLIENT_TYPE, prospect=0) for company in CLIENTS),
        *(_company(company, CLIENT_TYPE, prospect=1) for company in PROSPECTS),
        *(_company(company, SUPPLIER_TYPE, prospect=0) for company in SUPPLIERS),
    ]


def contacts() -> list[Row]:
    """The rows of ``F_CONTACTT``: 80 contacts, two of them of suppliers."""
    codes = [company.code for company in (*CLIENTS, *PROSPECTS, *SUPPLIERS) for _ in range(company.contacts)]
    return [_contact(number, code) for number, code in enumerate(codes)]


def tenant(quirks: Quirks | None = None, *, clock: Clock = system_clock) -> Store:
    """The SSM tenant: an account per client and prospect, and the first contacts.

    Six contacts are in Sage too, under the same name except for case and accents; one of them with another phone.
    Five are in SSM only: two of them at a company that is not in Sage yet (``NEWCOMER``), and one whose job title is
    longer than Sage's column.
    """
    store = with_value_lists(Store(quirks, clock=clock))
    accounts = {company.code: store.put("accounts", _account(company, CLIENT)) for company in CLIENTS}
    accounts |= {company.code: store.put("accounts", _account(company, PROSPECT)) for company in PROSPECTS}
    newcomer = Company(NEWCOMER, "Zircon & Zéphyr", "Orléans", "45000", 0)
    accounts[NEWCOMER] = store.put("accounts", _account(newcomer, PROSPECT))
    for code, fields in (*_known_to_both(), *_SSM_ALONE):
        store.put(
            "contacts",
            {"accountId": accounts[code], "salesRepId": SALES_REP, "dateCreated": _OPENED + timedelta(days=30)}
            | fields,
        )
    return store


def _known_to_both() -> Iterator[tuple[str, Row]]:
    """Contacts that somebody typed into both systems."""
    for number, row in enumerate(contacts()[:24:4]):
        yield (
            row["CT_Num"],
            {
                "firstName": _ascii(row["CT_Prenom"]) if number == _WITHOUT_ACCENTS else row["CT_Prenom"],
                "lastName": row["CT_Nom"].upper() if number % 2 else row["CT_Nom"],
                "phone1": "01 99 00 99 01" if number == _OTHER_PHONE else row["CT_Telephone"] or None,
                "email": row["CT_EMail"] or None,
                "gender": min(row["CT_Civilite"], 1),
            },
        )


_OTHER_PHONE, _WITHOUT_ACCENTS = 1, 2

_SSM_ALONE: tuple[tuple[str, Row], ...] = (
    (
        "FERMOIR",
        {"firstName": "Ludivine", "lastName": "Vernoisel", "gender": 1, "typeId": 4, "phone1": "01 99 00 81 10"},
    ),
    (
        "JASPE",
        {
            "firstName": "Théophile",
            "lastName": "Brancourt-Dœuff",
            "gender": 0,
            "typeId": 2,
            "phone2": "+33639988111",
            "email": "T.Brancourt@Jaspe.example",
            "salesRepId": OTHER_SALES_REP,
        },
    ),
    (
        "SAPHIRIN",
        {"firstName": "Anaëlle", "lastName": "Cormeroux", "typeId": 7, "comment": "Rencontrée au salon de septembre"},
    ),
    (
        NEWCOMER,
        {"firstName": "Balthazar", "lastName": "Zimbrelin", "gender": 0, "typeId": 1, "phone1": "01 99 00 82 20"},
    ),
    (NEWCOMER, {"firstName": "Églantine", "lastName": "Roselaer", "gender": 1, "email": "e.roselaer@zephyr.example"}),
)


def _company(company: Company, kind: int, *, prospect: int) -> Row:
    return {
        "CT_Num": company.code,
        "CT_Intitule": company.name,
        "CT_Type": kind,
        "CT_Prospect": prospect,
        "CT_Sommeil": int(company.code == _DORMANT),
        "CT_Classement": company.name[:17],
        "CT_Ville": company.town,
        "CT_CodePostal": company.postcode,
        "CT_Pays": "France",
        "CT_NumPayeur": company.code,
        "CT_EMail": f"contact@{_domain(company.code)}",
        "CG_NumPrinc": None if prospect else ("4110000", "4010000")[kind],
        "cbModification": _FIRST_EDIT,
        "cbCreation": _FIRST_EDIT,
    }


def _contact(number: int, code: str) -> Row:
    pair, is_man = divmod(number, 2)
    last_name, first_name = _LAST_NAMES.split()[number], (_MEN if is_man else _WOMEN).split()[pair]
    edited = _FIRST_EDIT + timedelta(hours=7 * number, minutes=number)
    return {
        "CT_Num": code,
        "CT_Nom": last_name,
        "CT_Prenom": first_name,
        "N_Service": number % 5,
        "CT_Fonction": _JOBS[number % len(_JOBS)],
        "CT_Telephone": _numbered(_PHONE_FORMS[number % len(_PHONE_FORMS)], number),
        "CT_TelPortable": _numbered(_MOBILE_FORMS[number % len(_MOBILE_FORMS)], number),
        "CT_Telecopie": _numbered("01 99 00 {} {}" if number % 9 == 0 else "", 1000 + number),
        "CT_EMail": _email(number, first_name, last_name, code),
        "CT_Civilite": _civility(number, is_man=bool(is_man)),
        "N_Contact": 1 if number % 4 == 0 else 0,
        "CT_No": number + 1,
        "CT_LinkedIn": "",
        "CT_Skype": "",
        "cbModification": edited,
        "cbCreation": edited,
    }


def _civility(number: int, *, is_man: bool) -> int:
    """0 Monsieur, 1 Madame, 2 Mademoiselle."""
    if is_man:
        return 0
    return 2 if number % 20 == 0 else 1


def _numbered(form: str, number: int) -> str:
    """Fill a phone form with the last four digits: a number of its own for each contact."""
    digits = f"{1000 + number * 7:04}"
    return form.format(digits[:2], digits[2:])


def _email(number: int, first_name: str, last_name: str, code: str) -> str:
    if number % 8 == 7:  # noqa: PLR2004 - one in eight has none
        return ""
    local = f"{_ascii(first_name)}.{_ascii(last_name)}"
    return f"{local if number % 6 == 0 else local.lower()}@{_domain(code)}"


def _ascii(name: str) -> str:
    """A name as it goes into an e-mail address."""
    plain = unicodedata.normalize("NFD", name.replace("œ", "oe").replace("æ", "ae"))
    return "".join(sign for sign in plain if sign.isascii() and (sign.isalnum() or sign == "-"))


def _domain(code: str) -> str:
    return f"{code.lower()}.example"


def _account(company: Company, status: int) -> Row:
    return {
        "name": company.name,
        "extId": company.code,
        "branchId": BRANCH,
        "salesRepId1": SALES_REP,
        "statusId": status,
        "city": company.town,
        "postcode": company.postcode,
        "countryId": FRANCE,
        "email": f"contact@{_domain(company.code)}",
        "dateCreated": _OPENED,
    }
