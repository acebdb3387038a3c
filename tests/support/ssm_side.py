"""An SSM on loopback, and what a write to it gives."""

from airbyte_cdk.models import AirbyteMessageSerializer, ConfiguredAirbyteCatalogSerializer, Type

from destination_ssm.destination import DestinationSsm
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.config import SsmConfig
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.standins.ssm_api.tenant import BRANCH, SALES_REP

HASTE = RetryPolicy(
    attempts=2, wait_initial=0, wait_max=0, pause=0, connect_timeout=1, answer_timeout=1, bulk_timeout=2
)


class Side:
    """A stand-in, and what a write to it gives."""

    def __init__(self, api):
        self.api = api
        self.account = api.store.create(
            "accounts", {"name": "Or", "branchId": BRANCH, "salesRepId1": SALES_REP}, user=90
        )
        self.config = {
            "base_url": api.base_url,
            "public_key": api.public_key,
            "private_key": api.private_key,
            "default_sales_rep_id": SALES_REP,
            "default_branch_id": BRANCH,
            "requests_per_second": 10_000,
        }
        self.client = SsmClient(SsmConfig.model_validate(self.config), HASTE)

    def contact(self, **fields):
        values = {"firstName": "Zoé", "lastName": "Or", "accountId": self.account, "salesRepId": SALES_REP, **fields}
        return self.api.store.create("contacts", values, user=90)

    def new(self, **fields):
        return {"firstName": "Zoé", "lastName": "Or", "accountId": self.account, **fields}

    def write(self, *records, stream="contacts", fields=(), config=None):
        self.receipts = receipts = []
        messages = [
            {"type": "RECORD", "record": {"stream": stream, "data": record, "emitted_at": 1}} for record in records
        ]
        state = {"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": {"at": 1}}}
        stream_of_messages = map(AirbyteMessageSerializer.load, [*messages, {"type": "STATE", "state": state}])
        destination = DestinationSsm(receipts.append, self.client)
        given = list(destination.write({**self.config, **(config or {})}, catalog(stream, fields), stream_of_messages))
        assert [message.type for message in given] == [Type.STATE]
        assert sorted(receipt.index for receipt in receipts) == list(range(len(records)))
        return sorted(receipts, key=lambda receipt: receipt.index)

    def calls(self, *methods):
        return [(call.method, call.path) for call in self.api.requests if call.method in methods]

    def row(self, identifier, table="contacts"):
        return self.api.store.row(table, identifier)


def catalog(stream, fields):
    return ConfiguredAirbyteCatalogSerializer.load(
        {
            "streams": [
                {
                    "stream": {
                        "name": stream,
                        "json_schema": {"properties": {name: {} for name in fields}},
                        "supported_sync_modes": ["incremental"],
                    },
                    "sync_mode": "incremental",
                    "destination_sync_mode": "append",
                }
            ]
        }
    )
