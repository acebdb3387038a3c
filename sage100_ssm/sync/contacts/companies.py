"""Companies: the clients and prospects of Sage and the accounts of SSM that stand for them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any

from annotated_types import MinLen

from sage100_ssm.sync.contacts import normalise


@dataclass(frozen=True, slots=True)
class Scope:
    """Which companies a site synchronises.

    Attributes:
        prospects: whether prospects take part, or clients alone.
        exclude: patterns of ``CT_Num`` to leave out (``DIV*``), without case.
    """

    prospects: bool = True
    exclude: tuple[Annotated[str, MinLen(1)], ...] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """An SSM account, as far as contacts need it."""

    id: int
    code: str | None
    deleted: bool
    name: str | None


class Companies:
    """What is known of companies on both sides.

    Args:
        sage100: rows of ``F_COMPTET``, clients and prospects.
        accounts: rows of SSM accounts, deleted ones included.
        code_field: the account field that holds the ``CT_Num``.
        scope: what the settings leave out.
    """

    def __init__(
        self,
        sage100: Iterable[Mapping[str, Any]],
        accounts: Iterable[Mapping[str, Any]],
        *,
        code_field: str,
        scope: Scope,
    ) -> None:
        self._scope = scope
        self._stored: dict[str, str] = {}
        self._left_out: set[str] = set()
        for row in sage100:
            key = normalise.company_code(row["CT_Num"])
            self._stored[key] = row["CT_Num"]
            if self._leaves_out(row):
                self._left_out.add(key)
        self._accounts = {row["id"]: _account(row, code_field) for row in accounts}
        self._by_code: dict[str, list[int]] = {}
        for account in self._accounts.values():
            if account.code and not account.deleted:
                self._by_code.setdefault(normalise.company_code(account.code), []).append(account.id)

    def _leaves_out(self, row: Mapping[str, Any]) -> bool:
        if not self._scope.prospects and row.get("CT_Prospect") == 1:
            return True
        return self._excluded(row["CT_Num"])

    def _excluded(self, code: str) -> bool:
        return any(fnmatchcase(normalise.company_code(code), normalise.company_code(p)) for p in self._scope.exclude)

    def stored_code(self, code: str | None) -> str | None:
        """The code in the form that ``F_COMPTET`` stores; None where no client or prospect bears it (R4)."""
        return self._stored.get(normalise.company_code(code)) if code else None

    def in_scope(self, code: str | None) -> bool:
        """Whether the company is a client or prospect that the settings do not leave out."""
        key = normalise.company_code(code)
        return key in self._stored and key not in self._left_out

    def left_out(self, code: str | None) -> bool:
        """Whether the settings leave the company out."""
        return bool(code) and (normalise.company_code(code) in self._left_out or self._excluded(code or ""))

    def account(self, account_id: int | None) -> Account | None:
        """The account of that id, deleted ones included; None where SSM shows none."""
        return None if account_id is None else self._accounts.get(account_id)

    def is_deleted(self, account_id: int | None) -> bool:
        """Whether SSM shows the account as deleted."""
        account = self.account(account_id)
        return account is not None and account.deleted

    def accounts_of(self, code: str | None) -> Sequence[int]:
        """The living accounts that bear a code: none, one, or twins."""
        return tuple(self._by_code.get(normalise.company_code(code), ())) if code else ()

    def twins(self) -> dict[str, Sequence[int]]:
        """The codes in scope that several living accounts bear, in the form that ``F_COMPTET`` stores."""
        return {
            self._stored[key]: tuple(ids) for key, ids in self._by_code.items() if len(ids) > 1 and self.in_scope(key)
        }


def _account(row: Mapping[str, Any], code_field: str) -> Account:
    code = row.get(code_field)
    if isinstance(code, Mapping):
        code = code.get("value")
    return Account(row["id"], normalise.text(str(code)) if code else None, bool(row.get("deleted")), row.get("name"))
