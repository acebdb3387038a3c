"""Which of Prefect's own log lines about a run are left out: those that say again, as code, what the flow has said."""

import logging

from prefect.exceptions import CancelledRun, FailedRun

_STATES_AS_CODE = ("Finished in state ", "Task run failed with state: ")
_LOGGERS = ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")


def leave_out_echoes() -> None:
    """Leave them out in this process, on its console and in Prefect's database."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_is_no_echo)  # a filter that is there already is not added again


def _is_no_echo(record: logging.LogRecord) -> bool:
    """Whether a line says something new.

    Prefect raises the state that a flow returns as an error, and logs its own traceback twice: 195 lines for a wrong
    password. It also repeats the state's message in quotes, as Python writes a text.
    """
    error = record.exc_info[0] if record.exc_info else None
    is_of_state = error is not None and issubclass(error, (FailedRun, CancelledRun))
    return not is_of_state and not record.getMessage().startswith(_STATES_AS_CODE)
