"""Airbyte source: accounts, contacts, users and contact types of Sage Sales Management."""
