"""Which settings a flow run may use: those that this machine, or else the deployment, was set up for.

Whoever can start a run on the Prefect server chooses its parameters. A path of their own would let them read what the
service's account can read, and send the keys of the real settings to an address of theirs (docs/threat-model.md).
"""

import json
import os
from collections.abc import Iterable

from prefect.runtime import deployment

from sage100_ssm.orchestration.blocks import PREFIX
from sage100_ssm.sync.failures import ConfigurationError

CONFIG_VARIABLE = "SAGE100_SSM_CONFIG"
"""The environment variable that names the ``config`` of this machine's flow runs; ``serve`` sets it."""

_SEPARATOR = ";"
"""What is between several of them, as a person writes them; not a colon, which a block's name has."""

DEFAULT_CONFIG = "sync.yaml"


def allow_configs(configs: Iterable[str]) -> None:
    """Let the flow runs of this process, and of those that it starts, use these settings and no others."""
    # As JSON: a path may contain whatever could be between two of them.
    os.environ[CONFIG_VARIABLE] = json.dumps(list(configs))


def allowed_config(config: str) -> str:
    """The ``config`` that a flow run may use.

    Args:
        config: what its parameter asks for; see ``require_allowed``.
    """
    if (of_this_machine := os.environ.get(CONFIG_VARIABLE)) is not None:
        allowed = _listed(of_this_machine)
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


def _listed(text: str) -> list[str]:
    """The values in the variable: a list as JSON, or with a semicolon between them."""
    try:
        listed = json.loads(text)
    except ValueError:
        listed = None
    return [str(one) for one in listed] if isinstance(listed, list) and listed else text.split(_SEPARATOR)
