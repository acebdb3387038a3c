"""Airbyte destination: contacts and accounts of Sage Sales Management."""
