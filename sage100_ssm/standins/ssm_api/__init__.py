"""The stand-in for the SSM API v4: real HTTP on loopback, the quirks of the original, and faults to order."""
