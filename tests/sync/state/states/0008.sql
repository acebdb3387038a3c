BEGIN TRANSACTION;
CREATE TABLE decisions (
	id INTEGER NOT NULL, 
	problem_id INTEGER, 
	choice VARCHAR(16) NOT NULL, 
	sage100_id BIGINT, 
	ssm_id BIGINT, 
	field TEXT, 
	sage100_value TEXT, 
	ssm_value TEXT, 
	fingerprint VARCHAR(16), 
	decided_by TEXT NOT NULL, 
	decided_at VARCHAR(32) NOT NULL, 
	taken_back_at VARCHAR(32), 
	PRIMARY KEY (id)
);
CREATE TABLE facts (
	"key" VARCHAR(128) NOT NULL, 
	value TEXT, 
	PRIMARY KEY ("key")
);
INSERT INTO "facts" VALUES('cursor:contacts','{"changed_at":"2026-11-20T11:50:00Z","id":340}');
INSERT INTO "facts" VALUES('database','"BIJOU"');
INSERT INTO "facts" VALUES('sage100_identity','81');
CREATE TABLE intents (
	id INTEGER NOT NULL, 
	side VARCHAR(16) NOT NULL, 
	source_id BIGINT NOT NULL, 
	ext_id TEXT, 
	sage100_no BIGINT, 
	names TEXT, base TEXT, target_id BIGINT, begun_at VARCHAR(32), 
	PRIMARY KEY (id)
);
INSERT INTO "intents" VALUES(1,'ssm',13,'sage100:BIJOU:13',NULL,'[null,null]','{"last_name":"Durand"}',NULL,'2026-11-20T12:00:00.000000+00:00');
INSERT INTO "intents" VALUES(2,'sage100',502,NULL,91,'["Vial","No\u00e9"]','{"last_name":"Vial"}',NULL,'2026-11-20T12:00:00.000000+00:00');
CREATE TABLE journal (
	id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	code VARCHAR(64) NOT NULL, 
	rule VARCHAR(8), 
	company TEXT, 
	sage100_id BIGINT, 
	ssm_id BIGINT, 
	contact TEXT, 
	field TEXT, 
	sage100_value TEXT, 
	ssm_value TEXT, 
	details TEXT NOT NULL, 
	run_id TEXT NOT NULL, 
	first_seen VARCHAR(32) NOT NULL, 
	last_seen VARCHAR(32) NOT NULL, 
	count INTEGER NOT NULL, 
	closed_at VARCHAR(32), 
	tries INTEGER NOT NULL, 
	next_try_at VARCHAR(32), 
	fingerprint TEXT, settled_at VARCHAR(32), forgotten_at VARCHAR(32), 
	PRIMARY KEY (id)
);
INSERT INTO "journal" VALUES(1,'problem','record_locked',NULL,'CARAT',12,340,'Claire Morel',NULL,NULL,NULL,'{}','r1','2025-10-16T12:00:00.000000+00:00','2025-10-16T12:00:00.000000+00:00',1,'2026-11-20T12:00:00.000000+00:00',0,NULL,NULL,'2026-11-26T07:05:11.911731+00:00',NULL);
INSERT INTO "journal" VALUES(2,'problem','value_too_long','P7','CARAT',12,340,'Claire Morel','email','"claire@carat.example"','"claire@carat.exampleclaire@carat.exampleclaire@carat.exampleclaire@carat.example"','{"limit":69,"length":80}','r2','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:00.000000+00:00',1,NULL,2,'2026-11-20T12:30:00.000000+00:00','abc',NULL,NULL);
INSERT INTO "journal" VALUES(3,'problem','value_unknown','P7','CARAT',14,NULL,'Jean Roy','job_title','"Zouave"',NULL,'{"text":"Zouave","side":"ssm"}','r2','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:00.000000+00:00',1,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "journal" VALUES(4,'problem','value_unknown','P7','BETA',15,NULL,'Anne Roy','job_title','"Zouave"',NULL,'{"text":"Zouave","side":"ssm"}','r2','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:00.000000+00:00',1,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "journal" VALUES(5,'problem','company_not_in_ssm','P6','NACRE',NULL,NULL,NULL,NULL,NULL,NULL,'{"contacts":[[21,"Paul Durand"],[22,"Marie Blanc"]]}','r2','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:00.000000+00:00',1,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "journal" VALUES(6,'problem','company_not_in_sage','R4',NULL,NULL,501,'Zoé Lancel',NULL,NULL,NULL,'{"account":"Prospects SA"}','r2','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:00.000000+00:00',1,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "journal" VALUES(7,'problem','side_unreachable',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"side":"ssm","text":"timeout","reason":null}','r2','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:00.000000+00:00',1,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "journal" VALUES(8,'notice','deleted_in_sage','R7','NACRE',60,350,'Zoé Petit',NULL,NULL,NULL,'{"row":[["CT_Nom","Petit"],["CT_Prenom","Zo\u00e9"]]}','r2','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:00.000000+00:00',1,NULL,0,NULL,NULL,'2026-11-26T07:05:11.911731+00:00',NULL);
INSERT INTO "journal" VALUES(9,'notice','conflict_settled','P1','CARAT',12,340,'Claire Morel','phone','"01 99 00 10 00"','"01 99 00 10 01"','{"winner":"sage100"}','r2','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:00.000000+00:00',1,NULL,0,NULL,NULL,'2026-11-26T07:05:11.911731+00:00',NULL);
INSERT INTO "journal" VALUES(10,'announced','conflict_settled','P1','FERMOIR',81,344,'Luc Aubrelin','phone','"01 99 00 10 44"','"01 99 00 10 45"','{"winner":"ssm"}','r2','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:00.000000+00:00',1,NULL,0,NULL,NULL,NULL,NULL);
CREATE TABLE lease (
	id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	owner TEXT, 
	expires_at VARCHAR(32), 
	PRIMARY KEY (id)
);
INSERT INTO "lease" VALUES(1,1,NULL,NULL);
CREATE TABLE links (
	id INTEGER NOT NULL, 
	sage100_id BIGINT NOT NULL, 
	sage100_no BIGINT, 
	ssm_id BIGINT NOT NULL, 
	company TEXT NOT NULL, 
	contact TEXT NOT NULL, 
	origin VARCHAR(16) NOT NULL, 
	base TEXT NOT NULL, 
	sage100_stamp TEXT, 
	ssm_stamp TEXT, 
	status VARCHAR(16) NOT NULL, 
	reason VARCHAR(64), unconfirmed TEXT, unmapped_digest VARCHAR(16), sage100_created TEXT, ended_at VARCHAR(32), forgotten_at VARCHAR(32), linked_at VARCHAR(32), 
	PRIMARY KEY (id)
);
INSERT INTO "links" VALUES(1,12,7,340,'CARAT','Claire Morel','sage100','{"last_name":"Morel","first_name":"Claire","email":["claire@carat.example","CLAIRE@CARAT.EXAMPLE"],"phone":"01 99 00 10 00","job_title":null,"civility":[2,1]}','2026-11-19T10:00:00+01:00','2026-11-19T09:05:00+00:00','active',NULL,NULL,NULL,'2024-01-02T10:00:00+01:00',NULL,NULL,NULL);
INSERT INTO "links" VALUES(2,81,90,344,'FERMOIR','Luc Aubrelin','ssm','{"last_name":"Aubrelin","first_name":"Luc","email":["luc@fermoir.example","LUC@FERMOIR.EXAMPLE"],"phone":"01 99 00 10 44","job_title":null,"civility":[2,1]}','2026-11-19T10:00:00+01:00','2026-11-19T09:05:00+00:00','asleep','out_of_scope','{"ssm":"{\"phone\":\"01 99 00 10 45\"}"}','0123456789abcdef',NULL,NULL,NULL,NULL);
INSERT INTO "links" VALUES(3,60,61,350,'NACRE','Zoé Petit','ssm','{"last_name":"Petit","first_name":"Zo\u00e9","email":["zoe@nacre.example","ZOE@NACRE.EXAMPLE"],"phone":"01 99 00 10 50","job_title":null,"civility":[2,1]}','2026-11-19T10:00:00+01:00','2026-11-19T09:05:00+00:00','ended',NULL,NULL,NULL,NULL,'2026-11-26T07:05:11.911731+00:00',NULL,NULL);
CREATE TABLE observations (
	stream VARCHAR(64) NOT NULL, 
	id BIGINT NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (stream, id)
);
INSERT INTO "observations" VALUES('accounts',11,'{"id":11,"extId":"CARAT","name":"Carat Ltd","deleted":false}');
INSERT INTO "observations" VALUES('contacts',340,'{"id":340,"firstName":"Claire","lastName":"Morel","email":"claire@carat.example","extId":"sage100:BIJOU:12","deleted":false,"dateCreated":"2026-01-02T10:00:00Z"}');
INSERT INTO "observations" VALUES('contacts',350,'{"id":350,"firstName":"Zo\u00e9","lastName":"Petit","email":"zoe@nacre.example","extId":"ssm:BIJOU:60","deleted":true,"dateCreated":"2026-01-02T10:00:00Z"}');
CREATE TABLE runs (
	run_id VARCHAR(64) NOT NULL, 
	started_at VARCHAR(32) NOT NULL, 
	finished_at VARCHAR(32), 
	status VARCHAR(16) NOT NULL, 
	counts TEXT NOT NULL, 
	exit_code INTEGER, number INTEGER, 
	PRIMARY KEY (run_id)
);
INSERT INTO "runs" VALUES('4f0c2a9be1d3','2026-11-20T12:00:00.000000+00:00','2026-11-20T12:00:09.000000+00:00','done','{"linked":2}',0,1);
CREATE TABLE state_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT state_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "state_version" VALUES('0008');
CREATE TABLE writes (
	id INTEGER NOT NULL, 
	run_id VARCHAR(64) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	is_confirmed BOOLEAN NOT NULL, 
	side VARCHAR(16) NOT NULL, 
	action VARCHAR(16) NOT NULL, 
	company TEXT, 
	sage100_id BIGINT, 
	ssm_id BIGINT, 
	contact TEXT, 
	changes TEXT NOT NULL, 
	undo TEXT, 
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX links_living_sage100_id ON links (sage100_id) WHERE status != 'ended';
CREATE UNIQUE INDEX links_living_ssm_id ON links (ssm_id) WHERE status != 'ended';
CREATE INDEX journal_standing ON journal (id) WHERE kind = 'problem' AND closed_at IS NULL;
CREATE INDEX journal_sage100_id ON journal (sage100_id);
CREATE INDEX journal_ssm_id ON journal (ssm_id);
CREATE INDEX journal_run_id ON journal (run_id);
CREATE INDEX runs_started_at ON runs (started_at);
CREATE INDEX runs_number ON runs (number);
CREATE INDEX links_ended ON links (ssm_id, ended_at) WHERE status = 'ended' AND forgotten_at IS NULL;
CREATE INDEX journal_settled ON journal (settled_at) WHERE settled_at IS NOT NULL AND forgotten_at IS NULL;
CREATE INDEX writes_at ON writes (at);
CREATE INDEX writes_sage100_id ON writes (sage100_id);
CREATE INDEX writes_ssm_id ON writes (ssm_id);
CREATE INDEX writes_run_id ON writes (run_id);
CREATE INDEX writes_to_undo ON writes (id) WHERE undo IS NOT NULL;
CREATE INDEX writes_in_doubt ON writes (id) WHERE is_confirmed IS 0;
CREATE INDEX links_live ON links (status, origin) WHERE status != 'ended';
COMMIT;
