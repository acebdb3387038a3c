"""The synchronisation as a service of the machine: a systemd unit on Linux, a scheduled task on Windows."""
