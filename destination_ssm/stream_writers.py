"""The writers of the two streams: a contact may name its account by the code that the accounts' records have."""

from collections.abc import Generator, Iterator, Sequence
from typing import Any

from destination_ssm.accounts import Accounts, codes_of, with_account
from destination_ssm.decision import CreationRules, malformation, with_ext_id_as_text
from destination_ssm.reasons import failure
from destination_ssm.receipts import not_sent
from destination_ssm.writer import SsmWriter
from sage100_ssm.connectors.errors import ConnectorError
from sage100_ssm.connectors.request import WriteRequest
from sage100_ssm.exchange.receipt import Receipt
from sage100_ssm.ssm.client import SsmClient
from sage100_ssm.ssm.errors import Rejected, SsmError


class AccountWriter(SsmWriter):
    """Writes accounts, and has contacts know them.

    Args:
        client: the client, shared with others.
        rules: what a new account needs.
        accounts: what contacts look accounts up in.
        options: the options of `SsmWriter`.
    """

    def __init__(self, client: SsmClient, rules: CreationRules, accounts: Accounts, **options: Any) -> None:
        super().__init__(client, "accounts", rules, **options)
        self._accounts = accounts

    def write(self, requests: Sequence[WriteRequest]) -> Iterator[Receipt]:
        """Carry out the requests; one receipt each.

        Raises:
            ConnectorError: as of `SsmWriter.write`.
        """
        by_index = {request.index: request for request in requests}
        for receipt in super().write(requests):
            self._accounts.note(by_index[receipt.index], receipt)
            yield receipt


class ContactWriter(SsmWriter):
    """Writes contacts, whose account is named by its id or by its code.

    Args:
        client: the client, shared with others.
        rules: what a new contact needs.
        accounts: where accounts are looked up by their codes.
        options: the options of `SsmWriter`.
    """

    def __init__(self, client: SsmClient, rules: CreationRules, accounts: Accounts, **options: Any) -> None:
        super().__init__(client, "contacts", rules, **options)
        self._accounts = accounts

    def write(self, requests: Sequence[WriteRequest]) -> Iterator[Receipt]:
        """Carry out the requests; one receipt each.

        Raises:
            ConnectorError: as of `SsmWriter.write`; or accounts cannot be looked up.
        """
        ready = yield from self._with_accounts([with_ext_id_as_text(request) for request in requests])
        yield from super().write(ready)

    def _with_accounts(self, requests: Sequence[WriteRequest]) -> Generator[Receipt, None, list[WriteRequest]]:
        """The requests with the ids of their accounts, which are looked up once for all of them."""
        codes = {code for request in requests if not malformation(request) for code in codes_of(request)}
        try:
            known = self._accounts.find(codes) if codes else {}
        except SsmError as error:
            yield from (not_sent(request, error) for request in requests)
            raise _error_of_look_up(error) from error
        ready: list[WriteRequest] = []
        for request in requests:
            resolved = request if malformation(request) else with_account(request, known, self._accounts.postponed)
            if isinstance(resolved, Receipt):
                yield resolved
            else:
                ready.append(resolved)
        return ready


def _error_of_look_up(error: SsmError) -> ConnectorError:
    """Why no account can be looked up."""
    if isinstance(error, Rejected):
        beginning = "Sage Sales Management refuses to look up accounts by company_code_field, check its name:"
        return failure(error, beginning, configuration=True)
    return failure(error)
