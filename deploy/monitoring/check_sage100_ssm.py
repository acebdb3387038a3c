#!/usr/bin/env python3
"""Nagios plugin (Icinga, Centreon, Checkmk too): the state of the synchronisation, by `sage100-ssm status --json`.

check_sage100_ssm.py --config /etc/sage100-ssm/sync.yaml [--command /usr/local/bin/sage100-ssm] [--problems WARN:CRIT]

It needs Python alone, reads the state and no password, and prints no name of a contact.
"""

import argparse
import json
import shlex
import subprocess
import sys
from typing import Any

OK, WARNING, CRITICAL, UNKNOWN = range(4)
WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
ENDINGS = {
    2: (CRITICAL, "a setting, password or right must be corrected: sage100-ssm check"),
    3: (CRITICAL, "a guard waits for a person: sage100-ssm plan"),
    4: (WARNING, "a side was not reached"),
    70: (CRITICAL, "a fault of the program"),
}
SECONDS = 30


def main() -> int:
    """Ask for the status, print the line that Nagios shows, and return its exit code."""
    options = parsed(sys.argv[1:])
    command = [*shlex.split(options.command), "status", "--json", "--config", options.config]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
        status = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return said(UNKNOWN, [f"{type(error).__name__}: {error}"])
    if status is None:
        return said(UNKNOWN, [" ".join(done.stderr.split())])
    warn, _, critical = options.problems.partition(":")
    level, words = judged(status, int(warn), int(critical or 0))
    links = sum(status["links"]["status"].values())
    return said(level, words, f"problems={sum(status['problems'].values())};{warn};{critical} links={links}")


def judged(status: dict[str, Any], warn: int, critical: int) -> tuple[int, list[str]]:
    """How bad it is, and why; `warn` and `critical` are numbers of open problems, 0 for none."""
    found = []
    last, number = status["last_run"], sum(status["problems"].values())
    if last is None:
        found.append((WARNING, "no run yet"))
    elif last["exit_code"] in ENDINGS:
        found.append(ENDINGS[last["exit_code"]])
    if status["late_since"]:
        found.append((CRITICAL, f"late since {status['late_since']}: does the service run?"))
    if status["ahead_of_clock"]:
        found.append((WARNING, "the machine's clock was set back"))
    if critical and number >= critical:
        found.append((CRITICAL, f"{number} open problems"))
    elif warn and number >= warn:
        found.append((WARNING, f"{number} open problems"))
    if not found:
        return OK, [f"last run {last['started_at']}, {number} open problems"]
    return max(level for level, _ in found), [words for _, words in found]


def said(level: int, words: list[str], figures: str = "") -> int:
    """Print a line in Nagios's form, and return its level."""
    print(f"SYNC {WORDS[level]} - {'; '.join(words)}" + (f" | {figures}" if figures else ""))  # noqa: T201
    return level


def parsed(words: list[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="/etc/sage100-ssm/sync.yaml", help="the settings file")
    parser.add_argument("--command", default="sage100-ssm", help="the command, such as 'sudo -u sync sage100-ssm'")
    parser.add_argument("--problems", default="20:0", metavar="WARN:CRIT", help="numbers of open problems; 0 for none")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
