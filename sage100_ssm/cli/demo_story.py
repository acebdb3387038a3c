"""What people do in the demo, act by act, between two runs."""

from collections.abc import Callable
from dataclasses import dataclass

from sage100_ssm.standins.sample import NEWCOMER
from sage100_ssm.standins.sample_installation import SampleInstallation


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the demo: what people do before a run.

    Attributes:
        key: its story is the sentence ``demo_<key>`` of the messages.
        rule: the rules that it shows.
        happens: does what people do on the two sides.
    """

    key: str
    rule: str
    happens: Callable[[SampleInstallation], None]


def _nothing(_: SampleInstallation) -> None:
    """Nobody does anything."""


def _created_on_each_side(sample: SampleInstallation) -> None:
    sample.sage.create_contact("NACRE", "Lestrange", "Amélie", CT_EMail="amelie.lestrange@nacre.example", CT_Civilite=1)
    sample.ssm.create_contact("QUARTZ", "Darvenne", "Côme", phone1="01 99 00 44 55", gender=0)


def _edited(sample: SampleInstallation) -> None:
    sample.sage.edit_contact(_in_sage(sample, "Aubrelin"), CT_Telephone="01 99 00 12 12")
    sample.ssm.edit_contact(_in_ssm(sample, "Baudémont"), email="a.baudemont@alizes.example")
    sample.sage.edit_contact(_in_sage(sample, "Cassagrel"), CT_TelPortable="06 39 98 77 77")
    sample.ssm.edit_contact(_in_ssm(sample, "Cassagrel"), fax="01 99 00 66 66")


def _company_appears(sample: SampleInstallation) -> None:
    sample.sage.create_company(NEWCOMER, "Zircon & Zéphyr")


def _moved_in_ssm(sample: SampleInstallation) -> None:
    sample.ssm.move_contact(_in_ssm(sample, "Dervaillon"), "PERIDOT")


def _deleted_in_ssm_of_origin_ssm(sample: SampleInstallation) -> None:
    sample.ssm.delete_contact(_in_ssm(sample, "Darvenne"))


def _deleted_in_ssm_of_origin_sage(sample: SampleInstallation) -> None:
    sample.ssm.delete_contact(_in_ssm(sample, "Fontbrune"))


def _deleted_in_sage(sample: SampleInstallation) -> None:
    sample.sage.delete_contact(_in_sage(sample, "Lestrange"))


def _in_sage(sample: SampleInstallation, last_name: str) -> int:
    return next(int(row["cbMarq"]) for row in sample.sage.contacts() if row["CT_Nom"] == last_name)


def _in_ssm(sample: SampleInstallation, last_name: str) -> int:
    return next(int(row["id"]) for row in sample.ssm.contacts() if row["lastName"] == last_name)


STORY = (
    Act("first_run", "R1, R3, R4, P4", _nothing),
    Act("created", "R3", _created_on_each_side),
    Act("edited", "R5, P1", _edited),
    Act("company_appears", "R4", _company_appears),
    Act("moved", "R6", _moved_in_ssm),
    Act("deleted_in_ssm", "R7", _deleted_in_ssm_of_origin_ssm),
    Act("deletion_refused", "R8", _deleted_in_ssm_of_origin_sage),
    Act("deleted_in_sage", "R9", _deleted_in_sage),
    Act("quiet", "P8", _nothing),
)
