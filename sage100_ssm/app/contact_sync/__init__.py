"""The synchronisation as an Airbyte source: the settings as its form, one run per read, and what it reports."""
