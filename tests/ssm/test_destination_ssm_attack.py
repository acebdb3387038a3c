"""Any faults at any calls, and people who save between them: no typed value is lost, and nobody is there twice."""

import os
from contextlib import suppress

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sage100_ssm.exchange.receipt import Action, Outcome
from sage100_ssm.standins.ssm_api.faults import (
    EMPTY_PAGE,
    HTML,
    CannedResponse,
    CutJson,
    Delay,
    ExpireTokens,
    Fault,
    PartOfBulk,
    ReorderedResults,
    Reset,
)
from sage100_ssm.standins.ssm_api.server import SsmApiServer
from tests.support.ssm_side import Side

OLD, OURS = "old@or.example", "ours@or.example"
EXAMPLES = int(os.environ.get("ATTACKS", "40"))
NO_WAIT = {"Retry-After": "0"}
REFUSALS, REFUSALS_AFTER = (400, 403, 404, 409, 423, 425, 429, 500, 503), (400, 409, 429, 500, 503)
EFFECTS = {
    **{
        f"{status}": CannedResponse(status, headers=NO_WAIT) for status in (400, 403, 404, 409, 423, 425, 429, 500, 503)
    },
    **{f"{status} after": CannedResponse(status, headers=NO_WAIT, after=True) for status in (400, 409, 429, 500, 503)},
    "403 HTML": CannedResponse(403, "<h1>Blocked</h1>"),
    "HTML": HTML,
    "reset": Reset(),
    "reset after": Reset(after=True),
    "cut": CutJson(),
    "time-out after": Delay(0.5, after=True),
    "expired": ExpireTokens(),
    "empty": EMPTY_PAGE,
    "part": PartOfBulk(2),
    "reordered": ReorderedResults(left_out=1),
    "wrong id": CannedResponse(200, {"id": 1, "Message": "done"}, after=True),
    "wrong id, undone": CannedResponse(200, {"id": 1, "Message": "done"}),
}
ONLY_READS, ONLY_BULK = {"empty"}, {"part", "reordered"}
METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", None])


@st.composite
def faults(draw):
    name = draw(st.sampled_from(sorted(EFFECTS)))
    method = "GET" if name in ONLY_READS else draw(METHODS)
    path = "/contacts/bulk" if name in ONLY_BULK else "/contacts*"
    return Fault(EFFECTS[name], method, path, draw(st.integers(1, 5)), draw(st.integers(1, 4)))


class Typist:
    """Somebody who saves other e-mails, never between a look and the write that rests on it: seconds, by P11.

    Attributes:
        typed: the last value saved in each contact.
    """

    def __init__(self, side, moments):
        self.side, self.moments, self.typed = side, moments, {}
        self.calls = 0

    def after_write(self, call):
        # Those written side by side with it may be between their look and their write.
        if call.method in {"PUT", "DELETE"}:
            last = call.path.rpartition("/")[2]
            self._type(int(last) if last.isdigit() else None)

    def before_look(self, call):
        if (call.method, call.path) == ("GET", "/contacts") and not call.query.get("page", "0").strip("0"):
            self._type(None)

    def _type(self, only):
        self.calls += 1
        for at, contact in self.moments:
            if at == self.calls:
                rows = [row for row in self.side.api.store.rows("contacts") if not row["deleted"] and row["extId"]]
                rows = [row for row in rows if row["extId"].startswith("known") and only in {None, row["id"]}]
                row = rows[contact % len(rows)] if rows else None
                if row:
                    value = f"typed{self.calls}@or.example"
                    self.side.api.store.update("contacts", row["id"], {"email": value}, user=310)
                    self.typed[row["id"]] = value


@pytest.mark.parametrize("bulk", [False, True])
def test_p11_whatever_goes_wrong_no_typed_value_is_lost_and_nobody_is_there_twice(bulk):
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )
    @given(
        st.lists(faults(), max_size=4),
        st.lists(st.tuples(st.integers(1, 6), st.integers(0, 20)), max_size=4),
        st.integers(0, 2),
    )
    def attack(ordered, moments, deletions):
        attacked(ordered, moments, deletions, bulk=bulk)

    attack()


def attacked(ordered, moments, deletions, *, bulk):
    with SsmApiServer() as api:
        side = Side(api)
        try:
            stranger = side.contact(id=1, extId="stranger", lastName="Martin")
            known = [side.contact(lastName=f"L{n}", extId=f"known{n}", email=OLD) for n in range(10 if bulk else 4)]
            records = [{"id": number, "email": OURS, "_expected": {"email": OLD}} for number in known]
            for record in records[:deletions]:
                record.pop("email")
                record["_ab_cdc_deleted_at"] = "2024-01-01T00:00:00Z"
            news = [{"_create": True, **side.new(extId=f"new{n}", lastName=f"N{n}")} for n in range(9 if bulk else 3)]
            typist = Typist(side, moments)
            api.on_request, api.on_answer = typist.before_look, typist.after_write
            api.faults.add(*ordered)
            with suppress(AirbyteTracedException):
                side.write(*records, *news, config={"bulk_writes": bulk})
            api.faults.clear()
            judge(side, typist, known, deletions, stranger)
        finally:
            side.client.close()


def judge(side, typist, known, deletions, stranger):
    """The oracle."""
    rows = {row["id"]: row for row in side.api.store.rows("contacts")}
    living = [row["extId"] for row in rows.values() if not row["deleted"]]
    assert len(living) == len(set(living)), "somebody is there twice"
    assert rows[stranger]["lastName"] == "Martin"
    assert (rows[stranger]["email"], rows[stranger]["deleted"]) == (None, False), "a stranger was written"
    for number in known:
        if number in typist.typed and not rows[number]["deleted"]:
            assert rows[number]["email"] == typist.typed[number], "a typed value is lost"
        elif number in typist.typed:
            assert number in known[:deletions]
    for receipt in side.receipts:
        if receipt.outcome is Outcome.APPLIED and receipt.action is Action.CREATE:
            assert rows[receipt.id]["extId"] == receipt.record["extId"] == f"new{receipt.record['lastName'][1:]}"
        if receipt.outcome is Outcome.REFUSED and receipt.action is not Action.CREATE:
            assert receipt.detail or receipt.cause
        if receipt.outcome is Outcome.APPLIED and receipt.action is Action.UPDATE and receipt.record["email"] == OURS:
            assert rows[receipt.id]["email"] in {OURS, typist.typed.get(receipt.id)}
    indexes = sorted(receipt.index for receipt in side.receipts)
    assert indexes == sorted(set(indexes)), "two receipts for one record"
