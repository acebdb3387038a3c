import shutil
import uuid
from contextlib import ExitStack

import pytest

from sage100_ssm.sync.state.store import StateStore
from tests.support.memory_play import Answers, Play
from tests.support.small_world import taking_turns


@pytest.fixture
def new_play(empty_state, tmp_path):
    """A play of its own: two sides with nobody but Eva Anker, and a state that knows her."""
    # One side after the other: a run that is frozen is so as a whole, and a play goes alike each time.
    with taking_turns(), ExitStack() as stores:

        def begin(answers=None):
            stores.close()
            file = tmp_path / f"{uuid.uuid4().hex}.db"
            shutil.copyfile(empty_state, file)
            return Play(stores.enter_context(StateStore.open(f"sqlite:///{file}")), answers or Answers())

        yield begin
