"""Airbyte destination: the contacts of a Sage 100 FR company database."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """The connector's class, which Airbyte's tools look for here; imported only when asked for, with the CDK."""
    if name != "DestinationSage100":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("destination_sage100.destination"), name)
