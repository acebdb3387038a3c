"""R7, R8, R9, P2, P3, P5: who may delete, and what is restored."""


def test_r7_contact_of_origin_ssm_deleted_in_ssm_is_deleted_in_sage(world):
    ada = world.person("Aubrelin", "Ada", born="ssm")
    ada.delete_ssm()
    report = world.run()
    assert (report.sage100.deleted, ada.row, ada.link, world.problems) == (1, None, None, [])


def test_r8_contact_of_origin_sage_deleted_in_ssm_is_restored_with_the_same_ext_id(world):
    ada = world.person("Aubrelin", "Ada", CT_EMail="ada@alpha.example")
    ada.delete_ssm()
    report = world.run()
    assert report.ssm.created == 1
    assert ada.current["extId"] == ada.card["extId"] == f"sage100:TEST:{ada.marq}"
    assert (ada.current["email"], ada.current["deleted"], ada.card["deleted"]) == ("ada@alpha.example", False, True)
    assert ada.standing == ("sage100", "active")
    assert [n[0] for n in world.notices] == ["deletion_refused"]
    assert world.journal[-1].entry.rule == "R8"
