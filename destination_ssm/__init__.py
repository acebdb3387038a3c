"""Airbyte destination: contacts and accounts of Sage Sales Management."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """The connector's class, which Airbyte's tools look for here; imported only when asked for, with the CDK."""
    if name != "DestinationSsm":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("destination_ssm.destination"), name)
