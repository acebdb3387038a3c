"""Where no PostgreSQL is installed, its tests are skipped with the reason; in CI they fail."""

import pytest

from tests.support import postgresql


@pytest.mark.parametrize(("required", "outcome"), [(False, pytest.skip.Exception), (True, pytest.fail.Exception)])
def test_without_a_server_a_test_is_skipped_and_fails_where_one_is_required(monkeypatch, required, outcome):
    monkeypatch.setattr(postgresql, "GIVEN", None)
    monkeypatch.setattr(postgresql, "REQUIRED", required)
    monkeypatch.setattr(postgresql, "_programs", lambda: None)

    with pytest.raises(outcome, match="postgresql is not installed"), postgresql.running():
        pass
