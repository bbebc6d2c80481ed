/*
 * Certificates.
 */
CREATE TYPE kms.new_certificate AS (
	certificate_id uuid,
	arn text,
	csr text
);

COMMENT ON TYPE kms.new_certificate IS 'a certificate that was asked for: result of kms_create_certificate';

CREATE TYPE kms.certificate_text AS (
	certificate_id uuid,
	certificate text,
	certificate_chain text,
	csr text
);

COMMENT ON TYPE kms.certificate_text IS 'a certificate in PEM: result of kms_get_certificate';

CREATE TYPE kms.certificate_metadata AS (
	arn text,
	certificate_id uuid,
	status text,
	key_spec text,
	exportable_private_key boolean,
	subject text,
	subject_alternative_names text[],
	issuer text,
	serial text,
	not_before timestamptz,
	not_after timestamptz,
	signature_algorithm text,
	subject_key_identifier text,
	subject_public_key text,
	created_at timestamptz,
	updated_at timestamptz,
	protection_level text,
	tags jsonb
);

COMMENT ON TYPE kms.certificate_metadata IS 'what is known of a certificate: result of kms_describe_certificate';

CREATE FUNCTION @extschema@.kms_create_certificate(key_spec text, subject text, subject_alternative_names text[] = NULL,
		exportable_private_key boolean = true)
	RETURNS kms.new_certificate
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_create_certificate(text, text, text[], boolean)
	IS 'make a key pair and the request for its certificate, owned by the caller';

CREATE FUNCTION @extschema@.kms_upload_certificate(certificate_id text, certificate text, certificate_chain text = NULL)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_upload_certificate(text, text, text)
	IS 'bring the certificate that a CA issued for the request, and those of the CAs; or its successor';

CREATE FUNCTION @extschema@.kms_get_certificate(certificate_id text)
	RETURNS kms.certificate_text
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION @extschema@.kms_get_certificate(text)
	IS 'a certificate, its chain and its request, PEM';

CREATE FUNCTION @extschema@.kms_describe_certificate(certificate_id text)
	RETURNS kms.certificate_metadata
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION @extschema@.kms_describe_certificate(text)
	IS 'what is known of a certificate';

CREATE FUNCTION @extschema@.kms_update_certificate_status(certificate_id text, status text)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_update_certificate_status(text, text)
	IS 'make a certificate INACTIVE or ACTIVE again, or REVOKED for ever';

CREATE FUNCTION @extschema@.kms_delete_certificate(certificate_id text)
	RETURNS void
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION @extschema@.kms_delete_certificate(text)
	IS 'erase a certificate and its private key, at once and for good';

CREATE FUNCTION @extschema@.kms_export_certificate(certificate_id text, passphrase text)
	RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 100000;

COMMENT ON FUNCTION @extschema@.kms_export_certificate(text, text)
	IS 'a certificate with its private key and chain as PKCS #12, under a passphrase';

CREATE FUNCTION @extschema@.kms_certificate_private_key_sign(certificate_id text, algorithm text, message bytea, message_type text = 'RAW')
	RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 10000;

COMMENT ON FUNCTION @extschema@.kms_certificate_private_key_sign(text, text, bytea, text)
	IS 'sign a message, or its digest, with the key of a certificate';

CREATE FUNCTION @extschema@.kms_certificate_public_key_verify(certificate_id text, algorithm text, message bytea, signature_value bytea,
		message_type text = 'RAW')
	RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 3000;

COMMENT ON FUNCTION @extschema@.kms_certificate_public_key_verify(text, text, bytea, bytea, text)
	IS 'whether a signature is that of a message, or of its digest, with the key of a certificate';

CREATE FUNCTION @extschema@.kms_certificate_public_key_encrypt(certificate_id text, algorithm text, plaintext bytea)
	RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE COST 3000;

COMMENT ON FUNCTION @extschema@.kms_certificate_public_key_encrypt(text, text, bytea)
	IS 'encrypt a few bytes for the key of a certificate';

CREATE FUNCTION @extschema@.kms_certificate_private_key_decrypt(certificate_id text, algorithm text, ciphertext_blob bytea)
	RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 10000;

COMMENT ON FUNCTION @extschema@.kms_certificate_private_key_decrypt(text, text, bytea)
	IS 'decrypt what was encrypted for the key of a certificate';

/* What the view is made of. */
CREATE FUNCTION kms.describe_certificate(certificate kms.certificate) RETURNS kms.certificate_metadata
	AS 'MODULE_PATHNAME', 'kms_certificate_metadata' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;

COMMENT ON FUNCTION kms.describe_certificate(kms.certificate) IS 'a row of the table of certificates as the API describes it, but for its tags';

CREATE FUNCTION kms.certificate_status(status text) RETURNS text
	AS 'MODULE_PATHNAME', 'kms_certificate_status' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION kms.certificate_status(text) IS 'the status, checked';

CREATE VIEW kms.certificates WITH (security_barrier) AS
	SELECT d.arn, d.certificate_id, d.status, d.key_spec, d.exportable_private_key, d.subject, d.subject_alternative_names, d.issuer, d.serial,
		   d.not_before, d.not_after, d.signature_algorithm, d.subject_key_identifier,
		   d.subject_public_key, d.created_at, d.updated_at, d.protection_level,
		   coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('TagKey', t.tag_key, 'TagValue', t.tag_value) ORDER BY t.tag_key)
					   FROM kms.tag t WHERE t.resource OPERATOR(pg_catalog.=) c.id), '[]') AS tags,
		   pg_catalog.floor(EXTRACT(epoch FROM d.not_after OPERATOR(pg_catalog.-) pg_catalog.clock_timestamp()) OPERATOR(pg_catalog./) 86400)::integer AS days_to_expiry,
		   kms.secret_creator(c.owner, c.owner_name) AS creator
	  FROM kms.certificate c CROSS JOIN LATERAL kms.describe_certificate(c) d
	 WHERE kms.may_describe_certificate(c.id, c.owner, c.owner_name);

COMMENT ON VIEW kms.certificates IS 'the certificates that the current user may describe';
COMMENT ON COLUMN kms.certificates.arn IS 'resource name';
COMMENT ON COLUMN kms.certificates.certificate_id IS 'certificate id';
COMMENT ON COLUMN kms.certificates.status IS 'PENDING, ACTIVE, INACTIVE or REVOKED';
COMMENT ON COLUMN kms.certificates.key_spec IS 'kind of the key pair';
COMMENT ON COLUMN kms.certificates.exportable_private_key IS 'whether the private key may leave';
COMMENT ON COLUMN kms.certificates.subject IS 'distinguished name (RFC 4514): of the request, then of the certificate';
COMMENT ON COLUMN kms.certificates.subject_alternative_names IS 'likewise';
COMMENT ON COLUMN kms.certificates.issuer IS 'distinguished name of the CA; null: nothing was uploaded yet, as with the following';
COMMENT ON COLUMN kms.certificates.serial IS 'serial number, hexadecimal';
COMMENT ON COLUMN kms.certificates.not_before IS 'when it begins to be valid';
COMMENT ON COLUMN kms.certificates.not_after IS 'when it expires';
COMMENT ON COLUMN kms.certificates.signature_algorithm IS 'how its key signs the request';
COMMENT ON COLUMN kms.certificates.subject_key_identifier IS 'hexadecimal, with blanks';
COMMENT ON COLUMN kms.certificates.subject_public_key IS 'SubjectPublicKeyInfo, PEM';
COMMENT ON COLUMN kms.certificates.created_at IS 'when the request was made';
COMMENT ON COLUMN kms.certificates.updated_at IS 'when it was changed last';
COMMENT ON COLUMN kms.certificates.protection_level IS 'SOFTWARE';
COMMENT ON COLUMN kms.certificates.tags IS 'its tags: [{"TagKey": ..., "TagValue": ...}, ...]';
COMMENT ON COLUMN kms.certificates.days_to_expiry IS 'whole days until it expires, negative afterwards';
COMMENT ON COLUMN kms.certificates.creator IS 'owning role';

/* Subject and issuer: a part of the name, in either case. */
CREATE FUNCTION @extschema@.kms_list_certificates(subject text = NULL, issuer text = NULL, status text = NULL)
	RETURNS SETOF kms.certificate_metadata
	LANGUAGE SQL STABLE PARALLEL SAFE COST 100 ROWS 100
BEGIN ATOMIC
	SELECT c.arn, c.certificate_id, c.status, c.key_spec, c.exportable_private_key, c.subject, c.subject_alternative_names, c.issuer, c.serial,
		   c.not_before, c.not_after, c.signature_algorithm, c.subject_key_identifier,
		   c.subject_public_key, c.created_at, c.updated_at, c.protection_level, c.tags
	  FROM kms.certificates c
	 WHERE coalesce(pg_catalog.strpos(pg_catalog.lower(c.subject), pg_catalog.lower(kms_list_certificates.subject)) OPERATOR(pg_catalog.>) 0, kms_list_certificates.subject IS NULL)
	   AND coalesce(pg_catalog.strpos(pg_catalog.lower(c.issuer), pg_catalog.lower(kms_list_certificates.issuer)) OPERATOR(pg_catalog.>) 0, kms_list_certificates.issuer IS NULL)
	   AND (kms_list_certificates.status IS NULL OR c.status OPERATOR(pg_catalog.=) kms.certificate_status(kms_list_certificates.status));
END;

COMMENT ON FUNCTION @extschema@.kms_list_certificates(text, text, text)
	IS 'the certificates that the caller may describe; subject and issuer: a part of the name, in either case';
