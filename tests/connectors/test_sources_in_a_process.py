"""What a source's process takes: memory for a page of records, and imports that nothing interrupts."""

import gc
import tracemalloc

import pytest

import sage100_ssm.connectors.cdk_logging  # noqa: F401 - must come before the CDK

# isort: split
from sage100_ssm.connectors import entrypoint
from sage100_ssm.connectors.source import Page
from sage100_ssm.gc_pause import frozen_after


def test_the_lines_of_a_page_take_hardly_more_memory_than_their_length():
    page = Page("contacts", [{"CT_Nom": f"Nom {number}", "CT_Fonction": "é" * 200} for number in range(500)], 1)
    tracemalloc.start()
    lines = entrypoint._lines(page)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lines.count(b"\n") == 500
    assert most < 2 * len(lines)


def test_garbage_is_collected_again_after_an_import_that_failed_too():
    with pytest.raises(ImportError), frozen_after():
        _fails_once_nothing_is_collected()
    assert gc.isenabled()
    gc.unfreeze()


def _fails_once_nothing_is_collected():
    assert not gc.isenabled()
    raise ImportError
