"""What every flow over the settings of a company does around its work."""

from collections.abc import Callable
from typing import Any

from prefect.client.schemas.objects import State

from sage100_ssm.app.endings import Ending, ending_after
from sage100_ssm.app.settings import Settings
from sage100_ssm.messages import Language
from sage100_ssm.orchestration.blocks import load_settings_for_flow
from sage100_ssm.orchestration.configured import allowed_config, require_allowed
from sage100_ssm.orchestration.final_states import final_state
from sage100_ssm.orchestration.log_lines import leave_out_echoes
from sage100_ssm.orchestration.run_names import RunName


def carried_out(config: str, work: Callable[[Settings, RunName], Ending]) -> State[Any]:
    """Do the work of a flow run with its settings; every error becomes a sentence of the run.

    Args:
        config: what the flow's parameter asks for.
        work: does it, and names the run after what it did.
    """
    leave_out_echoes()
    language: Language = "fr"
    name = RunName()
    try:
        allowed = allowed_config(config)
        settings = load_settings_for_flow(allowed)
        language = settings.language
        require_allowed(config, allowed)
        name = RunName.of(settings)
        name.show_running()
        return final_state(work(settings, name))
    except Exception as error:  # noqa: BLE001 - the flow run says what happened
        ending = ending_after(error, language)
        name.show_ended(ending.exit_code, None)
        return final_state(ending)
