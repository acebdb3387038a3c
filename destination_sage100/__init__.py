"""Airbyte destination: the contacts of a Sage 100 FR company database."""
