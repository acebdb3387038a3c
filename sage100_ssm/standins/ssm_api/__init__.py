"""An SSM API v4 on loopback: real HTTP, the quirks of the real one, faults on request."""
