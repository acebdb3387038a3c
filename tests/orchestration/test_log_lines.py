"""What Prefect repeats of a run's end, as a traceback or as Python code, is left out of its log."""

import logging

import pytest
from prefect.exceptions import CancelledRun, FailedRun

from sage100_ssm.orchestration.log_lines import leave_out_echoes


def is_logged(text, error=None, name="prefect.flow_runs"):
    """Whether a line of Prefect's, with the error that is under way, passes the filters of its logger."""
    leave_out_echoes()
    logger = logging.getLogger(name)
    error_info = (type(error), error, None) if error else None
    return bool(logger.filter(logger.makeRecord(name, logging.ERROR, __file__, 1, text, (), error_info)))


@pytest.mark.parametrize("error", [FailedRun("Clé refusée."), CancelledRun("Une autre est en cours.")])
@pytest.mark.parametrize("name", ["prefect.flow_runs", "prefect.engine"])
def test_the_traceback_of_a_state_that_the_flow_returned_is_left_out(name, error):
    assert not is_logged("Engine execution exited with unexpected exception", error, name)


@pytest.mark.parametrize("text", ["Finished in state Failed('Clé.')", "Task run failed with state: Failed(…)"])
def test_a_state_written_as_python_code_is_left_out(text):
    assert not is_logged(text, name="prefect.task_runs")


def test_everything_else_is_logged_faults_of_prefect_included():
    assert is_logged("Unexpected exception encountered when trying to load flow", ImportError("x"))
    assert is_logged("Beginning flow run")


def test_the_filter_is_added_once():
    leave_out_echoes()
    leave_out_echoes()

    filters = logging.getLogger("prefect.flow_runs").filters
    assert len(filters) == len(set(map(id, filters)))
