"""Airbyte source that synchronises: each read writes into Sage 100 and SSM, and then reports what was done."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """The connector's class, which Airbyte's tools look for here; imported only when asked for, with the CDK."""
    if name != "SourceContactSync":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("source_contact_sync.source"), name)
