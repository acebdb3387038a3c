"""What the four connectors share: the Airbyte protocol, write requests, reporting; running one in this process."""
