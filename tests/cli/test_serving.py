"""What ``serve`` does around the runs of several companies."""

from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import pytest
import typer

from sage100_ssm.app.companies import usable_companies
from sage100_ssm.cli import serving
from sage100_ssm.orchestration.local_server import only_serve

SETTINGS = """
sage100: {{company: {name}, connection: {{kind: sqlite, path: {name}.db}}}}
ssm: {{public_key: pk, private_key: sk, default_sales_rep_id: 1}}
state: sqlite:///{name}.db
language: en
{more}
"""


@pytest.fixture
def companies(tmp_path):
    more = {"BIJOU": "", "CARAT": "web: {port: 5000}", "DAGUE": ""}
    files = [tmp_path / f"{name}.yaml" for name in more]
    for file in files:
        file.write_text(SETTINGS.format(name=file.stem, more=more[file.stem]))
    return usable_companies(files, lambda *_: None)


@pytest.fixture
def context():
    """A command's context that keeps what it says."""
    said = []
    return SimpleNamespace(language="en", said=said, note=lambda key, **named: said.append((key, named)))


def names(companies):
    return [company.name for company in companies]


def test_each_company_has_a_page_at_a_port_of_its_own_with_its_own_key(companies, context, monkeypatch):
    opened = []

    @contextmanager
    def page_beside(settings, home, _):
        opened.append((settings.sage100.company, settings.web.port, home.name))
        yield

    monkeypatch.setattr(serving, "page_beside", page_beside)
    with ExitStack() as pages:
        serving._open_pages(companies, context, pages)

    assert opened == [
        ("BIJOU", 4210, "BIJOU.db.prefect"),
        ("CARAT", 5000, "CARAT.db.prefect"),
        ("DAGUE", 4212, "DAGUE.db.prefect"),
    ]
    assert context.said == [("web_page_of", {"company": name}) for name in ("BIJOU", "CARAT", "DAGUE")]


def served(monkeypatch, *places):
    """The companies that ``serve`` would synchronise, and the folder of its Prefect server."""
    found = {}
    monkeypatch.setattr(serving, "_serve", lambda own, home, *_: found.update(names=names(own), home=home))
    monkeypatch.setattr(serving.local_server, "handle_stop_signals", lambda: None)
    serving.serve_companies(places, 15, 4200)
    return found["names"], found["home"]


def test_a_single_company_has_its_prefect_server_beside_its_state(companies, monkeypatch, tmp_path):
    assert served(monkeypatch, tmp_path / "BIJOU.yaml") == (["BIJOU"], tmp_path / "BIJOU.db.prefect")


def test_several_companies_have_one_prefect_server_beside_their_settings(companies, monkeypatch, tmp_path):
    assert served(monkeypatch, tmp_path) == (["BIJOU", "CARAT", "DAGUE"], tmp_path / "serve.prefect")


def test_the_prefect_server_stays_the_same_when_others_are_left_out(companies, monkeypatch, tmp_path, capsys):
    for name in ("BIJOU", "CARAT"):
        (tmp_path / f"{name}.yaml").write_text("")

    assert served(monkeypatch, tmp_path) == (["DAGUE"], tmp_path / "serve.prefect")
    assert "CARAT.yaml" in capsys.readouterr().err


def test_a_company_that_another_serve_synchronises_is_reported_and_left_to_it(companies, monkeypatch, tmp_path, capsys):
    with only_serve(tmp_path / "CARAT.db.prefect"):
        assert served(monkeypatch, tmp_path)[0] == ["BIJOU", "DAGUE"]

    printed = capsys.readouterr().err
    assert "CARAT.yaml" in printed
    assert "is running already" in printed


@pytest.mark.parametrize("taken", [["serve.prefect"], ["BIJOU.db.prefect", "CARAT.db.prefect", "DAGUE.db.prefect"]])
def test_a_second_serve_of_the_same_companies_ends_with_5(companies, monkeypatch, tmp_path, taken):
    with ExitStack() as others:
        for folder in taken:
            others.enter_context(only_serve(tmp_path / folder))
        with pytest.raises(typer.Exit) as ended:
            served(monkeypatch, tmp_path)

    assert ended.value.exit_code == 5
