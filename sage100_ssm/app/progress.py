"""What a run says of itself while it works, in words."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sage100_ssm.sync.run.pace import Writing

if TYPE_CHECKING:
    # It loads the rules, for which the commands that only look do not wait.
    from sage100_ssm.sync.run.course import Step

Progress = Callable[["Step | Writing"], None]
"""Called with each step as it begins, and with how far the writes of a side are, from several threads."""


def in_words(event: "Step | Writing") -> tuple[str, dict[str, Any]]:
    """The key of the event's sentence, and what it names."""
    if not isinstance(event, Writing):
        return f"step_{event}", {}
    minutes = math.ceil(event.seconds_left / 60)
    return "writing_progress", {"side": event.side, "done": event.done, "planned": event.planned, "minutes": minutes}
