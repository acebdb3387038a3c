"""How a flow run ends in Prefect."""

import logging
import threading
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.events.worker import EventsWorker
from prefect.states import Cancelled, Completed, Failed

from sage100_ssm.app.endings import Ending
from sage100_ssm.messages import plain_spaces
from sage100_ssm.sync.failures import Exit

_EVENTS_SECONDS = 5


def final_state(ending: Ending, *, is_cancelled: bool = False) -> State[Any]:
    """The state in which a flow run ends; its message is logged, too.

    Args:
        ending: what happened.
        is_cancelled: whether the work was cancelled, as it also is where another run was under way.
    """
    message = plain_spaces(ending.message)
    _send_waiting_events()
    is_cancelled = is_cancelled or ending.exit_code is Exit.ANOTHER_RUN
    is_good = ending.exit_code is Exit.DONE or is_cancelled
    get_run_logger().log(logging.INFO if is_good else logging.ERROR, message)
    if is_cancelled:
        return Cancelled(message=message)
    return Completed(message=message) if is_good else Failed(message=message)


def _send_waiting_events() -> None:
    """Let the events of this run leave before its end does.

    A heartbeat that arrives after the end of its run makes Prefect take the run for killed.
    """
    # Without a time limit of its own, a queue would wait for a server that is away.
    waiting = threading.Thread(target=EventsWorker.instance().wait_until_empty, daemon=True)
    waiting.start()
    waiting.join(_EVENTS_SECONDS)
