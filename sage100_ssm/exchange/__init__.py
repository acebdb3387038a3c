"""The words that the engine and the connectors exchange: records, actions, receipts, readings, failures."""
