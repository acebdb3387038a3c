"""The page's words in one language, as templates use them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo

from sage100_ssm.exchange.failure import Failure
from sage100_ssm.messages import MINUTE, Language, code_label, describe, evidence_label, field_label, say, say_error
from sage100_ssm.sync.failures import side_error
from sage100_ssm.sync.journal import Code, Decided, Entry, Subject
from sage100_ssm.sync.model import Side

_SIDES = {Side.SAGE100: "Sage 100", Side.SSM: "SSM"}
_NAMED = 3

SAID_ON_THE_PAGE = frozenset(
    {
        Code.CONFLICT,
        Code.AMBIGUOUS_MATCH,
        Code.POSSIBLE_DUPLICATE,
        Code.DELETION_GUARD,
        Code.MASS_CHANGE_GUARD,
        Code.EMPTY_SIDE_GUARD,
        Code.RESTORED_SIDE_GUARD,
        Code.LOST_STATE_GUARD,
        Code.LOGIN_REFUSED,
    }
)
"""The codes whose remedy names commands in the journal, and buttons on the page."""


class Words:
    """What the page says in one language.

    Args:
        language: the language.
        zone: the zone of the times; None for this machine's. Those who read the page sit elsewhere.
    """

    def __init__(self, language: Language, zone: tzinfo | None = None) -> None:
        self.language: Language = language
        self.zone = zone

    def __call__(self, key: str, /, **params: object) -> str:
        """A sentence or label of the page, by its key without ``web_``."""
        return say(f"web_{key}", self.language, **params)

    def shared(self, key: str, /, **params: object) -> str:
        """A sentence that the commands say, too."""
        return say(key, self.language, **params)

    def failure(self, side: Side, failure: Failure) -> str:
        """Why a side could not be read or written to the end."""
        error = side_error(side, failure)
        return say_error(error.code, self.language, **error.params)

    def message(self, entry: Entry) -> str:
        """What happened, and why."""
        match entry.facts:
            # The journal's own sentence names a command.
            case Decided(choice="accept", by=by, about=about, undone=False):
                return self("message_accepted", contact=self.name(entry.subject), by=by, about=self.code(about))
        return describe(entry, self.language).message

    def remedy(self, entry: Entry) -> str:
        """What to do about it, on the page where the page can do it."""
        is_about_owner = entry.code is Code.REJECTED_BY_SSM and entry.cause is not None
        if entry.code in SAID_ON_THE_PAGE or is_about_owner:
            return self(f"remedy_{entry.code.value}")
        return describe(entry, self.language).remedy

    def code(self, code: Code | str) -> str:
        """What users call a journal code."""
        return code_label(Code(code), self.language)

    def field(self, name: str) -> str:
        """What users call a field."""
        return field_label(name, self.language)

    def evidence(self, kinds: Iterable[str]) -> str:
        """What speaks for two contacts being one person (P4)."""
        return ", ".join(evidence_label(kind, self.language) for kind in kinds)

    def side(self, side: Side | str) -> str:
        """A side's short name."""
        return _SIDES[Side(side)]

    def time(self, at: datetime) -> str:
        """A time."""
        return at.astimezone(self.zone).strftime(MINUTE[self.language])

    def short_time(self, at: datetime) -> str:
        """A time without its year, for the axis of a chart."""
        return at.astimezone(self.zone).strftime("%d/%m %H:%M" if self.language == "fr" else "%m-%d %H:%M")

    def duration(self, span: timedelta) -> str:
        """A span of time: ``7 s``, ``2 min 5 s``."""
        minutes, seconds = divmod(round(span.total_seconds()), 60)
        return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"

    def name(self, subject: Subject) -> str:
        """A contact by its name, else by its ids, else its company."""
        ids = ((Side.SAGE100, subject.sage100_id), (Side.SSM, subject.ssm_id))
        numbers = ", ".join(f"{self.side(side)} {number}" for side, number in ids if number is not None)
        return subject.contact or numbers or subject.company or self("whole_side")

    def names(self, subjects: Sequence[Subject]) -> str:
        """Contacts by their names, of many the first."""
        return ", ".join([self.name(one) for one in subjects[:_NAMED]] + ["…"] * (len(subjects) > _NAMED))

    def headline(self, entry: Entry) -> str:
        """What an entry is about, as a heading: a contact, several, a company, or a side."""
        contacts = [one for one in entry.contacts if one != Subject()]
        if len(contacts) > 1:
            return self.contacts(len(contacts))
        if contacts:
            return self.name(contacts[0])
        return self.side(entry.side) if entry.side else self("whole_side")

    def contacts(self, number: int) -> str:
        """A number of contacts."""
        return self("one_contact") if number == 1 else self("contacts", number=number)

    def place(self, subject: Subject) -> str:
        """The address of a contact's page."""
        side, number = (Side.SAGE100, subject.sage100_id) if subject.ssm_id is None else (Side.SSM, subject.ssm_id)
        return f"/contacts/{side}/{number}"
