"""Airbyte source: the companies and contacts of a Sage 100 FR company database."""
