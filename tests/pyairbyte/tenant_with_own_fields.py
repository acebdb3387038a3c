"""An SSM tenant on loopback with fields of its own; run by the product's Python until its standard input ends."""

import sys

from sage100_ssm.standins.ssm_api.resources import ApiField, ApiType
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from sage100_ssm.standins.ssm_api.store import Store
from sage100_ssm.standins.ssm_api.tenant import with_value_lists

OWN = [
    ApiField("Z_sponsor", ApiType.REFERENCE, table="accounts"),
    ApiField("Z_visits", ApiType.INTEGER),
    ApiField("Z_met", ApiType.DATE),
    ApiField("Z_vip", ApiType.BOOLEAN),
    ApiField("Z_note"),
]

store = with_value_lists(Store(extra_fields={"contacts": OWN}))
gold, silver = (
    store.create("accounts", {"name": name, "branchId": 16, "salesRepId1": 310}, user=90) for name in ("Or", "Argent")
)
contact = {"firstName": "Zoé", "accountId": gold, "salesRepId": 310}
filled = {"Z_sponsor": silver, "Z_visits": 3, "Z_met": "2024-05-01T10:00:00Z", "Z_vip": True, "Z_note": "Été"}
store.create("contacts", {**contact, "lastName": "Durand", **filled}, user=90)
store.create("contacts", {**contact, "lastName": "Petit"}, user=90)
with SsmApiServer(store) as api:
    sys.stdout.write(f"base_url: {api.base_url}\npublic_key: {api.public_key}\nprivate_key: {api.private_key}\n")
    sys.stdout.flush()
    sys.stdin.read()
