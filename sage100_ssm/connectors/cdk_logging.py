"""Import the Airbyte CDK without letting it take over the process's logging.

``import airbyte_cdk`` replaces the handlers of the root logger by one that prints Airbyte JSON. That is
right in a connector's own process and wrong in Prefect's or the operator's command. Code that calls a
connector as a Python object imports this module first; a connector's ``run.py`` imports the CDK itself.
"""

import logging
import sys
import warnings
from typing import Any

from sage100_ssm.gc_pause import frozen_after

_IN_A_CONNECTOR_PROCESS = "airbyte_cdk" in sys.modules
_root = logging.getLogger()
_handlers = _root.handlers[:]

# The CDK's package imports all of itself, whatever part is asked for: over a second of processor time, of which the
# garbage collector would take another third.
with warnings.catch_warnings(), frozen_after():
    # The CDK marks a class of its own as experimental while it is being imported.
    warnings.simplefilter("ignore")
    from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

_plain_record = logging.getLogRecordFactory()


def _masked_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """A log record in which the known secrets are replaced by asterisks."""
    record = _plain_record(*args, **kwargs)
    text = record.getMessage()
    if (clean := filter_secrets(text)) != text:
        record.msg, record.args = clean, ()
    if record.exc_info and record.exc_info[0]:
        record.exc_text = filter_secrets(logging.Formatter().formatException(record.exc_info))
    return record


if not _IN_A_CONNECTOR_PROCESS:
    _root.handlers[:] = _handlers
    # Without a handler of its own, Python would print the CDK's warnings and tracebacks on the standard error.
    logging.getLogger("airbyte").addHandler(logging.NullHandler())
    # The CDK masks secrets in its own formatter alone, which is not used here: mask them before any handler.
    logging.setLogRecordFactory(_masked_record)
