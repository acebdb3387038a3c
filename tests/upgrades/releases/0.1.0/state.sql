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
INSERT INTO "decisions" VALUES(1,6,'different',6,511,NULL,NULL,NULL,NULL,'marie','2026-11-02T09:30:00.000000+00:00',NULL);
CREATE TABLE facts (
	"key" VARCHAR(128) NOT NULL, 
	value TEXT, 
	PRIMARY KEY ("key")
);
INSERT INTO "facts" VALUES('field_map','{"last_name":["CT_Nom","lastName","text"],"first_name":["CT_Prenom","firstName","text"],"job_title":["CT_Fonction","typeId","label"],"phone":["CT_Telephone","phone1","phone"],"mobile":["CT_TelPortable","phone2","phone"],"fax":["CT_Telecopie","fax","phone"],"email":["CT_EMail","email","email"],"civility":["CT_Civilite","gender","civility"],"linkedin":["CT_LinkedIn","linkedin","text"],"skype":["CT_Skype","skype","text"],"company":["CT_Num","accountId","company"]}');
INSERT INTO "facts" VALUES('database','"TEST"');
INSERT INTO "facts" VALUES('sage100_locations','[["SRV-MEMORY","TEST","2026-11-02T08:15:00+00:00"]]');
INSERT INTO "facts" VALUES('ssm_whole_read_at','"2026-11-02T08:15:00+00:00"');
INSERT INTO "facts" VALUES('deletion_settings','"([(''last_name'', ''CT_Nom'', ''lastName'', ''text'', ''both''), (''first_name'', ''CT_Prenom'', ''firstName'', ''text'', ''both''), (''job_title'', ''CT_Fonction'', ''typeId'', ''label'', ''both''), (''phone'', ''CT_Telephone'', ''phone1'', ''phone'', ''both''), (''mobile'', ''CT_TelPortable'', ''phone2'', ''phone'', ''both''), (''fax'', ''CT_Telecopie'', ''fax'', ''phone'', ''to_ssm''), (''email'', ''CT_EMail'', ''email'', ''email'', ''both''), (''civility'', ''CT_Civilite'', ''gender'', ''civility'', ''both''), (''linkedin'', ''CT_LinkedIn'', ''linkedin'', ''text'', ''both''), (''skype'', ''CT_Skype'', ''skype'', ''text'', ''both''), (''company'', ''CT_Num'', ''accountId'', ''company'', ''to_ssm'')], Scope(prospects=True, exclude=(''ZZ*'',), contacts=ContactScope(exclude=())), ''extId'')"');
INSERT INTO "facts" VALUES('deletions','[["2026-11-02T09:00:00+00:00","ssm",1]]');
INSERT INTO "facts" VALUES('cursor:accounts','{"changed_at":"2026-11-02T08:00:00.003000Z"}');
INSERT INTO "facts" VALUES('cursor:contacts','{"changed_at":"2026-11-02T09:45:00.021000Z"}');
INSERT INTO "facts" VALUES('rewrites','{}');
INSERT INTO "facts" VALUES('sage100_identity','8');
CREATE TABLE intents (
	id INTEGER NOT NULL, 
	side VARCHAR(16) NOT NULL, 
	source_id BIGINT NOT NULL, 
	ext_id TEXT, 
	sage100_no BIGINT, 
	names TEXT, base TEXT, target_id BIGINT, begun_at VARCHAR(32), 
	PRIMARY KEY (id)
);
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
INSERT INTO "journal" VALUES(1,'notice','conflict_settled','P1','ALPHA',2,506,'Noé Vial','phone','"01 99 00 10 46"','"01 99 00 10 47"','{"winner":"sage100"}','run 02 08:45','2026-11-02T08:45:00.000000+00:00','2026-11-02T08:45:00.000000+00:00',1,NULL,0,NULL,NULL,'2026-11-02T08:45:00.000000+00:00',NULL);
INSERT INTO "journal" VALUES(2,'notice','deletion_refused','R8','ALPHA',1,505,'Ada Aubrelin',NULL,NULL,NULL,'{"origin":"sage100","deleted_by":null}','run 02 09:00','2026-11-02T09:00:00.000000+00:00','2026-11-02T09:00:00.000000+00:00',1,NULL,0,NULL,NULL,'2026-11-02T09:00:00.000000+00:00',NULL);
INSERT INTO "journal" VALUES(3,'problem','out_of_scope','P13','BETA',4,508,'Anne Roy',NULL,NULL,NULL,'{"reason":"no_client"}','run 02 09:15','2026-11-02T09:15:00.000000+00:00','2026-11-02T10:15:00.000000+00:00',5,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "journal" VALUES(4,'problem','value_too_long','P7','ALPHA',5,504,'Luc Durand','email',NULL,'"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@alpha.example"','{"limit":69,"length":94}','run 02 09:30','2026-11-02T09:30:00.000000+00:00','2026-11-02T10:15:00.000000+00:00',4,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "journal" VALUES(5,'problem','value_unknown','P7','ALPHA',2,506,'Noé Vial','job_title','"Zouave"',NULL,'{"contacts":[],"text":"Zouave","side":"ssm","is_opposite":false}','run 02 09:30','2026-11-02T09:30:00.000000+00:00','2026-11-02T10:15:00.000000+00:00',4,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "journal" VALUES(6,'problem','possible_duplicate','P4','ALPHA',6,511,'Marie Blanc',NULL,NULL,NULL,'{"in_sage100":[[6,"Marie Blanc"]],"in_ssm":[[511,"Marie Blanc-Roy"]],"evidence":["email"]}','run 02 09:30','2026-11-02T09:30:00.000000+00:00','2026-11-02T09:30:00.000000+00:00',1,'2026-11-02T09:45:00.000000+00:00',0,NULL,NULL,'2026-11-02T09:45:00.000000+00:00',NULL);
INSERT INTO "journal" VALUES(7,'problem','possible_duplicate','P4','ALPHA',7,512,'Jean Simon',NULL,NULL,NULL,'{"in_sage100":[[7,"Jean Simon"]],"in_ssm":[[512,"Jeanne Simon"]],"evidence":["email"]}','run 02 09:30','2026-11-02T09:30:00.000000+00:00','2026-11-02T10:15:00.000000+00:00',4,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "journal" VALUES(8,'problem','company_not_in_sage','R4','GAMMA',NULL,510,'Zoé Lancel',NULL,NULL,'"GAMMA"','{"contacts":[],"account":"Gamma","account_id":503}','run 02 09:30','2026-11-02T09:30:00.000000+00:00','2026-11-02T10:15:00.000000+00:00',4,NULL,0,NULL,NULL,NULL,NULL);
INSERT INTO "journal" VALUES(9,'notice','decided','P16','ALPHA',6,511,'Marie Blanc',NULL,NULL,NULL,'{"choice":"different","by":"marie","about":"possible_duplicate","undone":false}','decide-748abdd6784e','2026-11-02T09:30:00.000000+00:00','2026-11-02T09:30:00.000000+00:00',1,NULL,0,NULL,NULL,'2026-11-02T09:30:00.000000+00:00',NULL);
CREATE TABLE lease (
	id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	owner TEXT, 
	expires_at VARCHAR(32), 
	PRIMARY KEY (id)
);
INSERT INTO "lease" VALUES(1,9,NULL,NULL);
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
INSERT INTO "links" VALUES(1,1,1,509,'ALPHA','Ada Aubrelin','sage100','{"last_name":"Aubrelin","first_name":"Ada","job_title":null,"phone":null,"mobile":null,"fax":null,"email":"ada.aubrelin@alpha.example","civility":0,"linkedin":null,"skype":null,"company":"ALPHA"}','2026-11-02T09:15:00+01:00','2026-11-02T09:00:00.015000Z','active',NULL,NULL,NULL,'2026-11-02T09:00:00+01:00',NULL,NULL,'2026-11-02T08:15:00.000000+00:00');
INSERT INTO "links" VALUES(2,5,5,504,'ALPHA','Luc Durand','ssm','{"last_name":"Durand","first_name":"Luc","job_title":null,"phone":null,"mobile":null,"email":null,"civility":[0,null],"linkedin":null,"skype":null,"company":"ALPHA","fax":null}','2026-11-02T09:15:00+01:00','2026-11-02T08:15:00.009000Z','active',NULL,NULL,'f46652179bb701de','2026-11-02T09:15:00+01:00',NULL,NULL,'2026-11-02T08:15:00.000000+00:00');
INSERT INTO "links" VALUES(3,2,2,506,'ALPHA','Noé Vial','sage100','{"last_name":"Vial","first_name":"No\u00e9","job_title":null,"phone":["01 99 00 10 46","0199001046"],"mobile":null,"fax":null,"email":null,"civility":0,"linkedin":null,"skype":null,"company":"ALPHA"}','2026-11-02T09:30:00+01:00','2026-11-02T08:45:00.012000Z','active',NULL,NULL,NULL,'2026-11-02T09:00:00+01:00',NULL,NULL,'2026-11-02T08:15:00.000000+00:00');
INSERT INTO "links" VALUES(4,3,3,507,'ALPHA','Zoé Petit','sage100','{"last_name":"Petit","first_name":"Zo\u00e9","job_title":null,"phone":null,"mobile":null,"fax":null,"email":null,"civility":0,"linkedin":null,"skype":null,"company":"ALPHA"}','2026-11-02T09:00:00+01:00','2026-11-02T08:15:00.007000Z','ended',NULL,NULL,NULL,'2026-11-02T09:00:00+01:00','2026-11-02T09:00:00.000000+00:00',NULL,'2026-11-02T08:15:00.000000+00:00');
INSERT INTO "links" VALUES(5,4,4,508,'BETA','Anne Roy','sage100','{"last_name":"Roy","first_name":"Anne","job_title":null,"phone":null,"mobile":null,"fax":null,"email":null,"civility":0,"linkedin":null,"skype":null,"company":"BETA"}','2026-11-02T09:00:00+01:00','2026-11-02T08:15:00.008000Z','asleep','out_of_scope',NULL,NULL,'2026-11-02T09:00:00+01:00',NULL,NULL,'2026-11-02T08:15:00.000000+00:00');
INSERT INTO "links" VALUES(6,8,8,511,'ALPHA','Marie Blanc-Roy','ssm','{"last_name":"Blanc-Roy","first_name":"Marie","job_title":null,"phone":null,"mobile":null,"email":"mb@alpha.example","civility":[0,null],"linkedin":null,"skype":null,"company":"ALPHA","fax":null}','2026-11-02T10:45:00+01:00','2026-11-02T09:45:00.021000Z','active',NULL,NULL,'4c735f651a4cf46a','2026-11-02T10:45:00+01:00',NULL,NULL,'2026-11-02T09:45:00.000000+00:00');
INSERT INTO "links" VALUES(7,6,6,513,'ALPHA','Marie Blanc','sage100','{"last_name":"Blanc","first_name":"Marie","job_title":null,"phone":null,"mobile":null,"fax":null,"email":"mb@alpha.example","civility":0,"linkedin":null,"skype":null,"company":"ALPHA"}','2026-11-02T10:15:00+01:00','2026-11-02T09:45:00.020000Z','active',NULL,NULL,NULL,'2026-11-02T10:15:00+01:00',NULL,NULL,'2026-11-02T09:45:00.000000+00:00');
CREATE TABLE observations (
	stream VARCHAR(64) NOT NULL, 
	id BIGINT NOT NULL, 
	data TEXT NOT NULL, 
	PRIMARY KEY (stream, id)
);
INSERT INTO "observations" VALUES('accounts',501,'{"id":501,"extId":"ALPHA","name":"Alpha","deleted":false,"dateCreated":"2026-11-02T08:00:00.001000Z","dateUpdated":null,"dateDeleted":null}');
INSERT INTO "observations" VALUES('accounts',502,'{"id":502,"extId":"BETA","name":"Beta","deleted":false,"dateCreated":"2026-11-02T08:00:00.002000Z","dateUpdated":null,"dateDeleted":null}');
INSERT INTO "observations" VALUES('accounts',503,'{"id":503,"extId":"GAMMA","name":"Gamma","deleted":false,"dateCreated":"2026-11-02T08:00:00.003000Z","dateUpdated":null,"dateDeleted":null}');
INSERT INTO "observations" VALUES('contacts',504,'{"extId":"ssm:TEST:5","comment":null,"accountId":{"id":501,"value":""},"lastName":"Durand","firstName":"Luc","deleted":false,"id":504,"dateCreated":"2026-11-02T08:00:00.004000Z","dateUpdated":"2026-11-02T09:15:00.016000Z","dateDeleted":null,"email":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@alpha.example"}');
INSERT INTO "observations" VALUES('contact_types',1,'{"id":1,"descriptionFR":"Acheteur","descriptionEN":"Buyer"}');
INSERT INTO "observations" VALUES('contact_types',2,'{"id":2,"descriptionFR":"G\u00e9rant","descriptionEN":"Manager"}');
INSERT INTO "observations" VALUES('contact_types',3,'{"id":3,"descriptionFR":"Retrait\u00e9","deleted":true}');
INSERT INTO "observations" VALUES('contacts',505,'{"id":505,"extId":"sage100:TEST:1","deleted":true,"dateCreated":"2026-11-02T08:15:00.005000Z","dateUpdated":"2026-11-02T08:30:00.010000Z","dateDeleted":"2026-11-02T08:45:00.013000Z"}');
INSERT INTO "observations" VALUES('contacts',506,'{"extId":"sage100:TEST:2","comment":null,"lastName":"Vial","firstName":"No\u00e9","phone1":"0199001046","gender":{"id":0,"value":""},"accountId":{"id":501,"value":""},"deleted":false,"id":506,"dateCreated":"2026-11-02T08:15:00.006000Z","dateUpdated":"2026-11-02T08:45:00.012000Z","dateDeleted":null}');
INSERT INTO "observations" VALUES('contacts',507,'{"extId":"sage100:TEST:3","comment":null,"lastName":"Petit","firstName":"Zo\u00e9","gender":{"id":0,"value":""},"accountId":{"id":501,"value":""},"deleted":true,"id":507,"dateCreated":"2026-11-02T08:15:00.007000Z","dateUpdated":null,"dateDeleted":"2026-11-02T09:00:00.014000Z"}');
INSERT INTO "observations" VALUES('contacts',508,'{"extId":"sage100:TEST:4","comment":null,"lastName":"Roy","firstName":"Anne","gender":{"id":0,"value":""},"accountId":{"id":502,"value":""},"deleted":false,"id":508,"dateCreated":"2026-11-02T08:15:00.008000Z","dateUpdated":null,"dateDeleted":null}');
INSERT INTO "observations" VALUES('contacts',509,'{"extId":"sage100:TEST:1","comment":null,"lastName":"Aubrelin","firstName":"Ada","email":"ada.aubrelin@alpha.example","gender":{"id":0,"value":""},"accountId":{"id":501,"value":""},"deleted":false,"id":509,"dateCreated":"2026-11-02T09:00:00.015000Z","dateUpdated":null,"dateDeleted":null}');
INSERT INTO "observations" VALUES('contacts',510,'{"extId":null,"comment":null,"accountId":{"id":503,"value":""},"lastName":"Lancel","firstName":"Zo\u00e9","deleted":false,"id":510,"dateCreated":"2026-11-02T09:15:00.017000Z","dateUpdated":null,"dateDeleted":null}');
INSERT INTO "observations" VALUES('contacts',511,'{"extId":"ssm:TEST:8","comment":null,"accountId":{"id":501,"value":""},"lastName":"Blanc-Roy","firstName":"Marie","email":"mb@alpha.example","deleted":false,"id":511,"dateCreated":"2026-11-02T09:15:00.018000Z","dateUpdated":"2026-11-02T09:45:00.021000Z","dateDeleted":null}');
INSERT INTO "observations" VALUES('contacts',512,'{"extId":null,"comment":null,"accountId":{"id":501,"value":""},"lastName":"Simon","firstName":"Jeanne","email":"js@alpha.example","deleted":false,"id":512,"dateCreated":"2026-11-02T09:15:00.019000Z","dateUpdated":null,"dateDeleted":null}');
INSERT INTO "observations" VALUES('contacts',513,'{"extId":"sage100:TEST:6","comment":null,"lastName":"Blanc","firstName":"Marie","email":"mb@alpha.example","gender":{"id":0,"value":""},"accountId":{"id":501,"value":""},"deleted":false,"id":513,"dateCreated":"2026-11-02T09:45:00.020000Z","dateUpdated":null,"dateDeleted":null}');
CREATE TABLE runs (
	run_id VARCHAR(64) NOT NULL, 
	started_at VARCHAR(32) NOT NULL, 
	finished_at VARCHAR(32), 
	status VARCHAR(16) NOT NULL, 
	counts TEXT NOT NULL, 
	exit_code INTEGER, number INTEGER, 
	PRIMARY KEY (run_id)
);
INSERT INTO "runs" VALUES('run 02 08:15','2026-11-02T08:15:00.000000+00:00','2026-11-02T08:15:00.000000+00:00','done','{"sage100":{"read":4,"created":1,"updated":0,"deleted":0,"failed":0},"ssm":{"read":1,"created":4,"updated":1,"deleted":0,"failed":0,"requests":8},"linked":5,"problems_opened":0,"problems_closed":0,"problems_open":0,"notices":0}',0,1);
INSERT INTO "runs" VALUES('run 02 08:30','2026-11-02T08:30:00.000000+00:00','2026-11-02T08:30:00.000000+00:00','done','{"sage100":{"read":5,"created":0,"updated":0,"deleted":0,"failed":0},"ssm":{"read":5,"created":0,"updated":1,"deleted":0,"failed":0,"requests":12},"linked":5,"problems_opened":0,"problems_closed":0,"problems_open":0,"notices":0}',0,2);
INSERT INTO "runs" VALUES('run 02 08:45','2026-11-02T08:45:00.000000+00:00','2026-11-02T08:45:00.000000+00:00','done','{"sage100":{"read":5,"created":0,"updated":0,"deleted":0,"failed":0},"ssm":{"read":3,"created":0,"updated":1,"deleted":0,"failed":0,"requests":16},"linked":5,"problems_opened":0,"problems_closed":0,"problems_open":0,"notices":1}',0,3);
INSERT INTO "runs" VALUES('run 02 09:00','2026-11-02T09:00:00.000000+00:00','2026-11-02T09:00:00.000000+00:00','done','{"sage100":{"read":4,"created":0,"updated":0,"deleted":0,"failed":0},"ssm":{"read":2,"created":1,"updated":0,"deleted":1,"failed":0,"requests":21},"linked":4,"problems_opened":0,"problems_closed":0,"problems_open":0,"notices":1}',0,4);
INSERT INTO "runs" VALUES('run 02 09:15','2026-11-02T09:15:00.000000+00:00','2026-11-02T09:15:00.000000+00:00','done','{"sage100":{"read":4,"created":0,"updated":0,"deleted":0,"failed":0},"ssm":{"read":3,"created":0,"updated":0,"deleted":0,"failed":0,"requests":24},"linked":4,"problems_opened":1,"problems_closed":0,"problems_open":1,"notices":0}',0,5);
INSERT INTO "runs" VALUES('run 02 09:30','2026-11-02T09:30:00.000000+00:00','2026-11-02T09:30:00.000000+00:00','done','{"sage100":{"read":6,"created":0,"updated":0,"deleted":0,"failed":0},"ssm":{"read":5,"created":0,"updated":0,"deleted":0,"failed":0,"requests":28},"linked":4,"problems_opened":5,"problems_closed":0,"problems_open":6,"notices":0}',0,6);
INSERT INTO "runs" VALUES('run 02 09:45','2026-11-02T09:45:00.000000+00:00','2026-11-02T09:45:00.000000+00:00','done','{"sage100":{"read":6,"created":1,"updated":0,"deleted":0,"failed":0},"ssm":{"read":1,"created":1,"updated":1,"deleted":0,"failed":0,"requests":34},"linked":6,"problems_opened":0,"problems_closed":1,"problems_open":5,"notices":0}',0,7);
INSERT INTO "runs" VALUES('run 02 10:00','2026-11-02T10:00:00.000000+00:00','2026-11-02T10:00:00.000000+00:00','done','{"sage100":{"read":7,"created":0,"updated":0,"deleted":0,"failed":0},"ssm":{"read":3,"created":0,"updated":0,"deleted":0,"failed":0,"requests":38},"linked":6,"problems_opened":0,"problems_closed":0,"problems_open":5,"notices":0}',0,8);
INSERT INTO "runs" VALUES('run 02 10:15','2026-11-02T10:15:00.000000+00:00','2026-11-02T10:15:00.000000+00:00','done','{"sage100":{"read":7,"created":0,"updated":0,"deleted":0,"failed":0},"ssm":{"read":1,"created":0,"updated":0,"deleted":0,"failed":0,"requests":42},"linked":6,"problems_opened":0,"problems_closed":0,"problems_open":5,"notices":0}',0,9);
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
INSERT INTO "writes" VALUES(1,'run 02 08:15','2026-11-02T08:15:00.000000+00:00',1,'sage100','create','ALPHA',5,504,'Luc Durand','{"last_name":[null,"Durand"],"first_name":[null,"Luc"],"civility":[null,"M."],"company":[null,"ALPHA"]}',NULL);
INSERT INTO "writes" VALUES(2,'run 02 08:15','2026-11-02T08:15:00.000000+00:00',1,'ssm','create','ALPHA',1,505,'Ada Aubrelin','{"last_name":[null,"Aubrelin"],"first_name":[null,"Ada"],"email":[null,"ada@alpha.example"],"civility":[null,"M."],"company":[null,"ALPHA"],"ext_id":[null,"sage100:TEST:1"]}',NULL);
INSERT INTO "writes" VALUES(3,'run 02 08:15','2026-11-02T08:15:00.000000+00:00',1,'ssm','create','ALPHA',2,506,'Noé Vial','{"last_name":[null,"Vial"],"first_name":[null,"No\u00e9"],"phone":[null,"0199001045"],"civility":[null,"M."],"company":[null,"ALPHA"],"ext_id":[null,"sage100:TEST:2"]}',NULL);
INSERT INTO "writes" VALUES(4,'run 02 08:15','2026-11-02T08:15:00.000000+00:00',1,'ssm','create','ALPHA',3,507,'Zoé Petit','{"last_name":[null,"Petit"],"first_name":[null,"Zo\u00e9"],"civility":[null,"M."],"company":[null,"ALPHA"],"ext_id":[null,"sage100:TEST:3"]}',NULL);
INSERT INTO "writes" VALUES(5,'run 02 08:15','2026-11-02T08:15:00.000000+00:00',1,'ssm','create','BETA',4,508,'Anne Roy','{"last_name":[null,"Roy"],"first_name":[null,"Anne"],"civility":[null,"M."],"company":[null,"BETA"],"ext_id":[null,"sage100:TEST:4"]}',NULL);
INSERT INTO "writes" VALUES(6,'run 02 08:15','2026-11-02T08:15:00.000000+00:00',1,'ssm','update','ALPHA',5,504,'Luc Durand','{"ext_id":[null,"ssm:TEST:5","mark"]}',NULL);
INSERT INTO "writes" VALUES(7,'run 02 08:30','2026-11-02T08:30:00.000000+00:00',1,'ssm','update','ALPHA',1,505,'Ada Aubrelin','{"email":["ada@alpha.example","ada.aubrelin@alpha.example"]}',NULL);
INSERT INTO "writes" VALUES(8,'run 02 08:45','2026-11-02T08:45:00.000000+00:00',1,'ssm','update','ALPHA',2,506,'Noé Vial','{"phone":["01 99 00 10 47","0199001046","conflict"]}',NULL);
INSERT INTO "writes" VALUES(9,'run 02 09:00','2026-11-02T09:00:00.000000+00:00',1,'ssm','delete','ALPHA',3,507,'Zoé Petit','{"last_name":["Petit",null],"first_name":["Zo\u00e9",null],"civility":["M.",null],"company":["ALPHA",null]}',NULL);
INSERT INTO "writes" VALUES(10,'run 02 09:00','2026-11-02T09:00:00.000000+00:00',1,'ssm','restore','ALPHA',1,509,'Ada Aubrelin','{"last_name":[null,"Aubrelin"],"first_name":[null,"Ada"],"email":[null,"ada.aubrelin@alpha.example"],"civility":[null,"M."],"company":[null,"ALPHA"],"ext_id":[null,"sage100:TEST:1"]}',NULL);
INSERT INTO "writes" VALUES(11,'run 02 09:45','2026-11-02T09:45:00.000000+00:00',1,'sage100','create','ALPHA',8,511,'Marie Blanc-Roy','{"last_name":[null,"Blanc-Roy"],"first_name":[null,"Marie"],"email":[null,"mb@alpha.example"],"civility":[null,"M."],"company":[null,"ALPHA"]}',NULL);
INSERT INTO "writes" VALUES(12,'run 02 09:45','2026-11-02T09:45:00.000000+00:00',1,'ssm','create','ALPHA',6,513,'Marie Blanc','{"last_name":[null,"Blanc"],"first_name":[null,"Marie"],"email":[null,"mb@alpha.example"],"civility":[null,"M."],"company":[null,"ALPHA"],"ext_id":[null,"sage100:TEST:6"]}',NULL);
INSERT INTO "writes" VALUES(13,'run 02 09:45','2026-11-02T09:45:00.000000+00:00',1,'ssm','update','ALPHA',8,511,'Marie Blanc-Roy','{"ext_id":[null,"ssm:TEST:8","mark"]}',NULL);
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
