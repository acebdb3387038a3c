"""What ``serve`` does around the runs of several companies."""

from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import pytest

from sage100_ssm.app.companies import usable_companies
from sage100_ssm.cli import serving
from sage100_ssm.orchestration.local_server import AnotherServeError, only_serve

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


def test_a_single_company_has_its_prefect_server_beside_its_state(companies, context):
    with serving._served_here_alone(companies[:1], context) as (home, own):
        assert home.name == "BIJOU.db.prefect"
        assert names(own) == ["BIJOU"]


def test_several_companies_have_one_prefect_server_beside_the_first_ones_settings(companies, context, tmp_path):
    with serving._served_here_alone(companies, context) as (home, own):
        assert home == tmp_path / "serve.prefect"
        assert names(own) == ["BIJOU", "CARAT", "DAGUE"]


def test_a_company_that_another_serve_synchronises_is_reported_and_left_to_it(companies, context, tmp_path, capsys):
    with only_serve(tmp_path / "CARAT.db.prefect"), serving._served_here_alone(companies, context) as (_, own):
        assert names(own) == ["BIJOU", "DAGUE"]

    printed = capsys.readouterr().err
    assert "CARAT.yaml" in printed
    assert "is running already" in printed


def test_a_second_serve_of_the_same_companies_is_refused(companies, context):
    with (
        serving._served_here_alone(companies, context),
        pytest.raises(AnotherServeError),
        serving._served_here_alone(companies, context),
    ):
        pass


def test_where_others_synchronise_all_companies_there_is_nothing_to_serve(companies, context, tmp_path):
    with ExitStack() as others:
        for company in companies:
            others.enter_context(only_serve(tmp_path / f"{company.name}.db.prefect"))
        with pytest.raises(AnotherServeError), serving._served_here_alone(companies, context):
            pass
