"""What every SSM tenant has before its first account: users, branches and value lists."""

from collections.abc import Mapping
from typing import Any

from sage100_ssm.standins.ssm_api.store import Store

API_USER = 90
"""The user in whose name the API writes."""
SALES_REP = 310
"""The sales rep who owns contacts that are created without one (``default_sales_rep_id``)."""
OTHER_SALES_REP = 311
BRANCH = 16
"""The branch of accounts (``default_branch_id``)."""
FRANCE = 75

CONTACT_TYPES = {
    1: ("Managing director", "Gérant"),
    2: ("Purchasing manager", "Responsable achats"),
    3: ("Accountant", "Comptable"),
    4: ("Shop manager", "Responsable de boutique"),
    5: ("Workshop manager", "Chef d'atelier"),
    6: ("Sales assistant", "Vendeur"),
    7: ("Chief financial officer", "Directeur administratif et financier"),
    8: ("Assistant", "Assistanat de direction"),
    9: ("Department of Administration", ""),
    10: ("", "Gemmologue"),
}
"""Job titles by id: English and French label. Some have a label in one language only, as in real tenants."""

CLIENT, PROSPECT = 1, 2
"""Account statuses."""


def with_value_lists(store: Store) -> Store:
    """Fill a store with users, branches and value lists. Returns the store."""
    for row_id, name, last_name in [
        (API_USER, "API", "Sage 100"),
        (310, "Maëlle", "Corvisier"),
        (311, "Ulysse", "Banel"),
    ]:
        store.put("users", _user(row_id, name, last_name))
    _put_labels(store, "branches", {BRANCH: ("Headquarter", "Siège")})
    _put_labels(store, "contactTypes", CONTACT_TYPES)
    _put_labels(store, "accountTypes", {1: ("Retailer", "Détaillant"), 2: ("Wholesaler", "Grossiste")})
    _put_labels(store, "accountStatuses", {CLIENT: ("Client", "Client"), PROSPECT: ("Prospect", "Prospect")})
    store.put("countries", _country(FRANCE, "FR", "FRA", 250, "33", "France"))
    store.put("countries", _country(21, "BE", "BEL", 56, "32", "Belgique"))
    return store


def _put_labels(store: Store, table: str, labels: Mapping[int, tuple[str, str]]) -> None:
    for order, (row_id, (english, french)) in enumerate(labels.items(), start=1):
        store.put(table, {"id": row_id, "order": order, "descriptionEN": english, "descriptionFR": french})


def _user(row_id: int, name: str, last_name: str) -> dict[str, Any]:
    return {
        "id": row_id,
        "name": name,
        "lastName": last_name,
        "email": f"{name}.{last_name}@bijou.example".lower().replace(" ", "").replace("ë", "e"),
        "level": 3,
        "isActive": True,
        "locale": "fr",
        "branches": [{"id": BRANCH, "description": "Siège"}],
        "userTypeId": {"id": 1, "description": "Commercial"},
    }


def _country(row_id: int, iso2: str, iso3: str, iso_num: int, phone_code: str, name: str) -> dict[str, Any]:
    return {"id": row_id, "iso2": iso2, "iso3": iso3, "isoNum": iso_num, "phoneCode": phone_code, "strName": name}
