"""A write that SSM refused, in parts: which of its values SSM takes, and which it refuses (P7). Pure.

What is refused is halved until the culprit is alone. Where the refusal names the field, that field is left out at once.
A creation is first tried with what a new row cannot do without; its other fields follow as updates of the new row, so
that no contact is created twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Any

from destination_ssm.decision import CreationRules, Write
from destination_ssm.reasons import without_values
from destination_ssm.value_forms import holds
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Action, Cause, Outcome, Receipt
from sage100_ssm.ssm.errors import Rejected
from sage100_ssm.ssm.values import Row

Part = tuple[str, ...]
"""The fields of one request."""

_NAMES = ("lastName", "firstName")
"""Written together or not at all: no row ever has the last name of one person and the first name of another."""


@dataclass(frozen=True, slots=True)
class Division:
    """A write that SSM refused as a whole, on its way in parts.

    Attributes:
        write: the write as it was decided.
        refusal: SSM's refusal of the whole.
        id: the row; of a creation, once it is created.
        waiting: the parts that are still to be sent, in this order. Of a creation, the first one is sent with the
            `required` fields, and may be empty.
        taken: the fields that SSM has taken.
        refused: the fields that SSM refuses, each with its words.
        suspects: the fields that SSM seems to have refused the first part for: it refuses them if it takes the first
            part without them. Each with its words.
        required: of a creation, the fields that the new row cannot do without.
        fallbacks: of a creation, values that may take the place of required ones.
        replaced: those of them that did.
    """

    write: Write
    refusal: Rejected
    id: int | None
    waiting: tuple[Part, ...]
    taken: frozenset[str] = frozenset()
    refused: Mapping[str, str] = default(default_factory=dict)
    suspects: Mapping[str, str] = default(default_factory=dict)
    required: frozenset[str] = frozenset()
    fallbacks: Mapping[str, Any] = default(default_factory=dict)
    replaced: Mapping[str, Any] = default(default_factory=dict)

    @classmethod
    def of(cls, write: Write, refusal: Rejected, rules: CreationRules, required: Collection[str]) -> "Division":
        """The division of a write that SSM has just refused.

        Args:
            write: the write, whole.
            refusal: SSM's answer.
            rules: what a new row needs.
            required: what a new row needs beside that in this instance.
        """
        if write.action is not Action.CREATE:
            return cls(write, refusal, write.id, (tuple(write.fields),)).after_refusal(refusal)
        # Without its `extId` a row could be created twice: SSM may have refused it because another row has it.
        needed = frozenset({"extId", *rules.required, *required}) & write.fields.keys()
        fallbacks = {f: v for f, v in rules.defaults.items() if v is not None and write.fields.get(f) not in (None, v)}
        optional = tuple(field for field in write.fields if field not in needed)
        whole = cls(write, refusal, None, (optional,), required=needed, fallbacks=fallbacks)
        return whole.after_refusal(refusal)

    # --- what is sent next, and what comes of it

    @property
    def is_creating(self) -> bool:
        """Whether there is no row yet."""
        return self.write.action is Action.CREATE and self.id is None

    @property
    def next_write(self) -> Write:
        """The write of the next part."""
        part = self.waiting[0]
        if self.is_creating:
            needed = {field: value for field, value in self.write.fields.items() if field in {*self.required, *part}}
            return replace(self.write, fields={**needed, **self.replaced})
        return self._only(part, Action.UPDATE)

    def after_acceptance(self, identifier: int | None) -> "Division":
        """What remains once SSM has taken the next part.

        Args:
            identifier: the row, as SSM names it.
        """
        # A required field that was replaced has its own value refused.
        needed = self.required - self.replaced.keys() if self.is_creating else frozenset()
        return replace(
            self,
            id=identifier,
            waiting=tuple(part for part in self.waiting[1:] if part),
            taken=self.taken | {*self.waiting[0]} | needed,
            refused={**self.refused, **self.suspects},
            suspects={},
        )

    def after_refusal(self, refusal: Rejected) -> "Division":
        """What remains once SSM has refused the next part, too."""
        words, part = refusal.detail or str(refusal), self.waiting[0]
        named = _named(part, refusal)
        if self.is_creating and not part:
            return self._without_optional_refused(refusal, words)
        if self.is_creating and not named and (replaceable := _named(tuple(self.fallbacks), refusal)):
            return self._with_fallbacks(replaceable, words)
        # What was suspected before may be innocent, and is sent by itself.
        others = (*_units(tuple(self.suspects)), *self.waiting[1:])
        if not self.is_creating and len(_units(part)) == 1:
            return replace(self, waiting=others, refused={**self.refused, **dict.fromkeys(part, words)}, suspects={})
        innocent = tuple(field for field in part if field not in named)
        if len(_units(named)) == 1 and (innocent or self.is_creating):
            return replace(self, waiting=(innocent, *others), suspects=dict.fromkeys(named, words))
        split = (innocent, named) if named and innocent else _halves(part)
        # A creation is tried next without any optional field: that shows whether they are the matter at all.
        first: tuple[Part, ...] = ((),) if self.is_creating else ()
        return replace(self, waiting=(*first, *split, *others), suspects={})

    def _without_optional_refused(self, refusal: Rejected, words: str) -> "Division":
        """What remains once SSM refuses a creation even without its optional fields."""
        left_out = (*(field for part in self.waiting for field in part), *(self.suspects.keys() - self.replaced.keys()))
        # A field that this instance wants filled without its schema saying so.
        if wanted := _named(left_out, refusal):
            waiting = tuple(tuple(f for f in part if f not in wanted) for part in self.waiting)
            suspects = {field: said for field, said in self.suspects.items() if field not in wanted}
            return replace(self, required=self.required | {*wanted}, waiting=waiting, suspects=suspects)
        if self.fallbacks:
            return self._with_fallbacks(tuple(self.fallbacks), words)
        culprits = _named(tuple(field for field in self.write.fields if field in self.required), refusal)
        return replace(self, waiting=(), suspects={}, refused=dict.fromkeys(culprits, words))

    def _with_fallbacks(self, fields: Part, words: str) -> "Division":
        """The same with the fallbacks of required fields, such as the default owner for one who has left."""
        first, *others = self.waiting
        return replace(
            self,
            waiting=(first, *_units(tuple(self.suspects)), *others),
            replaced={**self.replaced, **{field: self.fallbacks[field] for field in fields}},
            fallbacks={field: value for field, value in self.fallbacks.items() if field not in fields},
            suspects=dict.fromkeys(fields, words),
        )

    # --- where it was interrupted

    @property
    def remaining_request(self) -> WriteRequest:
        """The request for what has not been sent yet, to be decided anew after a new look (P11)."""
        request = self.write.request
        if self.is_creating:
            return request
        open_fields = {*self.suspects, *(field for part in self.waiting for field in part)}
        values = {field: value for field, value in request.values.items() if field in open_fields}
        if self.write.action is Action.CREATE:
            # Texts are empty in the new row, unless somebody has typed there since. Of other fields SSM fills some.
            expected = {field: self.replaced.get(field) for field, value in values.items() if isinstance(value, str)}
            return replace(request, action=Action.UPDATE, id=self.id, values=values, expected=expected)
        # What is written already does not have the expected value any more.
        expected = {field: value for field, value in (request.expected or {}).items() if field not in self.taken}
        return replace(request, action=Action.UPDATE, id=self.id, values=values, expected=expected)

    def after_look(self, row: Row) -> "Division":
        """What remains after a new look at the row: what it shows already was done, or typed by somebody else."""
        division = self
        while division.waiting and all(holds(row, field, self.write.fields[field]) for field in division.waiting[0]):
            division = division.after_acceptance(row["id"])
        return division

    # --- what it came to

    @property
    def has_written(self) -> bool:
        """Whether SSM has taken anything."""
        return bool(self.taken)

    @property
    def written(self) -> Write:
        """The write, with the fields alone that SSM has taken."""
        write = self._only(self.taken, self.write.action)
        return replace(write, fields={**write.fields, **self.replaced} if self.id is not None else write.fields)

    def reported(self, receipt: Receipt) -> Receipt:
        """The receipt of the whole write, from that of what was sent last: with the fields that SSM refuses."""
        receipt = replace(receipt, action=self.write.action, wrote=receipt.wrote or self.has_written)
        is_finished = not self.waiting
        if receipt.outcome is Outcome.APPLIED and is_finished:
            return replace(receipt, refused=self.refused, reason=self._reason)
        if self.write.action is Action.CREATE and self.id is not None:
            # The row exists; what it does not have yet is for whoever looks again.
            return replace(receipt, outcome=Outcome.UNCERTAIN, id=self.id, cause=receipt.cause or Cause.NOT_CONFIRMED)
        if receipt.outcome is Outcome.APPLIED:
            return replace(receipt, outcome=Outcome.RETRY, cause=Cause.CONNECTION, detail="written in part so far")
        if receipt.cause is Cause.REJECTED and is_finished and self._has_one_culprit:
            return replace(receipt, cause=Cause.VALUE_REFUSED, field=next(iter(self.refused)), refused=self.refused)
        return receipt

    @property
    def _reason(self) -> str:
        """Why SSM refuses some of the fields, without values."""
        words = {field: without_values(said, self.write.fields) for field, said in self.refused.items()}
        return "; ".join(f"{field}: {said}" if said else f"{field} is refused" for field, said in words.items())

    @property
    def _has_one_culprit(self) -> bool:
        # Where every one of several parts is refused, the refusal is about the record and not about a value.
        return len(_units(tuple(self.refused))) == 1

    def _only(self, fields: Collection[str], action: Action) -> Write:
        chosen = {field: value for field, value in self.write.fields.items() if field in fields}
        texts = {field: text for field, text in self.write.texts.items() if field in fields}
        return replace(self.write, action=action, id=self.id, fields=chosen, texts=texts)


def names_a_field(refusal: Rejected, fields: Collection[str]) -> bool:
    """Whether a refusal names one of the fields that were sent."""
    return bool(_named(tuple(fields), refusal))


def _named(fields: Part, refusal: Rejected) -> Part:
    """Those of some fields that a refusal names, each with what is written together with it."""
    named = {field for field in fields if field.lower() in refusal.words}
    return tuple(field for unit in _units(fields) if named & {*unit} for field in unit)


def _units(part: Part) -> list[Part]:
    """The fields of a part one by one, those that are written together as one."""
    together = tuple(field for field in _NAMES if field in part)
    return ([together] if together else []) + [(field,) for field in part if field not in _NAMES]


def _halves(part: Part) -> tuple[Part, Part]:
    """A part of several units in two."""
    units = _units(part)
    middle = (len(units) + 1) // 2
    one, two = (tuple(field for unit in half for field in unit) for half in (units[:middle], units[middle:]))
    return one, two
