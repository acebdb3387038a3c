"""Settings, and what they put together: connectors, state and engine; `check` and `probe`."""
