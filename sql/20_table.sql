/*
 * The tables.  Nobody reads or writes them: they carry no privilege, and row
 * security is enabled and forced without any policy, so that members of
 * pg_read_all_data and pg_write_all_data see and change nothing.
 *
 * There are no foreign keys: a parallel pg_restore loads the tables of an
 * extension in any order, and would lose the rows that come too early.  The C
 * code keeps the rows together.
 *
 * Column order is the order in which the C code reads them (src/store); new
 * columns go to the end.
 */

/*
 * The account that stands in resource names.  CREATE EXTENSION opens one; a
 * restored dump brings its own beside it, and the oldest is the one in force.
 */
CREATE TABLE kms.account (
	id bigint PRIMARY KEY CHECK (id BETWEEN 1000000000000000 AND 9999999999999999),
	created_at timestamptz NOT NULL,
	home_system bigint NOT NULL,
	home_database oid NOT NULL
);

COMMENT ON TABLE kms.account IS 'the account id that stands in resource names; the oldest row is in force';
COMMENT ON COLUMN kms.account.id IS 'sixteen digits, random';
COMMENT ON COLUMN kms.account.created_at IS 'when the service was opened';
COMMENT ON COLUMN kms.account.home_system IS 'system identifier of the cluster it was opened or confirmed in';
COMMENT ON COLUMN kms.account.home_database IS 'oid of the database it was opened or confirmed in';

/* Wraps the material of this database; itself wrapped by the root key. */
CREATE TABLE kms.domain_key (
	account_id bigint NOT NULL,
	version integer NOT NULL CHECK (version > 0),
	root_key_id bytea NOT NULL CHECK (octet_length(root_key_id) = 8),
	wrapped bytea NOT NULL,
	created_at timestamptz NOT NULL,
	PRIMARY KEY (account_id, version)
);

COMMENT ON TABLE kms.domain_key IS 'domain keys, wrapped by the root key; the highest version of the account wraps new material';
COMMENT ON COLUMN kms.domain_key.account_id IS 'account that the key belongs to';
COMMENT ON COLUMN kms.domain_key.version IS 'counts up from 1';
COMMENT ON COLUMN kms.domain_key.root_key_id IS 'id of the root key that wraps it, 8 bytes';
COMMENT ON COLUMN kms.domain_key.wrapped IS 'nonce, ciphertext and tag: 72 bytes';
COMMENT ON COLUMN kms.domain_key.created_at IS 'when it was made';

/* A key (CMK): what it is for and what may happen to it; no material. */
CREATE TABLE kms.key (
	id uuid PRIMARY KEY,
	owner oid NOT NULL,
	owner_name text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	state text COLLATE "C" NOT NULL CHECK (state IN ('Enabled', 'Disabled', 'PendingDeletion', 'PendingImport')),
	spec text COLLATE "C" NOT NULL,
	usage text COLLATE "C" NOT NULL,
	origin text COLLATE "C" NOT NULL CHECK (origin IN ('Aliyun_KMS', 'EXTERNAL')),
	primary_version uuid,
	description text NOT NULL,
	rotation_seconds bigint CHECK (rotation_seconds BETWEEN 604800 AND 63072000),
	rotated_at timestamptz,
	next_rotation_at timestamptz,
	material_expires_at timestamptz,
	delete_at timestamptz CHECK ((delete_at IS NOT NULL) = (state = 'PendingDeletion')),
	deletion_protected boolean NOT NULL DEFAULT false,
	deletion_protection_description text,
	due_at timestamptz GENERATED ALWAYS AS (
		LEAST(delete_at,
			  CASE WHEN state IN ('Enabled', 'Disabled') THEN material_expires_at END,
			  CASE WHEN state = 'Enabled' THEN next_rotation_at END)) STORED,
	account_id bigint NOT NULL,
	domain_key_version integer NOT NULL,
	mac bytea NOT NULL
);

CREATE INDEX key_due_at ON kms.key (due_at);
CREATE INDEX key_owner ON kms.key (owner, owner_name);

COMMENT ON TABLE kms.key IS 'keys: their owner, state and purpose';
COMMENT ON COLUMN kms.key.id IS 'key id';
COMMENT ON COLUMN kms.key.owner IS 'oid of the owning role; counts only while the role holds its privilege on kms.role_anchor';
COMMENT ON COLUMN kms.key.owner_name IS 'name of the owning role, which counts where the database is not at home';
COMMENT ON COLUMN kms.key.created_at IS 'when the key was made';
COMMENT ON COLUMN kms.key.state IS 'Enabled, Disabled, PendingDeletion or PendingImport';
COMMENT ON COLUMN kms.key.spec IS 'key spec, for instance Aliyun_AES_256';
COMMENT ON COLUMN kms.key.usage IS 'key usage, for instance ENCRYPT/DECRYPT';
COMMENT ON COLUMN kms.key.origin IS 'who made the material: Aliyun_KMS (this service) or EXTERNAL (imported)';
COMMENT ON COLUMN kms.key.primary_version IS 'newest version: the one that encrypts, or of an asymmetric key that callers get who name none';
COMMENT ON COLUMN kms.key.description IS 'free text';
COMMENT ON COLUMN kms.key.rotation_seconds IS 'interval of automatic rotation; null: none';
COMMENT ON COLUMN kms.key.rotated_at IS 'when the newest version was made';
COMMENT ON COLUMN kms.key.next_rotation_at IS 'when automatic rotation is due';
COMMENT ON COLUMN kms.key.material_expires_at IS 'when imported material expires; null: never';
COMMENT ON COLUMN kms.key.delete_at IS 'when a key in PendingDeletion is erased';
COMMENT ON COLUMN kms.key.deletion_protected IS 'whether deletion may not be scheduled';
COMMENT ON COLUMN kms.key.deletion_protection_description IS 'why';
COMMENT ON COLUMN kms.key.due_at IS 'when a worker must look at the key: to rotate it, to erase it or its material';
COMMENT ON COLUMN kms.key.account_id IS 'account of the domain key that the MAC is under';
COMMENT ON COLUMN kms.key.domain_key_version IS 'version of the domain key that the MAC is under';
COMMENT ON COLUMN kms.key.mac IS 'MAC over the columns before due_at, 32 bytes';
COMMENT ON INDEX kms.key_due_at IS 'keys that are due';
COMMENT ON INDEX kms.key_owner IS 'keys of a role';

/*
 * A key's material, wrapped.  The additional data binds it to its ids, spec,
 * usage and origin, so that a swapped or edited row does not open.
 */
CREATE TABLE kms.key_version (
	id uuid PRIMARY KEY,
	key_id uuid NOT NULL,
	created_at timestamptz NOT NULL,
	account_id bigint NOT NULL,
	domain_key_version integer NOT NULL,
	wrapped bytea NOT NULL,
	digest bytea CHECK (octet_length(digest) = 32)
);

/* A wrapped private key is longer than what is moved to a TOAST table: a miss reads one row. */
ALTER TABLE kms.key_version ALTER COLUMN wrapped SET STORAGE PLAIN;

CREATE INDEX key_version_key_id ON kms.key_version (key_id);

COMMENT ON TABLE kms.key_version IS 'key versions and their material, wrapped by the domain key';
COMMENT ON INDEX kms.key_version_key_id IS 'versions of a key';
COMMENT ON COLUMN kms.key_version.id IS 'key version id, which stands in every ciphertext';
COMMENT ON COLUMN kms.key_version.key_id IS 'key that the version belongs to';
COMMENT ON COLUMN kms.key_version.created_at IS 'when the version was made';
COMMENT ON COLUMN kms.key_version.account_id IS 'account of the domain key that wraps it';
COMMENT ON COLUMN kms.key_version.domain_key_version IS 'version of the domain key that wraps it';
COMMENT ON COLUMN kms.key_version.wrapped IS 'nonce, ciphertext and tag: 40 bytes more than the material; empty: the material was erased';
COMMENT ON COLUMN kms.key_version.digest IS 'keyed digest of imported material, so that only the same may be imported again';

/* The one-off private key under which material may be imported, wrapped. */
CREATE TABLE kms.import_token (
	id uuid PRIMARY KEY,
	key_id uuid NOT NULL,
	algorithm text COLLATE "C" NOT NULL,
	expires_at timestamptz NOT NULL,
	account_id bigint NOT NULL,
	domain_key_version integer NOT NULL,
	wrapped bytea NOT NULL
);

CREATE INDEX import_token_expires_at ON kms.import_token (expires_at);

COMMENT ON TABLE kms.import_token IS 'one-off private keys under which material may be imported, wrapped by the domain key';
COMMENT ON INDEX kms.import_token_expires_at IS 'tokens that have expired';
COMMENT ON COLUMN kms.import_token.id IS 'token id';
COMMENT ON COLUMN kms.import_token.key_id IS 'key that the token is for';
COMMENT ON COLUMN kms.import_token.algorithm IS 'wrapping algorithm';
COMMENT ON COLUMN kms.import_token.expires_at IS 'until when it is good: 24 hours';
COMMENT ON COLUMN kms.import_token.account_id IS 'account of the domain key that wraps it';
COMMENT ON COLUMN kms.import_token.domain_key_version IS 'version of the domain key that wraps it';
COMMENT ON COLUMN kms.import_token.wrapped IS 'private key (PKCS #8), wrapped; empty: it was erased';

/* Another name for a key. */
CREATE TABLE kms.alias (
	name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^alias/[A-Za-z0-9_/-]{1,255}$'),
	key_id uuid NOT NULL,
	created_at timestamptz NOT NULL,
	account_id bigint NOT NULL,
	domain_key_version integer NOT NULL,
	mac bytea NOT NULL
);

CREATE INDEX alias_key_id ON kms.alias (key_id);

COMMENT ON TABLE kms.alias IS 'aliases';
COMMENT ON INDEX kms.alias_key_id IS 'aliases of a key';
COMMENT ON COLUMN kms.alias.name IS 'full name, alias/...';
COMMENT ON COLUMN kms.alias.key_id IS 'key that the alias stands for';
COMMENT ON COLUMN kms.alias.created_at IS 'when the alias was made';
COMMENT ON COLUMN kms.alias.account_id IS 'account of the domain key that the MAC is under';
COMMENT ON COLUMN kms.alias.domain_key_version IS 'version of the domain key that the MAC is under';
COMMENT ON COLUMN kms.alias.mac IS 'MAC over the columns before it, 32 bytes';

/*
 * A secret: what is known of it, without a value.  Nothing is cached of these four
 * tables, so they have no trigger.
 */
CREATE TABLE kms.secret (
	id uuid PRIMARY KEY,
	name text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^[A-Za-z0-9_/+=.@-]{1,192}$'),
	owner oid NOT NULL,
	owner_name text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	type text COLLATE "C" NOT NULL CHECK (type IN ('Generic', 'Rds')),
	sub_type text COLLATE "C" CHECK (sub_type IN ('SingleUser', 'DoubleUsers')) CHECK ((sub_type IS NULL) = (type = 'Generic')),
	description text NOT NULL,
	key_id uuid NOT NULL,
	key_is_chosen boolean NOT NULL,
	extended_config text,
	automatic_rotation text COLLATE "C" NOT NULL CHECK (automatic_rotation IN ('Disabled', 'Enabled', 'Invalid')),
	rotation_seconds bigint CHECK (rotation_seconds BETWEEN 21600 AND 31536000),
	rotated_at timestamptz,
	next_rotation_at timestamptz,
	delete_at timestamptz,
	hour_began_at timestamptz,
	hour_rotations integer NOT NULL DEFAULT 0,
	due_at timestamptz GENERATED ALWAYS AS (
		CASE WHEN delete_at IS NOT NULL THEN delete_at
			 WHEN automatic_rotation <> 'Disabled' THEN next_rotation_at END) STORED,
	account_id bigint NOT NULL,
	domain_key_version integer NOT NULL,
	mac bytea NOT NULL
) WITH (fillfactor = 50);

CREATE INDEX secret_due_at ON kms.secret (due_at);
CREATE INDEX secret_owner ON kms.secret (owner, owner_name);

COMMENT ON TABLE kms.secret IS 'secrets: their owner, key, rotation and end';
COMMENT ON COLUMN kms.secret.id IS 'secret id, which is never used again';
COMMENT ON COLUMN kms.secret.name IS 'name, which is free again when the secret has gone';
COMMENT ON COLUMN kms.secret.owner IS 'oid of the owning role; counts like the owner of a key';
COMMENT ON COLUMN kms.secret.owner_name IS 'name of the owning role';
COMMENT ON COLUMN kms.secret.created_at IS 'when the secret was made';
COMMENT ON COLUMN kms.secret.updated_at IS 'when it, or one of its versions or labels, was changed last';
COMMENT ON COLUMN kms.secret.type IS 'Generic, or Rds: the password of a role';
COMMENT ON COLUMN kms.secret.sub_type IS 'SingleUser or DoubleUsers; null: Generic';
COMMENT ON COLUMN kms.secret.description IS 'free text';
COMMENT ON COLUMN kms.secret.key_id IS 'key that the values are encrypted under';
COMMENT ON COLUMN kms.secret.key_is_chosen IS 'whether somebody chose it: then its rights are asked for as well';
COMMENT ON COLUMN kms.secret.extended_config IS 'configuration as the API has it, JSON; null: Generic';
COMMENT ON COLUMN kms.secret.automatic_rotation IS 'Enabled, Disabled, or Invalid: the last rotation failed';
COMMENT ON COLUMN kms.secret.rotation_seconds IS 'interval of automatic rotation; null: none';
COMMENT ON COLUMN kms.secret.rotated_at IS 'when it was rotated last';
COMMENT ON COLUMN kms.secret.next_rotation_at IS 'when automatic rotation is due';
COMMENT ON COLUMN kms.secret.delete_at IS 'when it is erased; null: it stays';
COMMENT ON COLUMN kms.secret.hour_began_at IS 'when the hour began in which rotations by hand are counted';
COMMENT ON COLUMN kms.secret.hour_rotations IS 'how many there were in it';
COMMENT ON COLUMN kms.secret.due_at IS 'when a worker must look at the secret: to rotate or to erase it';
COMMENT ON COLUMN kms.secret.account_id IS 'account of the domain key that the MAC is under';
COMMENT ON COLUMN kms.secret.domain_key_version IS 'version of the domain key that the MAC is under';
COMMENT ON COLUMN kms.secret.mac IS 'MAC over the columns before due_at, 32 bytes';
COMMENT ON INDEX kms.secret_due_at IS 'secrets that are due';
COMMENT ON INDEX kms.secret_owner IS 'secrets of a role';

/* The values, each an envelope under the secret's key, bound to its row. */
CREATE TABLE kms.secret_version (
	secret_id uuid NOT NULL,
	id text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	data_type text COLLATE "C" NOT NULL CHECK (data_type IN ('text', 'binary')),
	role_name text COLLATE "C",
	value bytea NOT NULL,
	PRIMARY KEY (secret_id, id)
);

/* What is encrypted cannot be compressed. */
ALTER TABLE kms.secret_version ALTER COLUMN value SET STORAGE EXTERNAL;

COMMENT ON TABLE kms.secret_version IS 'versions of secrets, each with its value encrypted';
COMMENT ON COLUMN kms.secret_version.secret_id IS 'secret that the version belongs to';
COMMENT ON COLUMN kms.secret_version.id IS 'version id, as whoever made it named it';
COMMENT ON COLUMN kms.secret_version.created_at IS 'when the version was made';
COMMENT ON COLUMN kms.secret_version.data_type IS 'text or binary';
COMMENT ON COLUMN kms.secret_version.role_name IS 'role whose password it is; null: Generic';
COMMENT ON COLUMN kms.secret_version.value IS 'the value, an envelope whose additional data names this row';

/* Which version a label points at: one, as the primary key says. */
CREATE TABLE kms.secret_version_stage (
	secret_id uuid NOT NULL,
	stage text COLLATE "C" NOT NULL,
	version_id text COLLATE "C" NOT NULL,
	account_id bigint NOT NULL,
	domain_key_version integer NOT NULL,
	mac bytea NOT NULL,
	PRIMARY KEY (secret_id, stage)
);

COMMENT ON TABLE kms.secret_version_stage IS 'stage labels of secret versions';
COMMENT ON COLUMN kms.secret_version_stage.secret_id IS 'secret that the label belongs to';
COMMENT ON COLUMN kms.secret_version_stage.stage IS 'label: ACSCurrent, ACSPrevious or somebody''s own';
COMMENT ON COLUMN kms.secret_version_stage.version_id IS 'version that it points at';
COMMENT ON COLUMN kms.secret_version_stage.account_id IS 'account of the domain key that the MAC is under';
COMMENT ON COLUMN kms.secret_version_stage.domain_key_version IS 'version of the domain key that the MAC is under';
COMMENT ON COLUMN kms.secret_version_stage.mac IS 'MAC over the columns before it, 32 bytes';

/* Which roles' passwords secrets change: each by one secret only, as the primary key says. */
CREATE TABLE kms.secret_role (
	role_name text COLLATE "C" PRIMARY KEY,
	secret_id uuid NOT NULL
);

CREATE INDEX secret_role_secret_id ON kms.secret_role (secret_id);

COMMENT ON TABLE kms.secret_role IS 'roles whose passwords secrets change';
COMMENT ON COLUMN kms.secret_role.role_name IS 'name of the role, which need not exist yet';
COMMENT ON COLUMN kms.secret_role.secret_id IS 'secret that changes it';
COMMENT ON INDEX kms.secret_role_secret_id IS 'roles of a secret';

/* What somebody finds a resource by; decides nothing. */
CREATE TABLE kms.tag (
	resource uuid NOT NULL,
	tag_key text COLLATE "C" NOT NULL,
	tag_value text COLLATE "C" NOT NULL,
	resource_type text COLLATE "C" NOT NULL CHECK (resource_type IN ('key', 'secret', 'certificate')),
	PRIMARY KEY (resource, tag_key)
);

COMMENT ON TABLE kms.tag IS 'tags of keys, secrets and certificates';
COMMENT ON COLUMN kms.tag.resource IS 'id of the key, secret or certificate';
COMMENT ON COLUMN kms.tag.tag_key IS 'key of the tag';
COMMENT ON COLUMN kms.tag.tag_value IS 'its value';
COMMENT ON COLUMN kms.tag.resource_type IS 'key, secret or certificate';

/*
 * A key pair, the request for a certificate, and the certificate that a CA made of it.
 */
CREATE TABLE kms.certificate (
	id uuid PRIMARY KEY,
	owner oid NOT NULL,
	owner_name text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	status text COLLATE "C" NOT NULL CHECK (status IN ('PENDING', 'ACTIVE', 'INACTIVE', 'REVOKED')),
	spec text COLLATE "C" NOT NULL CHECK (spec IN ('RSA_2048', 'RSA_3072', 'RSA_4096', 'EC_P256', 'EC_P384', 'EC_SM2')),
	exportable boolean NOT NULL,
	subject text NOT NULL,
	names text[] NOT NULL CHECK (array_position(names, NULL) IS NULL),
	issuer text,
	serial text,
	not_before timestamptz,
	not_after timestamptz,
	certificate text CHECK (status = 'PENDING' OR certificate IS NOT NULL),
	certificate_chain text,
	key_identifier text NOT NULL,
	public_key bytea NOT NULL,
	request text NOT NULL,
	warn_at timestamptz,
	wrapped bytea NOT NULL,
	wrap_account_id bigint NOT NULL,
	wrap_domain_key_version integer NOT NULL,
	account_id bigint NOT NULL,
	domain_key_version integer NOT NULL,
	mac bytea NOT NULL
);

CREATE INDEX certificate_owner ON kms.certificate (owner, owner_name);
CREATE INDEX certificate_warn_at ON kms.certificate (warn_at);

COMMENT ON TABLE kms.certificate IS 'certificates, with their private keys wrapped';
COMMENT ON COLUMN kms.certificate.id IS 'certificate id';
COMMENT ON COLUMN kms.certificate.owner IS 'oid of the owning role; counts like the owner of a key';
COMMENT ON COLUMN kms.certificate.owner_name IS 'name of the owning role';
COMMENT ON COLUMN kms.certificate.created_at IS 'when the request was made';
COMMENT ON COLUMN kms.certificate.updated_at IS 'when it was changed last';
COMMENT ON COLUMN kms.certificate.status IS 'PENDING, ACTIVE, INACTIVE or REVOKED';
COMMENT ON COLUMN kms.certificate.spec IS 'kind of the key pair';
COMMENT ON COLUMN kms.certificate.exportable IS 'whether the private key may leave';
COMMENT ON COLUMN kms.certificate.subject IS 'distinguished name (RFC 4514): of the request, then of the certificate';
COMMENT ON COLUMN kms.certificate.names IS 'subject alternative names: of the request, then of the certificate';
COMMENT ON COLUMN kms.certificate.issuer IS 'distinguished name of the CA; null: nothing was uploaded yet';
COMMENT ON COLUMN kms.certificate.serial IS 'serial number, hexadecimal; null: likewise';
COMMENT ON COLUMN kms.certificate.not_before IS 'when it begins to be valid; null: likewise';
COMMENT ON COLUMN kms.certificate.not_after IS 'when it expires; null: likewise';
COMMENT ON COLUMN kms.certificate.certificate IS 'the certificate, PEM; null: likewise';
COMMENT ON COLUMN kms.certificate.certificate_chain IS 'certificates of the CAs, PEM, the issuing one first; null: none';
COMMENT ON COLUMN kms.certificate.key_identifier IS 'subject key identifier, hexadecimal with blanks';
COMMENT ON COLUMN kms.certificate.public_key IS 'SubjectPublicKeyInfo, DER';
COMMENT ON COLUMN kms.certificate.request IS 'certificate signing request, PEM';
COMMENT ON COLUMN kms.certificate.warn_at IS 'when to warn that it expires; null: no more';
COMMENT ON COLUMN kms.certificate.wrapped IS 'private key, PKCS #8, under the domain key';
COMMENT ON COLUMN kms.certificate.wrap_account_id IS 'account of that domain key';
COMMENT ON COLUMN kms.certificate.wrap_domain_key_version IS 'version of that domain key';
COMMENT ON COLUMN kms.certificate.account_id IS 'account of the domain key that the MAC is under';
COMMENT ON COLUMN kms.certificate.domain_key_version IS 'version of the domain key that the MAC is under';
COMMENT ON COLUMN kms.certificate.mac IS 'MAC over the columns before it, 32 bytes';
COMMENT ON INDEX kms.certificate_owner IS 'certificates of an owner';
COMMENT ON INDEX kms.certificate_warn_at IS 'certificates that expire soon';

/*
 * Rows that name a role count only while it holds SELECT on this table, which is and
 * stays empty: so PostgreSQL keeps the role from being dropped, in every database,
 * and a dump grants it to the role of that name again.
 */
CREATE TABLE kms.role_anchor (
	nothing integer PRIMARY KEY CHECK (false)
);

COMMENT ON TABLE kms.role_anchor IS 'always empty; the roles that own keys or hold grants have SELECT on it';
COMMENT ON COLUMN kms.role_anchor.nothing IS 'there is never a row';

/* What a role other than the owner may do. */
CREATE TABLE kms.grant_entry (
	id uuid PRIMARY KEY,
	resource_type text COLLATE "C" NOT NULL CHECK (resource_type IN ('key', 'secret', 'certificate')),
	resource uuid NOT NULL,
	grantee oid NOT NULL,
	grantee_name text COLLATE "C" NOT NULL,
	operations text[] NOT NULL CHECK (array_ndims(operations) = 1 AND array_position(operations, NULL) IS NULL),
	context bytea,
	expires_at timestamptz,
	grantor_name text NOT NULL,
	created_at timestamptz NOT NULL,
	account_id bigint NOT NULL,
	domain_key_version integer NOT NULL,
	mac bytea NOT NULL
);

CREATE INDEX grant_entry_resource ON kms.grant_entry (resource);
CREATE INDEX grant_entry_grantee ON kms.grant_entry (grantee);
CREATE INDEX grant_entry_expires_at ON kms.grant_entry (expires_at);

COMMENT ON TABLE kms.grant_entry IS 'grants: what roles other than the owner may do';
COMMENT ON COLUMN kms.grant_entry.id IS 'grant id';
COMMENT ON COLUMN kms.grant_entry.resource_type IS 'key, secret or certificate';
COMMENT ON COLUMN kms.grant_entry.resource IS 'id of the key, secret or certificate';
COMMENT ON COLUMN kms.grant_entry.grantee IS 'oid of the role, 0 for PUBLIC; counts like the owner of a key';
COMMENT ON COLUMN kms.grant_entry.grantee_name IS 'name of the role, or PUBLIC';
COMMENT ON COLUMN kms.grant_entry.operations IS 'names of the operations as the API has them, or {*}';
COMMENT ON COLUMN kms.grant_entry.context IS 'pairs that the encryption context of a call must contain, canonical form; null: none';
COMMENT ON COLUMN kms.grant_entry.expires_at IS 'until when it counts; null: without end';
COMMENT ON COLUMN kms.grant_entry.grantor_name IS 'who gave it';
COMMENT ON COLUMN kms.grant_entry.created_at IS 'when it was given';
COMMENT ON COLUMN kms.grant_entry.account_id IS 'account of the domain key that the MAC is under';
COMMENT ON COLUMN kms.grant_entry.domain_key_version IS 'version of the domain key that the MAC is under';
COMMENT ON COLUMN kms.grant_entry.mac IS 'MAC over the columns before it, 32 bytes';
COMMENT ON INDEX kms.grant_entry_resource IS 'grants on a resource';
COMMENT ON INDEX kms.grant_entry_grantee IS 'grants of a role';
COMMENT ON INDEX kms.grant_entry_expires_at IS 'grants that have expired';

/* What the workers did last with a resource, and when they try again. */
CREATE TABLE kms.job (
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('KeyRotation', 'KeyDeletion', 'MaterialExpiry', 'SecretRotation', 'SecretDeletion',
		'CertificateExpiry')),
	resource uuid NOT NULL,
	owner oid NOT NULL,
	owner_name text COLLATE "C" NOT NULL,
	outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('done', 'failed', 'waiting')),
	detail text,
	attempts integer NOT NULL CHECK (attempts > 0),
	ran_at timestamptz NOT NULL,
	retry_at timestamptz,
	name text,
	PRIMARY KEY (resource, kind)
);

/* Progress of procedures that rewrite a column: notes for people. */
CREATE TABLE kms.column_job (
	relation oid NOT NULL,
	column_number smallint NOT NULL,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('ColumnEncryption', 'ColumnReEncryption')),
	started_at timestamptz NOT NULL,
	noted_at timestamptz NOT NULL,
	finished_at timestamptz,
	total bigint NOT NULL CHECK (total >= 0),
	done bigint NOT NULL CHECK (done >= 0),
	PRIMARY KEY (relation, column_number, kind)
);

COMMENT ON TABLE kms.column_job IS 'how far procedures are that rewrite a protected column';
COMMENT ON COLUMN kms.column_job.relation IS 'table of the column';
COMMENT ON COLUMN kms.column_job.column_number IS 'number of the column in it';
COMMENT ON COLUMN kms.column_job.kind IS 'ColumnEncryption (kms_encrypt_existing) or ColumnReEncryption (kms_reencrypt_column)';
COMMENT ON COLUMN kms.column_job.started_at IS 'when the last call began';
COMMENT ON COLUMN kms.column_job.noted_at IS 'when its last batch was committed';
COMMENT ON COLUMN kms.column_job.finished_at IS 'when it was done; null: it is at work, or was interrupted';
COMMENT ON COLUMN kms.column_job.total IS 'rows that there were to do when it began';
COMMENT ON COLUMN kms.column_job.done IS 'rows that it has done since';

COMMENT ON TABLE kms.job IS 'what the workers did last with a resource, and when they try again';
COMMENT ON COLUMN kms.job.kind IS 'what had to be done: KeyRotation, KeyDeletion, MaterialExpiry, SecretRotation, SecretDeletion or CertificateExpiry';
COMMENT ON COLUMN kms.job.resource IS 'key, secret or certificate that it was due for';
COMMENT ON COLUMN kms.job.owner IS 'owner of the resource at that time';
COMMENT ON COLUMN kms.job.owner_name IS 'name of that owner';
COMMENT ON COLUMN kms.job.outcome IS 'done, failed (an error) or waiting (a grace, or a copy that was not confirmed)';
COMMENT ON COLUMN kms.job.detail IS 'why it failed or waits';
COMMENT ON COLUMN kms.job.attempts IS 'tries until this outcome';
COMMENT ON COLUMN kms.job.ran_at IS 'when it was tried last';
COMMENT ON COLUMN kms.job.retry_at IS 'when a worker tries again; null: it is done';
COMMENT ON COLUMN kms.job.name IS 'what people call the resource: key id, secret/NAME or certificate/UUID';

/*
 * What was done (service/audit.h).  Each account has a log of its own, so that a
 * restored dump brings one along beside that of the account that CREATE EXTENSION
 * opened.  Nothing else is told of these tables, so they have no trigger.
 */
CREATE TABLE kms.audit_entry (
	seq bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	session_user_name text COLLATE "C",
	user_name text COLLATE "C" NOT NULL,
	application_name text COLLATE "C",
	client_address text COLLATE "C",
	operation text COLLATE "C" NOT NULL,
	resource_type text COLLATE "C" NOT NULL,
	resource text COLLATE "C",
	detail text COLLATE "C",
	result text COLLATE "C" NOT NULL,
	api_code text COLLATE "C",
	account_id bigint NOT NULL,
	domain_key_version integer NOT NULL,
	mac bytea NOT NULL,
	PRIMARY KEY (account_id, seq)
);

COMMENT ON TABLE kms.audit_entry IS 'the audit log: changes of the service, chained';
COMMENT ON COLUMN kms.audit_entry.seq IS 'number, without gaps, in the order of commits';
COMMENT ON COLUMN kms.audit_entry.occurred_at IS 'when it was called, by the clock';
COMMENT ON COLUMN kms.audit_entry.session_user_name IS 'role that logged in; null: a worker';
COMMENT ON COLUMN kms.audit_entry.user_name IS 'role that acted';
COMMENT ON COLUMN kms.audit_entry.application_name IS 'what the client called itself';
COMMENT ON COLUMN kms.audit_entry.client_address IS 'IP address of the client, or [local]; null: a worker';
COMMENT ON COLUMN kms.audit_entry.operation IS 'operation of the API, or a worker''s job';
COMMENT ON COLUMN kms.audit_entry.resource_type IS 'key, secret, certificate or service';
COMMENT ON COLUMN kms.audit_entry.resource IS 'key id, secret/NAME or certificate/UUID';
COMMENT ON COLUMN kms.audit_entry.detail IS 'further ids, names and dates';
COMMENT ON COLUMN kms.audit_entry.result IS 'success, or failed for a job that failed';
COMMENT ON COLUMN kms.audit_entry.api_code IS 'API code of the failure';
COMMENT ON COLUMN kms.audit_entry.account_id IS 'account whose log it is, and of the domain key that the MAC is under';
COMMENT ON COLUMN kms.audit_entry.domain_key_version IS 'version of that domain key';
COMMENT ON COLUMN kms.audit_entry.mac IS 'MAC over the row and the MAC of the row before it';

/* How far each log goes: without it, rows cut off at the end would not be missed. */
CREATE TABLE kms.audit_head (
	seq bigint NOT NULL,
	row_mac bytea NOT NULL,
	account_id bigint PRIMARY KEY,
	domain_key_version integer NOT NULL,
	mac bytea NOT NULL
);

COMMENT ON TABLE kms.audit_head IS 'the last row of each account''s audit log';
COMMENT ON COLUMN kms.audit_head.seq IS 'its number';
COMMENT ON COLUMN kms.audit_head.row_mac IS 'its MAC';
COMMENT ON COLUMN kms.audit_head.account_id IS 'account whose log it is, and of the domain key that the MAC is under';
COMMENT ON COLUMN kms.audit_head.domain_key_version IS 'version of that domain key';
COMMENT ON COLUMN kms.audit_head.mac IS 'MAC over this row';

SELECT pg_catalog.pg_extension_config_dump('kms.audit_entry', '');
SELECT pg_catalog.pg_extension_config_dump('kms.audit_head', '');

/*
 * How much keys are used.  A counter in shared memory only counts up; the row of
 * its key version and operation says what it showed when it was last added here,
 * so that what it shows more now belongs to the sum (src/base/usage_table.h).
 *
 * Nothing is cached of these rows, and each minute brings new ones: no trigger
 * tells of their changes.
 */
CREATE TABLE kms.usage_entry (
	key_version_id uuid NOT NULL,
	operation text COLLATE "C" NOT NULL,
	key_id uuid NOT NULL,
	calls bigint NOT NULL,
	failures bigint NOT NULL,
	bytes bigint NOT NULL,
	last_used_at timestamptz NOT NULL,
	counter bigint NOT NULL,
	counter_calls bigint NOT NULL,
	counter_failures bigint NOT NULL,
	counter_bytes bigint NOT NULL,
	PRIMARY KEY (key_version_id, operation)
) WITH (fillfactor = 50);

CREATE INDEX usage_entry_key_id ON kms.usage_entry (key_id);

COMMENT ON TABLE kms.usage_entry IS 'how much key versions were used, as far as it was stored';
COMMENT ON INDEX kms.usage_entry_key_id IS 'numbers of a key';
COMMENT ON COLUMN kms.usage_entry.key_version_id IS 'key version that was used';
COMMENT ON COLUMN kms.usage_entry.operation IS 'what for, as the API names it';
COMMENT ON COLUMN kms.usage_entry.key_id IS 'key that the version belongs to';
COMMENT ON COLUMN kms.usage_entry.calls IS 'how often, failures included';
COMMENT ON COLUMN kms.usage_entry.failures IS 'how often it failed';
COMMENT ON COLUMN kms.usage_entry.bytes IS 'on how many bytes';
COMMENT ON COLUMN kms.usage_entry.last_used_at IS 'end of the last transaction that did';
COMMENT ON COLUMN kms.usage_entry.counter IS 'number of the counter in shared memory that was added last';
COMMENT ON COLUMN kms.usage_entry.counter_calls IS 'what it showed then';
COMMENT ON COLUMN kms.usage_entry.counter_failures IS 'what it showed then';
COMMENT ON COLUMN kms.usage_entry.counter_bytes IS 'what it showed then';

SELECT pg_catalog.pg_extension_config_dump('kms.account', '');
SELECT pg_catalog.pg_extension_config_dump('kms.domain_key', '');
SELECT pg_catalog.pg_extension_config_dump('kms.key', '');
SELECT pg_catalog.pg_extension_config_dump('kms.key_version', '');
SELECT pg_catalog.pg_extension_config_dump('kms.import_token', '');
SELECT pg_catalog.pg_extension_config_dump('kms.alias', '');
SELECT pg_catalog.pg_extension_config_dump('kms.tag', '');
SELECT pg_catalog.pg_extension_config_dump('kms.secret', '');
SELECT pg_catalog.pg_extension_config_dump('kms.secret_version', '');
SELECT pg_catalog.pg_extension_config_dump('kms.secret_version_stage', '');
SELECT pg_catalog.pg_extension_config_dump('kms.secret_role', '');
SELECT pg_catalog.pg_extension_config_dump('kms.certificate', '');
SELECT pg_catalog.pg_extension_config_dump('kms.role_anchor', '');
SELECT pg_catalog.pg_extension_config_dump('kms.grant_entry', '');
SELECT pg_catalog.pg_extension_config_dump('kms.usage_entry', '');
/* What a worker has seen counts for the database it has seen it in, not for a restored one. */
SELECT pg_catalog.pg_extension_config_dump('kms.job', 'WHERE false');
SELECT pg_catalog.pg_extension_config_dump('kms.column_job', 'WHERE false');

/*
 * A change by hand empties every session's cache.  The C code that changes a
 * row says itself which key it was, and this trigger then keeps still.
 */
CREATE FUNCTION kms.tell_change() RETURNS trigger
	AS 'MODULE_PATHNAME', 'kms_tell_change' LANGUAGE C;

COMMENT ON FUNCTION kms.tell_change() IS 'trigger function: makes every session read keys and aliases anew';

CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.account
	FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.domain_key
	FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.key
	FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.key_version
	FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.alias
	FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.job
	FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.import_token
	FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.role_anchor
	FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON kms.grant_entry
	FOR EACH STATEMENT EXECUTE FUNCTION kms.tell_change();

/* Logical replication applies changes row by row and fires no trigger per statement. */
CREATE TRIGGER tell_row_change AFTER UPDATE OR DELETE ON kms.account
	FOR EACH ROW EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_row_change AFTER UPDATE OR DELETE ON kms.domain_key
	FOR EACH ROW EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_row_change AFTER UPDATE OR DELETE ON kms.key
	FOR EACH ROW EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_row_change AFTER UPDATE OR DELETE ON kms.key_version
	FOR EACH ROW EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_row_change AFTER UPDATE OR DELETE ON kms.alias
	FOR EACH ROW EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_row_change AFTER UPDATE OR DELETE ON kms.job
	FOR EACH ROW EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_row_change AFTER UPDATE OR DELETE ON kms.import_token
	FOR EACH ROW EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_row_change AFTER UPDATE OR DELETE ON kms.role_anchor
	FOR EACH ROW EXECUTE FUNCTION kms.tell_change();
CREATE TRIGGER tell_row_change AFTER UPDATE OR DELETE ON kms.grant_entry
	FOR EACH ROW EXECUTE FUNCTION kms.tell_change();

ALTER TABLE kms.account ENABLE ALWAYS TRIGGER tell_change, ENABLE ALWAYS TRIGGER tell_row_change;
ALTER TABLE kms.domain_key ENABLE ALWAYS TRIGGER tell_change, ENABLE ALWAYS TRIGGER tell_row_change;
ALTER TABLE kms.key ENABLE ALWAYS TRIGGER tell_change, ENABLE ALWAYS TRIGGER tell_row_change;
ALTER TABLE kms.key_version ENABLE ALWAYS TRIGGER tell_change, ENABLE ALWAYS TRIGGER tell_row_change;
ALTER TABLE kms.alias ENABLE ALWAYS TRIGGER tell_change, ENABLE ALWAYS TRIGGER tell_row_change;
ALTER TABLE kms.job ENABLE ALWAYS TRIGGER tell_change, ENABLE ALWAYS TRIGGER tell_row_change;
ALTER TABLE kms.import_token ENABLE ALWAYS TRIGGER tell_change, ENABLE ALWAYS TRIGGER tell_row_change;
ALTER TABLE kms.role_anchor ENABLE ALWAYS TRIGGER tell_change, ENABLE ALWAYS TRIGGER tell_row_change;
ALTER TABLE kms.grant_entry ENABLE ALWAYS TRIGGER tell_change, ENABLE ALWAYS TRIGGER tell_row_change;

COMMENT ON TRIGGER tell_change ON kms.account IS 'changes by hand reach every session';
COMMENT ON TRIGGER tell_row_change ON kms.account IS 'replicated changes reach every session';
COMMENT ON TRIGGER tell_change ON kms.domain_key IS 'changes by hand reach every session';
COMMENT ON TRIGGER tell_row_change ON kms.domain_key IS 'replicated changes reach every session';
COMMENT ON TRIGGER tell_change ON kms.key IS 'changes by hand reach every session';
COMMENT ON TRIGGER tell_row_change ON kms.key IS 'replicated changes reach every session';
COMMENT ON TRIGGER tell_change ON kms.key_version IS 'changes by hand reach every session';
COMMENT ON TRIGGER tell_row_change ON kms.key_version IS 'replicated changes reach every session';
COMMENT ON TRIGGER tell_change ON kms.alias IS 'changes by hand reach every session';
COMMENT ON TRIGGER tell_row_change ON kms.alias IS 'replicated changes reach every session';
COMMENT ON TRIGGER tell_change ON kms.job IS 'changes by hand reach every session';
COMMENT ON TRIGGER tell_change ON kms.import_token IS 'changes by hand reach every session';
COMMENT ON TRIGGER tell_row_change ON kms.job IS 'replicated changes reach every session';
COMMENT ON TRIGGER tell_row_change ON kms.import_token IS 'replicated changes reach every session';
COMMENT ON TRIGGER tell_change ON kms.role_anchor IS 'changes by hand reach every session';
COMMENT ON TRIGGER tell_row_change ON kms.role_anchor IS 'replicated changes reach every session';
COMMENT ON TRIGGER tell_change ON kms.grant_entry IS 'changes by hand reach every session';
COMMENT ON TRIGGER tell_row_change ON kms.grant_entry IS 'replicated changes reach every session';

ALTER TABLE kms.audit_entry ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.audit_head ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.account ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.domain_key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.key ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.key_version ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.alias ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.job ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.column_job ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.import_token ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.tag ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.secret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.secret_version ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.secret_version_stage ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.secret_role ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.certificate ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.role_anchor ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.grant_entry ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE kms.usage_entry ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
