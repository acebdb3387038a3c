"""A search in what is stored: links, SSM contacts as last read, the journal. Neither side is asked."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from sage100_ssm.app.search.query import Query
from sage100_ssm.app.search.standing import (
    Person,
    ids_of,
    people_of,
    subject_of_link,
)
from sage100_ssm.app.settings import Settings
from sage100_ssm.like_pattern import digits_pattern, like_pattern
from sage100_ssm.sync.contacts import normalise
from sage100_ssm.sync.contacts.companies import Companies, MalformedRowError
from sage100_ssm.sync.contacts.contact import Contact, ExtId
from sage100_ssm.sync.contacts.fields import NAMES, Field, FieldKind, field_map
from sage100_ssm.sync.contacts.mapping import Mapper
from sage100_ssm.sync.journal import Subject
from sage100_ssm.sync.model import Link, Side
from sage100_ssm.sync.state.transaction import Transaction

_CONTACTS, _ACCOUNTS = "contacts", "accounts"
_NEAR_ENOUGH = 80
"""How alike two names are, of 100, to be proposed one for the other."""
_PROPOSED, _COMPARED = 5, 50
_FEW_ACCOUNTS = 5
_ACCOUNTS_AT_MOST = 50
"""Companies whose name contains a word; one that more of them have does not narrow a search."""


class StoredSearch:
    """A search in the state.

    Args:
        transaction: the state.
        settings: the settings of the installation.
        asked: what is asked for.
    """

    def __init__(self, transaction: Transaction, settings: Settings, asked: Query) -> None:
        self._search, self._settings, self._asked = transaction.search, settings, asked
        self.fields = field_map(settings.fields)
        self._types = list(transaction.observed("contact_types"))
        self._accounts_of_word = self._accounts_by_word()

    def people(self, limit: int) -> list[Person]:
        """The contacts that answer, those with a live link first; at most ``limit``."""
        found: dict[tuple[Side, int], Person] = {}
        for person in islice(self._candidates(found), limit):
            found |= dict.fromkeys(person.refs, person)
        return list({id(person): person for person in found.values()}.values())

    def _candidates(self, found: Mapping[tuple[Side, int], Person]) -> Iterator[Person]:
        for link in self._links():
            if found.keys().isdisjoint(ids_of(subject_of_link(link))) and self._answers_link(link):
                yield self.person_of_link(link)
        for contact in self._cards():
            if (Side.SSM, contact.id) not in found and not self._was_restored(contact, found):
                yield self.person_of(contact.subject, {Side.SSM: contact})
        for subject in self._in_journal():
            if found.keys().isdisjoint(ids_of(subject)):
                yield self.person_of(subject, {})

    def _was_restored(self, card: Contact, found: Collection[tuple[Side, int]]) -> bool:
        """Whether a contact that was found has a new card in place of this deleted one (P5)."""
        mark = ExtId.parse(card.ext_id) if card.deleted and card.ext_id else None
        is_ours = mark is not None and mark.database == self._settings.sage100.company
        return mark is not None and is_ours and (Side.SAGE100, mark.sage100_id) in found

    # --- links

    def _links(self) -> Iterator[Link]:
        asked = self._asked
        if asked.refs:
            yield from self._search.links_of(asked.ids(Side.SAGE100), asked.ids(Side.SSM))
        if asked.email:
            yield from self._search.links_with(like_pattern(asked.email))
        if asked.digits:
            yield from self._search.links_with(digits_pattern(asked.digits))
        if asked.words:
            words = [(like_pattern(word), self._codes(word)) for word in asked.words]
            yield from self._search.links_named(words)

    def _answers_link(self, link: Link) -> bool:
        if set(self._asked.refs) & {ref for ref in self._asked.refs if (ref.side, ref.id) in _refs(link)}:
            return True
        texts = [link.contact, *_values(link, [f for f in self.fields if f.name in NAMES])]
        texts += self._company_texts(link.company)
        emails, phones = (_values(link, self._of_kind(kind)) for kind in (FieldKind.EMAIL, FieldKind.PHONE))
        return self._asked.matches((str(text) for text in texts if text), emails, phones)

    def person_of_link(self, link: Link) -> Person:
        """The contact of a link, with its SSM row as it was last read."""
        rows = self._search.observed_of(_CONTACTS, [link.ssm_id])
        return Person(subject_of_link(link), link, {card.side: card for card in self._read(rows)})

    # --- rows of SSM

    def _cards(self) -> Iterator[Contact]:
        rows = self._search.observed_of(_CONTACTS, self._asked.ids(Side.SSM)) if self._asked.refs else []
        for contact in (*self._read(rows), *self._read(self._rows_like())):
            if self.answers(contact):
                yield contact

    def _rows_like(self) -> Iterator[Mapping[str, Any]]:
        asked = self._asked
        if asked.ext_id:
            yield from self._search.unlinked_like([[like_pattern(asked.ext_id.lower())]])
        if asked.email:
            yield from self._search.unlinked_like([[like_pattern(asked.email)]])
        if asked.digits:
            yield from self._search.unlinked_like([[digits_pattern(asked.digits)]])
        if asked.words:
            words = [[like_pattern(word), *self._account_patterns(word)] for word in asked.words]
            yield from filter(self._has_all_words, self._search.unlinked_like(words))

    def _has_all_words(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of SSM has each word in its names or in its company, before more is made of it."""
        name = normalise.name(f"{row.get('firstName') or ''} {row.get('lastName') or ''}")
        account = _account_id(row)
        return all(
            word in name or any(known["id"] == account for known in self._accounts_of_word[word])
            for word in self._asked.words
        )

    def answers(self, contact: Contact, company_name: str | None = None) -> bool:
        """Whether a contact of a side answers to what is asked for; by the name of its company in Sage, too."""
        asked = self._asked
        if contact.ref in asked.refs or (asked.ext_id and contact.ext_id == asked.ext_id):
            return True
        texts = [contact.full_name, company_name, *self._company_texts(contact.company)]
        emails, phones = (
            [contact.values.get(f.name) for f in self._of_kind(kind)] for kind in (FieldKind.EMAIL, FieldKind.PHONE)
        )
        return asked.matches(texts, emails, phones)

    def _read(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Contact]:
        """Rows of SSM as contacts, with their companies; one that cannot be understood is left out."""
        known = list(rows)
        mapper = self.mapper(self._search.observed_of(_ACCOUNTS, {id_ for row in known if (id_ := _account_id(row))}))
        for row in known:
            try:
                yield mapper.read(Side.SSM, row)
            except MalformedRowError:
                # Its problem in the journal names it.
                continue

    def mapper(self, accounts: Iterable[Mapping[str, Any]] = (), companies: Iterable[Mapping[str, Any]] = ()) -> Mapper:
        """A mapper that knows these companies alone, as rows of both sides."""
        settings = self._settings
        known = Companies(companies, accounts, code_field=settings.ssm.company_code_field, scope=settings.scope)
        return Mapper(self.fields, known, self._types, {}, settings.locale, settings.policy)

    def accounts_for(self, people: Iterable[Person]) -> list[dict[str, Any]]:
        """The stored accounts of contacts' companies."""
        contacts = (contact for person in people for contact in person.contacts.values())
        return self._search.observed_of(_ACCOUNTS, {c.account for c in contacts if c.account is not None})

    # --- the journal

    def _in_journal(self) -> Iterator[Subject]:
        asked = self._asked
        entries = self._search.entries_of(asked.ids(Side.SAGE100), asked.ids(Side.SSM)) if asked.refs else []
        entries += self._search.entries_like([like_pattern(word) for word in asked.words]) if asked.words else []
        refs = {(ref.side, ref.id) for ref in asked.refs}
        for subject in (subject for known in entries for subject in people_of(known.entry)):
            ids = set(ids_of(subject))
            texts = [subject.contact, *self._company_texts(subject.company)]
            if ids and (ids & refs or asked.matches(texts, (), ())):
                yield subject

    def person_of(self, subject: Subject, contacts: dict[Side, Contact]) -> Person:
        """A contact with its link, if it has or had one."""
        sage100_ids = [] if subject.sage100_id is None else [subject.sage100_id]
        ssm_ids = [] if subject.ssm_id is None else [subject.ssm_id]
        links = self._search.links_of(sage100_ids, ssm_ids)
        if not links:
            return Person(subject, None, contacts)
        person = self.person_of_link(links[-1])
        return replace(person, contacts=person.contacts | contacts)

    # --- companies

    def _accounts_by_word(self) -> dict[str, list[dict[str, Any]]]:
        """Per word, the accounts whose name or code contains it, or all of the words; of a frequent word the latter."""
        words = self._asked.words
        of_all = self._named_accounts(words) if len(words) > 1 else []
        by_word = {word: self._named_accounts([word]) for word in words}
        return {word: [*of_all, *(rows if len(rows) < _ACCOUNTS_AT_MOST else [])] for word, rows in by_word.items()}

    def _named_accounts(self, words: Sequence[str]) -> list[dict[str, Any]]:
        """The accounts whose name or code contains these words; at most so many."""
        rows = self._search.accounts_like([like_pattern(word) for word in words])
        texts = ((row, normalise.name(f"{row.get('name') or ''} {self._code(row)}")) for row in rows)
        named = (row for row, text in texts if all(word in text for word in words))
        return list(islice(named, _ACCOUNTS_AT_MOST))

    def account_ids(self) -> list[int]:
        """The accounts of SSM whose name or code contains one of the words, of a word that is in few of them."""
        few = (rows for rows in self._accounts_of_word.values() if len(rows) <= _FEW_ACCOUNTS)
        return sorted({row["id"] for rows in few for row in rows})

    def _code(self, row: Mapping[str, Any]) -> str:
        code = row.get(self._settings.ssm.company_code_field)
        return str(code.get("value") if isinstance(code, Mapping) else code or "")

    def _codes(self, word: str) -> list[str]:
        return [code for row in self._accounts_of_word[word] if (code := self._code(row))]

    def _account_patterns(self, word: str) -> list[str]:
        """What the rows of contacts of these accounts contain."""
        ids = {row["id"] for row in self._accounts_of_word[word]}
        if len(ids) > _FEW_ACCOUNTS:
            return ['%"accountId":%']
        return [f'%"accountId":{form}%' for id_ in ids for form in (f'{{"id":{id_},', f"{id_},", f'{{"id":{id_}}}')]

    def _company_texts(self, code: str | None) -> list[str]:
        """A company's code, and its name where the search found it by that."""
        if not code:
            return []
        key = normalise.company_code(code)
        rows = (row for rows in self._accounts_of_word.values() for row in rows)
        return [code, *(str(r.get("name") or "") for r in rows if normalise.company_code(self._code(r)) == key)]

    # --- near spellings

    def nearest(self) -> tuple[str, ...]:
        """Names that are spelled nearly like what is asked for."""
        if not self._asked.words:
            return ()
        # This import takes longer than the whole of an ordinary search.
        from rapidfuzz import fuzz, process  # noqa: PLC0415 - as said

        wanted = " ".join(self._asked.words)
        # First as they are written: to normalise each of a hundred thousand names takes a second.
        rough = process.extract(
            wanted, set(self._search.names()), processor=str.casefold, scorer=fuzz.WRatio, limit=_COMPARED
        )
        names = {normalise.name(name): name for name, _score, _index in rough}
        near = process.extract(wanted, names.keys(), scorer=fuzz.WRatio, score_cutoff=_NEAR_ENOUGH, limit=_PROPOSED)
        return tuple(names[key] for key, _score, _index in near)

    def _of_kind(self, kind: FieldKind) -> list[Field]:
        return [f for f in self.fields if f.kind is kind]


def _refs(link: Link) -> set[tuple[Side, int]]:
    return set(ids_of(subject_of_link(link)))


def _values(link: Link, fields: Iterable[Field]) -> list[object]:
    pairs = (link.base.get(f.name) for f in fields)
    return [value for pair in pairs if pair for value in (pair.sage100, pair.ssm)]


def _account_id(row: Mapping[str, Any]) -> int | None:
    account = row.get("accountId")
    id_ = account.get("id") if isinstance(account, Mapping) else account
    return id_ if isinstance(id_, int) else None
