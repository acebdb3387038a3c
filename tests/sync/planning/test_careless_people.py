"""P4: a first run over what careless people typed: nobody becomes somebody else, nobody is doubled unasked."""

from random import Random

import pytest

from sage100_ssm.sync.journal import Code
from sage100_ssm.sync.planning.decide import decide
from sage100_ssm.sync.rules.evidence import People
from tests.support import careless, worlds

SEEDS = range(12)
ASKED = {Code.AMBIGUOUS_MATCH, Code.POSSIBLE_DUPLICATE}


def first_run(seed):
    random = Random(seed)  # noqa: S311 - no secret
    typed = careless.typed(random, careless.people(random, 120))
    return typed, decide(worlds.world(typed.sage100, typed.ssm))


def held(plan):
    """The contacts about which a person is asked, per side."""
    facts = [p.facts for p in plan.problems if p.code in ASKED]
    return {n.id for f in facts for n in f.in_sage100}, {n.id for f in facts for n in f.in_ssm}


@pytest.mark.parametrize("seed", SEEDS)
def test_p4_nobody_is_linked_to_somebody_else(seed):
    typed, plan = first_run(seed)
    wrong = [m for m in plan.matches if typed.in_sage100[m.sage100.id] != typed.in_ssm[m.ssm.id]]
    assert wrong == []


@pytest.mark.parametrize("seed", SEEDS)
def test_p4_whoever_is_only_spelled_otherwise_is_matched(seed):
    typed, plan = first_run(seed)
    matched = {(m.sage100.id, m.ssm.id) for m in plan.matches}
    spelled = {p for p in careless.pairs(typed) if typed.ways[typed.in_sage100[p[0]]] in careless.SPELLINGS}
    missed = [(typed.ways[typed.in_sage100[p[0]]], p) for p in spelled - matched]
    assert missed == []


@pytest.mark.parametrize("seed", SEEDS)
def test_p4_whom_evidence_names_is_never_doubled_unasked(seed):
    typed, plan = first_run(seed)
    matched = {(m.sage100.id, m.ssm.id) for m in plan.matches}
    in_sage100, in_ssm = held(plan)
    rows = {row["cbMarq"]: row for row in typed.sage100}
    doubled = []
    for marq, card in careless.pairs(typed):
        way, row = typed.ways[typed.in_sage100[marq]], rows[marq]
        has_evidence = way in careless.DOUBTFUL or row["CT_EMail"].startswith("person") or row["CT_TelPortable"]
        if (marq, card) not in matched and has_evidence and not (marq in in_sage100 and card in in_ssm):
            doubled.append((way, row["CT_Nom"], row["CT_Prenom"]))
    assert doubled == []


def test_p4_a_mailbox_that_a_whole_company_shares_makes_no_pairs(monkeypatch):
    # In a company of thousands they would be millions, and the run would not end.
    asked = []
    monkeypatch.setattr(People, "is_own", lambda *trait: bool(asked.append(trait)))
    rows = [worlds.sage_row(n, CT_Nom=f"Nom{n}", CT_EMail="contact@alpha.example") for n in range(1, 31)]
    cards = [worlds.ssm_row(500 + n, lastName=f"Autre{n}", email="contact@alpha.example") for n in range(30)]
    assert len(decide(worlds.world(rows, cards)).writes) == 60
    assert asked == []
