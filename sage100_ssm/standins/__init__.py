"""What replaces Sage 100 and SSM for the demo, the sample company and the tests: databases, and servers on loopback."""
