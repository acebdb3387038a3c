"""Python source as a tree."""

import ast
from pathlib import Path

from sage100_ssm.gc_pause import paused


def parsed(file: Path) -> ast.Module:
    """The tree of a file."""
    # CPython 3.11 may fail where the garbage collector runs while it builds a tree (gh-106905).
    with paused():
        return ast.parse(file.read_text("utf-8"))
