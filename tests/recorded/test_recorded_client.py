"""The client, in conversations that were recorded with a tenant (`cassettes/tenant.yaml` says which)."""

import contextlib
import itertools

import pytest

from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import LoginRefused, Rejected
from sage100_ssm.ssm.retries import RetryPolicy
from sage100_ssm.ssm.values import is_deleted, same

pytestmark = [pytest.mark.vcr, pytest.mark.block_network]

NOBODY = 999_999_999


@pytest.fixture
def client(ssm_config):
    with SsmClient(ssm_config) as client:
        yield client


@pytest.fixture
def somebody(client, tenant):
    """A new contact, which is deleted in the end."""
    fields = {"firstName": "Essai", "lastName": "Enregistrement", "accountId": tenant.account}
    created = client.create("contacts", {**fields, "salesRepId": tenant.sales_rep, "email": "essai@example.org"})
    yield created
    with contextlib.suppress(Rejected):  # one that a test has deleted
        client.delete("contacts", created)


def seen(client, identifier):
    return next(client.find("contacts", ids=[identifier]))


def test_two_pages_of_a_list_come_newest_first_and_bear_the_servers_clock(ssm_config):
    with SsmClient(ssm_config.model_copy(update={"page_size": 3})) as client:
        pages = list(itertools.islice(client.pages("contacts"), 2))

    ids = [row["id"] for page in pages for row in page.rows]
    assert ids == sorted(set(ids), reverse=True)
    assert all(page.date for page in pages)


def test_wrong_keys_are_a_refused_login(ssm_config):
    wrong = ssm_config.model_validate(ssm_config.model_dump() | {"public_key": "none", "private_key": "none"})
    with SsmClient(wrong, RetryPolicy(attempts=1)) as client, pytest.raises(LoginRefused):
        client.log_in()


def test_a_contact_is_created_edited_cleared_and_deleted(client, somebody):
    client.update("contacts", somebody, {"lastName": "Modifiée", "phone1": "01 99 00 12 34"})
    edited = seen(client, somebody)
    client.update("contacts", somebody, {"email": None})
    cleared = seen(client, somebody)
    client.delete("contacts", somebody)

    assert (edited["lastName"], edited["email"]) == ("Modifiée", "essai@example.org")
    assert edited["dateUpdated"]
    assert same(cleared["email"], None)
    assert is_deleted(seen(client, somebody))


@pytest.mark.parametrize(
    "write",
    [
        lambda client: client.update("contacts", NOBODY, {"firstName": "Essai"}),
        lambda client: client.delete("contacts", NOBODY),
    ],
    ids=["update", "delete"],
)
def test_an_id_that_does_not_exist_is_rejected(client, write):
    with pytest.raises(Rejected) as caught:
        client.update("contacts", NOBODY, {"firstName": "Essai"}) if write == "update" else client.delete(
            "contacts", NOBODY
        )

    assert caught.value.status == 400


def test_a_contact_without_what_it_needs_is_rejected(client, tenant):
    with pytest.raises(Rejected):
        client.create("contacts", {"firstName": "Essai", "accountId": tenant.account})
