"""What the four connectors share: the Airbyte protocol's shells, write requests and receipts."""
