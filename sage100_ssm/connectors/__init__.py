"""What the connectors share: the Airbyte protocol, write requests, reporting; running one in this process."""
