"""The tables of a company database in T-SQL, in two generations of Sage 100, with what is known of its triggers.

The statements are plain enough for any server that speaks T-SQL. A contact whose ``cbMarq`` is in ``ZZ_LOCK`` is open
on a Sage user's screen: the triggers refuse to change it, as Sage's own do (its number in the text of an error 50000).
"""

from collections.abc import Iterator
from dataclasses import dataclass

LOCKED = "80003 : enregistrement utilise"
"""The triggers' message for a record that is open elsewhere."""

TABLES = ("F_DRECOUVREMENT", "ZZ_LOCK", "F_CONTACTT", "F_COMPTET", "P_SERVICECPTA", "P_CONTACT")
"""All tables, in the order in which they can be dropped."""

_LISTS = (
    """
CREATE TABLE dbo.P_SERVICECPTA (
  S_Intitule varchar(35) NULL, S_Abrege varchar(3) NULL, cbIndice smallint NULL,
  cbMarq int IDENTITY(1,1) NOT NULL CONSTRAINT PK_CBMARQ_P_SERVICECPTA PRIMARY KEY
)""",
    """
CREATE TABLE dbo.P_CONTACT (
  C_Intitule varchar(35) NULL, cbIndice smallint NULL,
  cbMarq int IDENTITY(1,1) NOT NULL CONSTRAINT PK_CBMARQ_P_CONTACT PRIMARY KEY
)""",
    "CREATE TABLE dbo.ZZ_LOCK (cbMarq int NULL)",
)
_COMPTET = """
CREATE TABLE dbo.F_COMPTET (
  CT_Num varchar(17) NOT NULL,
  cbCT_Num AS CONVERT(varbinary(18), CT_Num),
  CT_Intitule varchar({name}) NULL,
  CT_Type smallint NULL,
  CG_NumPrinc varchar(13) {account},
  cbCG_NumPrinc AS CONVERT(varbinary(14), ISNULL(CG_NumPrinc, '')),
  CT_Qualite varchar(17) NULL, CT_Classement varchar(17) NULL, CT_Contact varchar(35) NULL,
  CT_Adresse varchar(35) NULL, CT_Complement varchar(35) NULL, CT_CodePostal varchar(9) NULL,
  CT_Ville varchar(35) NULL, CT_CodeRegion varchar(25) NULL, CT_Pays varchar(35) NULL,
  CT_Raccourci varchar(7) NULL, BT_Num smallint NULL, N_Devise smallint NULL, CT_Ape varchar(7) NULL,
  CT_Identifiant varchar(25) NULL, CT_Siret varchar(15) NULL, {statistics} CT_Commentaire varchar(35) NULL,
  CT_Encours numeric(24,6) NULL, CT_Assurance numeric(24,6) NULL, CT_NumPayeur varchar(17) NULL,
  CO_No int NULL, cbCO_No int NULL,
  N_Risque smallint NULL, N_CatTarif smallint NULL, N_CatCompta smallint NULL, N_Period smallint NULL,
  CT_Facture smallint NULL, CT_BLFact smallint NULL, CT_Langue smallint NULL, N_Expedition smallint NULL,
  N_Condition smallint NULL, CT_Saut smallint NULL, CT_Lettrage smallint NULL, CT_ValidEch smallint NULL,
  DE_No int NULL, cbDE_No int NULL, CT_ControlEnc smallint NULL, CT_NotRappel smallint NULL,
  N_Analytique smallint NULL, cbN_Analytique smallint NULL, CA_Num varchar(13) NULL, MR_No int NULL, cbMR_No int NULL,
  EB_No int NULL, cbEB_No int NULL, PI_NoEchange int NULL, cbPI_NoEchange int NULL, CT_EchangeCR smallint NULL,
  CT_NumCentrale varchar(17) NULL, CT_Sommeil smallint NULL, CT_Telephone varchar(21) NULL,
  CT_Telecopie varchar(21) NULL,
  CT_EMail varchar(69) NULL, CT_Site varchar(69) NULL,
  {technical},
  {later}
  CONSTRAINT UKA_F_COMPTET_CT_Num UNIQUE (CT_Num)
)"""
_CONTACTT = """
CREATE TABLE dbo.F_CONTACTT (
  CT_Num varchar(17) NOT NULL,
  cbCT_Num AS CONVERT(varbinary(18), CT_Num),
  CT_Nom varchar(35) NULL,
  cbCT_Nom AS CONVERT(varbinary(36), ISNULL(CT_Nom, '')),
  CT_Prenom varchar(35) NULL,
  cbCT_Prenom AS CONVERT(varbinary(36), ISNULL(CT_Prenom, '')),
  N_Service smallint NULL, CT_Fonction varchar(35) NULL, CT_Telephone varchar(21) NULL,
  CT_TelPortable varchar(21) NULL, CT_Telecopie varchar(21) NULL, CT_EMail varchar(69) NULL,
  CT_Civilite smallint NULL, N_Contact smallint NULL, CT_No int NULL,
  {technical},
  {later}
  CONSTRAINT FKA_F_CONTACTT_CT_Num FOREIGN KEY (CT_Num) REFERENCES dbo.F_COMPTET (CT_Num)
)"""
_TECHNICAL = """cbProt smallint NULL DEFAULT 0,
  cbMarq int IDENTITY(1,1) NOT NULL CONSTRAINT PK_CBMARQ_{table} PRIMARY KEY,
  cbCreateur char(4) NULL DEFAULT 'CSQL',
  cbModification {stamp},
  cbReplication int NULL DEFAULT 0,
  cbFlag smallint NULL DEFAULT 0"""
_INDEXES = (
    "CREATE UNIQUE INDEX ICT_NUM ON dbo.F_COMPTET (cbCT_Num)",
    "CREATE INDEX ICT_TYPE ON dbo.F_COMPTET (CT_Type, cbCT_Num)",
    "CREATE UNIQUE INDEX ICT_NO ON dbo.F_CONTACTT (CT_No)",
    "CREATE UNIQUE INDEX ICT_NOM ON dbo.F_CONTACTT (cbCT_Num, cbCT_Nom, cbCT_Prenom)",
    "CREATE INDEX FKIA_F_CONTACTT_CT_Num ON dbo.F_CONTACTT (CT_Num)",
)
_REFERRING = """
CREATE TABLE dbo.F_DRECOUVREMENT (
  DR_Num varchar(9) NULL, cbCT_No int NULL,
  CONSTRAINT FKA_F_DRECOUVREMENT_CT_No FOREIGN KEY (cbCT_No) REFERENCES dbo.F_CONTACTT (CT_No)
)"""
_LOCK_CHECK = """
CREATE TRIGGER TG_CB{verb}_F_CONTACTT ON dbo.F_CONTACTT AFTER {event} AS
BEGIN
  SET NOCOUNT ON;
  IF EXISTS (SELECT 1 FROM deleted WHERE cbMarq IN (SELECT cbMarq FROM dbo.ZZ_LOCK))
  BEGIN
    RAISERROR('{words}', 11, 1);
    ROLLBACK TRANSACTION;
  END;
END"""
_NUMBERING = """
CREATE TRIGGER TG_INS_F_CONTACTT ON dbo.F_CONTACTT AFTER INSERT AS
BEGIN
  SET NOCOUNT ON;
  UPDATE dbo.F_CONTACTT SET CT_No = (SELECT ISNULL(MAX(CT_No), 0) + 1 FROM dbo.F_CONTACTT)
  WHERE cbMarq IN (SELECT cbMarq FROM inserted WHERE CT_No IS NULL OR CT_No = 0);
END"""
_NOTHING_MUCH = "CREATE TRIGGER TG_INS_F_CONTACTT ON dbo.F_CONTACTT AFTER INSERT AS BEGIN SET NOCOUNT ON; END"


_LATER = {
    **dict.fromkeys(("CT_EdiCodeType", "CT_DelaiTransport", "CT_DelaiAppro", "CT_AnnulationCR"), "smallint"),
    "CT_EdiCode": "varchar(23)",
    "CT_EdiCodeSage": "varchar(9)",
    "CT_LangueISO2": "varchar(3)",
    **dict.fromkeys(("CT_ExclureTrait", "CT_GDPR", "CT_Prospect"), "smallint"),
    **{f"CT_{kind}Day{n:02}": "smallint" for kind in ("Order", "Delivery") for n in range(1, 8)},
    **dict.fromkeys(("CAL_No", "cbCAL_No"), "int"),
}
"""Columns of the newer F_COMPTET alone, without those that F_CONTACTT has too."""
_LATER_EVERYWHERE = frozenset({"CT_LinkedIn", "CT_Skype", "CT_Facebook", "cbCreation", "cbCreationUser"})
_FORMER = {"CT_DateCreate": "smalldatetime", "CT_CessionCreance": "smallint"}
"""Columns of the older F_COMPTET alone."""


@dataclass(frozen=True)
class Generation:
    """A generation of Sage 100, by the columns of its tables.

    Attributes:
        name: for test ids.
        newer: whether it is the newer of the two.
    """

    name: str
    newer: bool

    @property
    def absent(self) -> frozenset[str]:
        """The columns that only the other generation has."""
        return frozenset(_FORMER) if self.newer else _LATER_EVERYWHERE.union(_LATER)


NEWER, OLDER = Generation("newer", newer=True), Generation("older", newer=False)


def batches(generation: Generation, *, numbers: bool = False) -> Iterator[str]:
    """The batches that create an empty company database.

    Args:
        generation: of Sage.
        numbers: whether a trigger gives a new contact a ``CT_No`` where the insert gives none.
    """
    stamp = "datetime NULL DEFAULT CONVERT(datetime2(0), GETDATE())"
    if not generation.newer:
        stamp = "smalldatetime NULL DEFAULT GETDATE()"
    created = f"cbCreation {stamp}, cbCreationUser uniqueidentifier NULL,"
    social = "CT_Facebook varchar(35) NULL, CT_LinkedIn varchar(35) NULL,"
    own = "".join(f"{name} {kind} NULL, " for name, kind in (_LATER if generation.newer else _FORMER).items())
    yield from _LISTS
    yield _COMPTET.format(
        name=69 if generation.newer else 35,
        statistics=" ".join(f"CT_Statistique{n:02} varchar(21) NULL," for n in range(1, 11)),
        account="NULL" if generation.newer else "NOT NULL DEFAULT '4110000'",
        technical=_TECHNICAL.format(table="F_COMPTET", stamp=stamp),
        later=f"{social} {own} {created} [Région d'achat] varchar(20) NULL," if generation.newer else own,
    )
    yield _CONTACTT.format(
        technical=_TECHNICAL.format(table="F_CONTACTT", stamp=stamp),
        later=f"{social} CT_Skype varchar(35) NULL, {created}" if generation.newer else "",
    )
    yield from _INDEXES
    yield _REFERRING
    yield _NUMBERING if numbers else _NOTHING_MUCH
    for verb, event in (("UPD", "UPDATE"), ("DEL", "DELETE")):
        yield _LOCK_CHECK.format(verb=verb, event=event, words=LOCKED)
