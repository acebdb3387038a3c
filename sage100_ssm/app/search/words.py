"""What people read about a contact that was searched: whether it is synchronised, why not, and what to do."""

from datetime import datetime, tzinfo

from sage100_ssm.app.search.found import Found, Standing
from sage100_ssm.messages import DAY, Language, Words, describe, field_label, say
from sage100_ssm.sync.contacts.companies import LeftOut
from sage100_ssm.sync.model import Side

_TIME = {"fr": "%H:%M", "en": "%H:%M"}


def standing_words(found: Found, language: Language, zone: tzinfo | None = None, *, is_live: bool = False) -> Words:
    """Whether a contact is synchronised, in one sentence, and what to do; the remedy is empty where nothing is.

    What holds it back, or some of its fields, is said by its problems, each with its own remedy.

    Args:
        found: the contact.
        language: the language.
        zone: the zone of the times; None for this machine's.
        is_live: whether both sides were asked.
    """
    if found.standing is Standing.NOT_SEEN_YET and found.foreseen:
        return describe(found.foreseen, language)
    names = {
        "since": _shown(found.synchronised_since, DAY[language], zone),
        "at": _shown(found.next_run, _TIME[language], zone),
        "fields": ", ".join(field_label(name, language) for name in found.waiting_fields) or None,
        "company": found.company_name or found.subject.company,
        "database": found.other_database,
        "side": found.deleted_on,
    }
    message = say(f"standing_{_key(found)}", language, **names)
    if found.edited_fields:
        names["fields"] = ", ".join(field_label(name, language) for name in found.edited_fields)
        return Words(message, say("standing_edited_since", language, **names))
    return Words(message, _remedy(found, language, is_live=is_live))


def _key(found: Found) -> str:
    """Which sentence says it."""
    match found:
        case Found(standing=Standing.LEFT_OUT, left_out=LeftOut() as reason):
            return f"left_out_{reason.value}"
        case Found(standing=Standing.DELETED, deleted_on=Side() as side):
            return f"deleted_{side.value}"
    return found.standing.value


def _remedy(found: Found, language: Language, *, is_live: bool) -> str:
    match found.standing:
        case Standing.LEFT_OUT:
            name = "no_client" if found.left_out is LeftOut.NO_CLIENT else "settings"
        case Standing.OTHER_DATABASE | Standing.DELETED | Standing.NOT_SEEN_YET | Standing.STAYS_IN_SSM:
            name = found.standing.value
        case Standing.UNKNOWN:
            name = "unknown_live" if is_live else "unknown"
        case _:
            return ""
    return say(f"standing_{name}_remedy", language)


def _shown(at: datetime | None, form: str, zone: tzinfo | None) -> str | None:
    return at.astimezone(zone).strftime(form) if at else None
