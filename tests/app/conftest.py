"""The sample installation, as settings that can be changed, and its twin on SQL Server."""

from contextlib import contextmanager

import pytest
import yaml

from sage100_ssm.app.settings import Settings
from sage100_ssm.standins.sample_installation import sample_installation


class Site:
    """An installation with both stand-ins.

    Attributes:
        place: the installation.
        tree: its settings.
    """

    def __init__(self, place):
        self.place = place
        self.tree = yaml.safe_load(place.settings.read_text())
        self.tree["sage100"]["connection"]["path"] = str(place.database)
        self.tree["state"] = f"sqlite:///{place.settings.parent / 'state.db'}"

    @property
    def sage(self):
        """Somebody at work in Sage."""
        return self.place.sage

    @property
    def ssm(self):
        """Somebody at work in SSM."""
        return self.place.ssm

    @property
    def api(self):
        """The SSM API."""
        return self.place.api

    @property
    def settings(self):
        """The settings as they now stand."""
        return Settings.model_validate(self.tree)


@pytest.fixture
def open_site(tmp_path, monkeypatch):
    """A function that opens a site over an SSM of this kind."""
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))  # loopback needs no certificates, and loading them takes long

    @contextmanager
    def opened(quirks=None):
        with sample_installation(tmp_path / "site", quirks=quirks) as place:
            yield Site(place)

    return opened


@pytest.fixture
def site(open_site):
    with open_site() as opened:
        yield opened
