"""What the synchronisation remembers: links, bases, observations, intents, journal and runs."""
