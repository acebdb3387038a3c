"""Look for what goes wrong, for as long as told: ``python -m tests.support.explore --minutes 10``, or ``make explore``.

Three processes: one takes every step of the small world, deeper each time; in another Hypothesis plays plays never
played before; the third walks at random. The first failure ends all, and prints how to see it again.
"""

import argparse
import itertools
import os
import subprocess
import sys
import time

from sage100_ssm.sync.policy import ConflictPolicy, RefusedDeletion
from tests.support.memory_play import Answers
from tests.support.random_walk import random_walk
from tests.support.small_world import ROOTS, Exploration

PLAYS = "tests/sync/run/test_convergence.py"


def main() -> int:
    """Explore in all ways at once. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", choices=list(PARTS), help="one of the ways, in this process")
    asked = parser.parse_args()
    until = time.monotonic() + asked.minutes * 60
    if asked.only:
        return PARTS[asked.only](until)
    command = [sys.executable, "-m", "tests.support.explore", "--minutes", str(asked.minutes), "--only"]
    running = [subprocess.Popen([*command, part]) for part in PARTS]  # noqa: S603 - this very program
    try:
        while all(process.poll() is None for process in running):
            time.sleep(0.5)
        failed = [process.returncode for process in running if process.poll()]
        return failed[0] if failed else max(process.wait() for process in running)
    finally:
        for process in running:
            process.terminate()


def explore_small_world(until: float) -> int:
    """Every step from every world, one happening deeper each time, for each pair of answers and each beginning."""
    policies = ((ConflictPolicy.SAGE100, RefusedDeletion.RESTORE), (ConflictPolicy.NEWEST, RefusedDeletion.LEAVE))
    others = ((ConflictPolicy.SSM, RefusedDeletion.RESTORE), (ConflictPolicy.MANUAL, RefusedDeletion.LEAVE))
    for depth in itertools.count(2):
        for (policy, refused), (name, root) in itertools.product((*policies, *others), ROOTS.items()):
            began = time.monotonic()
            met = Exploration(Answers(policy, refused), depth, until).explore([root])
            seconds = time.monotonic() - began
            whole = "all" if met.reached == depth else "time is up:"
            figures = f"{whole} {len(met.seen)} worlds, {met.runs} runs, {seconds:.0f} s"
            say(f"small world, {policy}, {refused}, {name}, {depth} happenings: {figures}")
            if time.monotonic() > until:
                return 0
    raise AssertionError("the count has no end")


def play_plays(until: float) -> int:
    """Hundreds of plays at a time, each time others."""
    environment = os.environ | {"HYPOTHESIS_PROFILE": "explore"}
    for seed in itertools.count(time.time_ns() % 1_000_000):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", f"--hypothesis-seed={seed}", PLAYS]
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)  # noqa: S603
        if done.returncode:
            say(f"{done.stdout}{done.stderr}\nseed {seed}")
            return 1
        say(f"plays, seed {seed}: {done.stdout.splitlines()[-1]}")
        if time.monotonic() > until:
            return 0
    raise AssertionError("the count has no end")


def walk_at_random(until: float) -> int:
    """Walks that were never walked before."""
    first = time.time_ns() % 1_000_000_000
    steps = 0
    for seed in itertools.count(first):
        try:
            steps += random_walk(seed, 40)
        except AssertionError as error:
            say(f"{error}\nwith all names of tests.support.random_walk")
            return 1
        if (seed - first) % 2000 == 0 or time.monotonic() > until:
            say(f"random walks, from seed {first}: {seed - first + 1} walks, {steps} steps")
        if time.monotonic() > until:
            return 0
    raise AssertionError("the count has no end")


def say(text: str) -> None:
    """Tell who watches."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


PARTS = {"world": explore_small_world, "plays": play_plays, "walks": walk_at_random}
"""The ways to explore, by name."""

if __name__ == "__main__":
    sys.exit(main())
