"""Which settings a flow run may use: those that this machine, or else its deployment, was set up for."""

from types import SimpleNamespace

import pytest

from sage100_ssm.orchestration.configured import CONFIG_VARIABLE, allow_configs, allowed_config, require_allowed
from sage100_ssm.sync.failures import ConfigurationError

FILE = "/etc/sage100-ssm/sync.yaml"


@pytest.mark.parametrize(
    ("machine", "deployment", "asked", "may"),
    [
        (FILE, {"config": FILE}, FILE, True),
        (FILE, {"config": "/tmp/own.yaml"}, "/tmp/own.yaml", False),  # noqa: S108 - whoever patched the deployment
        (FILE, {"config": FILE}, "block:mine", False),
        (FILE, {"config": FILE}, "/etc/sage100-ssm/../sage100-ssm/sync.yaml", False),
        (FILE, None, "/other.yaml", False),
        ("block:carat", {}, "block:carat", True),
        ("block:carat", {"config": "block:carat"}, "block:bijou", False),
        (f"{FILE};/etc/sage100-ssm/carat.yaml", {}, "/etc/sage100-ssm/carat.yaml", True),
        (f"{FILE};/etc/sage100-ssm/carat.yaml", {}, f"{FILE};/etc/sage100-ssm/carat.yaml", False),
        (f"{FILE};/etc/sage100-ssm/carat.yaml", {"config": "/tmp/own.yaml"}, "/tmp/own.yaml", False),  # noqa: S108
        ("block:bijou;block:carat", {}, "block:carat", True),
        ('["/a;b/sync.yaml", "/c/sync.yaml"]', {}, "/a;b/sync.yaml", True),
        ('["/a;b/sync.yaml", "/c/sync.yaml"]', {}, "/c/sync.yaml", True),
        ('["/a;b/sync.yaml", "/c/sync.yaml"]', {}, "/a", False),
        ("[", {}, "[", True),
        ("3", {}, "3", True),
        (None, {"config": FILE}, FILE, True),
        (None, {"config": FILE}, "/etc/passwd", False),
        (None, {"config": FILE}, "block:carat", True),
        (None, {"config": "block:carat"}, FILE, False),
        (None, {}, "sync.yaml", True),
        (None, {}, "/etc/passwd", False),
        (None, None, "/other.yaml", True),
    ],
)
def test_a_run_may_use_what_its_machine_names_or_else_its_deployment_or_a_block(
    monkeypatch, machine, deployment, asked, may
):
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    if machine is not None:
        monkeypatch.setenv(CONFIG_VARIABLE, machine)
    of_the_run = SimpleNamespace(id=None if deployment is None else "1", parameters=deployment)
    monkeypatch.setattr("sage100_ssm.orchestration.configured.deployment", of_the_run)

    allowed = allowed_config(asked)

    if may:
        require_allowed(asked, allowed)
    else:
        with pytest.raises(ConfigurationError, match="config_refused"):
            require_allowed(asked, allowed)


@pytest.mark.parametrize("files", [["/a;b/sync.yaml"], ["/a;b/sync.yaml", '/"c"/sync.yaml', "/[d]\n/sync.yaml"]])
def test_serve_lets_its_runs_use_each_of_its_files_whatever_is_in_their_paths(monkeypatch, files):
    monkeypatch.setenv(CONFIG_VARIABLE, "")

    allow_configs(files)

    assert [allowed_config(file) for file in files] == files
    assert allowed_config("/other.yaml") == files[0]
