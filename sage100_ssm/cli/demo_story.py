"""What people do in the demo, act by act, between two runs."""

from collections.abc import Callable
from dataclasses import dataclass

from sage100_ssm.standins.sample import NEWCOMER
from sage100_ssm.standins.sample_installation import SampleInstallation


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the demo: what people do, and then a run.

    Attributes:
        key: the sentence that tells it, ``demo_<key>``.
        rule: the rules that it shows.
        happens: what people do on the two sides.
    """

    key: str
    rule: str
    happens: Callable[[SampleInstallation], None]


def _nothing(_: SampleInstallation) -> None:
    """Nobody does anything."""


def _born_on_each_side(here: SampleInstallation) -> None:
    here.sage.create_contact("NACRE", "Lestrange", "Amélie", CT_EMail="amelie.lestrange@nacre.example", CT_Civilite=1)
    here.ssm.create_contact("QUARTZ", "Darvenne", "Côme", phone1="01 99 00 44 55", gender=0)


def _edited(here: SampleInstallation) -> None:
    here.sage.edit_contact(_in_sage(here, "Aubrelin"), CT_Telephone="01 99 00 12 12")
    here.ssm.edit_contact(_in_ssm(here, "Baudémont"), email="a.baudemont@alizes.example")
    here.sage.edit_contact(_in_sage(here, "Cassagrel"), CT_TelPortable="06 39 98 77 77")
    here.ssm.edit_contact(_in_ssm(here, "Cassagrel"), fax="01 99 00 66 66")


def _company_appears(here: SampleInstallation) -> None:
    here.sage.create_company(NEWCOMER, "Zircon & Zéphyr")


def _moved_in_ssm(here: SampleInstallation) -> None:
    here.ssm.move_contact(_in_ssm(here, "Dervaillon"), "PERIDOT")


def _deleted_in_ssm_where_born(here: SampleInstallation) -> None:
    here.ssm.delete_contact(_in_ssm(here, "Darvenne"))


def _deleted_in_ssm_though_of_sage(here: SampleInstallation) -> None:
    here.ssm.delete_contact(_in_ssm(here, "Fontbrune"))


def _deleted_in_sage(here: SampleInstallation) -> None:
    here.sage.delete_contact(_in_sage(here, "Lestrange"))


def _in_sage(here: SampleInstallation, last_name: str) -> int:
    return next(int(row["cbMarq"]) for row in here.sage.contacts() if row["CT_Nom"] == last_name)


def _in_ssm(here: SampleInstallation, last_name: str) -> int:
    return next(int(row["id"]) for row in here.ssm.contacts() if row["lastName"] == last_name)


STORY = (
    Act("first_run", "R1, R3, R4, P4", _nothing),
    Act("created", "R3", _born_on_each_side),
    Act("edited", "R5, P1", _edited),
    Act("company_appears", "R4", _company_appears),
    Act("moved", "R6", _moved_in_ssm),
    Act("deleted_in_ssm", "R7", _deleted_in_ssm_where_born),
    Act("deletion_refused", "R8", _deleted_in_ssm_though_of_sage),
    Act("deleted_in_sage", "R9", _deleted_in_sage),
    Act("quiet", "P8", _nothing),
)
