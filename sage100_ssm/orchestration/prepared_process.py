"""The process that the runs of ``serve`` are copies of: imported there, it does what each run would do first.

It starts no thread, because a thread would not be in the copies.
"""

import gc
from importlib import import_module
from typing import get_args

from sage100_ssm.messages import Language, code_label, say
from sage100_ssm.sync.journal import Code

_OF_A_RUN = (
    "sage100_ssm.orchestration.flow",
    # What Prefect itself imports only when a run is under way.
    "anyio._backends._asyncio",
    "fastapi.encoders",
    "prefect.concurrency._sync",
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.utilities.visualization",
)

for _module in _OF_A_RUN:
    import_module(_module)
for _language in get_args(Language):
    for _sentence in ("run_done", "prefect_run_quiet"):
        say(_sentence, _language)
    code_label(Code.CONFLICT, _language)

# A collection in a copy would write to the memory that the copies share, and so double it.
gc.freeze()
