"""Where connectors, state and engine are put together, after the settings of an installation."""
