"""Which settings a flow run may use: those that this machine, or else the deployment, was set up for.

Whoever can start a run on the Prefect server chooses its parameters. A path of their own would let them read what the
service's account can read, and send the keys of the real settings to an address of theirs (docs/threat-model.md).
"""

import os

from prefect.runtime import deployment

from sage100_ssm.orchestration.blocks import PREFIX
from sage100_ssm.sync.failures import ConfigurationError

CONFIG_VARIABLE = "SAGE100_SSM_CONFIG"
"""The environment variable that names the ``config`` of this machine's flow runs; ``serve`` sets it."""

SEPARATOR = ";"
"""What is between several of them, one for each company: a block's name has a colon."""

DEFAULT_CONFIG = "sync.yaml"


def allowed_config(config: str) -> str:
    """The ``config`` that a flow run may use.

    Args:
        config: what its parameter asks for; see ``require_allowed``.
    """
    if (of_this_machine := os.environ.get(CONFIG_VARIABLE)) is not None:
        allowed = of_this_machine.split(SEPARATOR)
        return config if config in allowed else allowed[0]
    # Without a deployment the flow was called by a program on this machine, which could read any file itself.
    if deployment.id is None or config.startswith(PREFIX):
        return config
    return str(deployment.parameters.get("config", DEFAULT_CONFIG))


def require_allowed(config: str, allowed: str) -> None:
    """Make sure that a flow run asks for the settings that it may use.

    Raises:
        ConfigurationError: it asks for others, which were not even opened.
    """
    if config != allowed:
        raise ConfigurationError("config_refused", config=allowed)
