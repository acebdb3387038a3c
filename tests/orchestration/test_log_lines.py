"""What Prefect repeats of a run's end, as a traceback or as Python code, is left out of its log."""

import logging

import pytest
from prefect.exceptions import CancelledRun, FailedRun

from sage100_ssm.orchestration.log_lines import leave_out_echoes


@pytest.fixture
def lines(caplog):
    """A function that logs a line as Prefect does, with the error that is under way."""
    leave_out_echoes()
    leave_out_echoes()

    def lines(text, error=None, name="prefect.flow_runs"):
        logger = logging.getLogger(name)
        logger.addHandler(caplog.handler)
        try:
            logger.error(text, exc_info=error)
        finally:
            logger.removeHandler(caplog.handler)
        return caplog.messages

    return lines


@pytest.mark.parametrize("error", [FailedRun("Clé refusée."), CancelledRun("Une autre est en cours.")])
def test_the_traceback_of_a_state_that_the_flow_returned_is_left_out(lines, error):
    assert lines("Engine execution exited with unexpected exception", error) == []


@pytest.mark.parametrize(
    "text", ["Finished in state Failed('Clé.')", "Task run failed with state: Failed(message='…')"]
)
def test_a_state_written_as_python_code_is_left_out(lines, text):
    assert lines(text, name="prefect.task_runs") == []


def test_everything_else_is_logged_faults_of_prefect_included(lines):
    assert lines("Unexpected exception encountered when trying to load flow", ImportError("x"))
    assert lines("Beginning flow run")
