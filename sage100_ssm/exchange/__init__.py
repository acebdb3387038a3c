"""The words that the engine and the connectors exchange: actions, receipts, reserved fields of a record."""
