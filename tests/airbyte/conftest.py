"""The two sides, each test with both of them unless it names one (``name``)."""

import json

import pytest

from tests.support.connector_sides import SageSide, SsmSide

SIDES = {"sage100": SageSide, "ssm": SsmSide}


@pytest.fixture(params=SIDES)
def name(request):
    return request.param


@pytest.fixture
def side(name, tmp_path):
    opened = SIDES[name](tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def written(tmp_path):
    """Writes a file for a connector to read; gives its path."""

    def write(file, content):
        path = tmp_path / file
        path.write_text(json.dumps(content), "utf-8")
        return path

    return write
