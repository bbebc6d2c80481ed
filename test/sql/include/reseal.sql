/*
 * For tests that make time pass, or a row be what it cannot become by itself: an
 * UPDATE by hand of kms.key, kms.alias, kms.grant_entry, kms.secret,
 * kms.secret_version_stage or kms.certificate then gets a MAC that fits, as if the
 * extension had done it.
 *
 * Nothing of this is the extension's: a superuser who has the root key computes
 * the MAC from docs/formats.md, with pgcrypto and the program test/t/unwrap.c,
 * whose path is the setting test.unwrap.
 */
CREATE SCHEMA kms_test;
CREATE EXTENSION pgcrypto SCHEMA kms_test;

/* One question to the program, one answer. */
CREATE FUNCTION kms_test.unwrap(question text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	CREATE TEMPORARY TABLE unwrap_answer (line text);
	EXECUTE format('COPY pg_temp.unwrap_answer FROM PROGRAM %L',
				   format('printf %%s\\n %s | %s', quote_literal(question), current_setting('test.unwrap')));
	SELECT line INTO answer FROM pg_temp.unwrap_answer;
	DROP TABLE pg_temp.unwrap_answer;
	RETURN answer;
END
$$;

CREATE FUNCTION kms_test.row_key(account bigint, version integer) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	name text := format('test.row_key_%s_%s', account, version);
	known text := current_setting(name, true);
	root text;
	wrapping text;
	domain text;
BEGIN
	IF coalesce(known, '') = '' THEN
		root := split_part(pg_read_file(current_setting('kms.root_key_file')), E'\n', 1);
		wrapping := kms_test.unwrap(format('derive %s kms domain key wrapping:32', root));
		SELECT kms_test.unwrap(format('unwrap %s %s %s', wrapping,
									  encode('D'::bytea || int8send(d.account_id) || int4send(d.version), 'hex'),
									  encode(d.wrapped, 'hex')))
		  INTO domain FROM kms.domain_key d WHERE d.account_id = row_key.account AND d.version = row_key.version;
		known := kms_test.unwrap(format('derive %s kms row mac:32', domain));
		PERFORM set_config(name, known, false);
	END IF;
	RETURN decode(known, 'hex');
END
$$;

CREATE FUNCTION kms_test.r(value uuid) RETURNS bytea LANGUAGE sql IMMUTABLE
	RETURN coalesce('U'::bytea || uuid_send(value), 'N'::bytea);
CREATE FUNCTION kms_test.r(value bigint) RETURNS bytea LANGUAGE sql IMMUTABLE
	RETURN 'I'::bytea || int8send(value);
CREATE FUNCTION kms_test.r(value timestamptz) RETURNS bytea LANGUAGE sql IMMUTABLE
	RETURN 'I'::bytea || timestamptz_send(coalesce(value, 'infinity'));
CREATE FUNCTION kms_test.r(value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
	RETURN coalesce('B'::bytea || int4send(octet_length(value)) || value, 'N'::bytea);
CREATE FUNCTION kms_test.r(value text) RETURNS bytea LANGUAGE sql IMMUTABLE
	RETURN kms_test.r(textsend(value));
CREATE FUNCTION kms_test.r(value text[]) RETURNS bytea LANGUAGE sql IMMUTABLE
	RETURN 'L'::bytea || int4send(cardinality(value)) ||
		   (SELECT coalesce(string_agg(kms_test.r(e), ''::bytea ORDER BY n), '') FROM unnest(value) WITH ORDINALITY u(e, n));

/*
 * What comes with a MAC of its own is the extension's work, and keeps it.  The rows
 * are described here, not in functions of their types: those would stand in the way
 * of DROP EXTENSION.
 */
CREATE FUNCTION kms_test.seal_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	record bytea;
BEGIN
	IF NEW.mac IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.mac <> OLD.mac) THEN
		RETURN NEW;
	ELSIF TG_TABLE_NAME = 'key' THEN
		record := int4send(3) || 'key'::bytea || kms_test.r(NEW.id) || kms_test.r(NEW.owner::bigint) ||
			kms_test.r(NEW.owner_name) || kms_test.r(NEW.created_at) || kms_test.r(NEW.state) ||
			kms_test.r(NEW.spec) || kms_test.r(NEW.usage) || kms_test.r(NEW.origin) ||
			kms_test.r(NEW.primary_version) || kms_test.r(NEW.description) ||
			kms_test.r(coalesce(NEW.rotation_seconds, 0)) || kms_test.r(NEW.rotated_at) ||
			kms_test.r(NEW.next_rotation_at) || kms_test.r(NEW.material_expires_at) || kms_test.r(NEW.delete_at) ||
			kms_test.r(NEW.deletion_protected::integer::bigint) || kms_test.r(NEW.deletion_protection_description);
	ELSIF TG_TABLE_NAME = 'alias' THEN
		record := int4send(5) || 'alias'::bytea || kms_test.r(NEW.name) || kms_test.r(NEW.key_id) || kms_test.r(NEW.created_at);
	ELSIF TG_TABLE_NAME = 'secret' THEN
		record := int4send(6) || 'secret'::bytea || kms_test.r(NEW.id) || kms_test.r(NEW.name) ||
			kms_test.r(NEW.owner::bigint) || kms_test.r(NEW.owner_name) || kms_test.r(NEW.created_at) ||
			kms_test.r(NEW.updated_at) || kms_test.r(NEW.type) || kms_test.r(NEW.sub_type) || kms_test.r(NEW.description) ||
			kms_test.r(NEW.key_id) || kms_test.r(NEW.key_is_chosen::integer::bigint) || kms_test.r(NEW.extended_config) ||
			kms_test.r(NEW.automatic_rotation) || kms_test.r(coalesce(NEW.rotation_seconds, 0)) ||
			kms_test.r(NEW.rotated_at) || kms_test.r(NEW.next_rotation_at) || kms_test.r(NEW.delete_at) ||
			kms_test.r(NEW.hour_began_at) || kms_test.r(NEW.hour_rotations::bigint);
	ELSIF TG_TABLE_NAME = 'secret_version_stage' THEN
		record := int4send(12) || 'secret stage'::bytea || kms_test.r(NEW.secret_id) || kms_test.r(NEW.stage) ||
			kms_test.r(NEW.version_id);
	ELSIF TG_TABLE_NAME = 'certificate' THEN
		record := int4send(11) || 'certificate'::bytea || kms_test.r(NEW.id) || kms_test.r(NEW.owner::bigint) ||
			kms_test.r(NEW.owner_name) || kms_test.r(NEW.created_at) || kms_test.r(NEW.updated_at) ||
			kms_test.r(NEW.status) || kms_test.r(NEW.spec) || kms_test.r(NEW.exportable::integer::bigint) ||
			kms_test.r(NEW.subject) || kms_test.r(NEW.names) || kms_test.r(NEW.issuer) || kms_test.r(NEW.serial) ||
			kms_test.r(NEW.not_before) || kms_test.r(NEW.not_after) || kms_test.r(NEW.certificate) ||
			kms_test.r(NEW.certificate_chain) || kms_test.r(NEW.key_identifier) || kms_test.r(NEW.public_key) ||
			kms_test.r(NEW.request) || kms_test.r(NEW.warn_at) || kms_test.r(NEW.wrapped) ||
			kms_test.r(NEW.wrap_account_id) || kms_test.r(NEW.wrap_domain_key_version::bigint);
	ELSE
		record := int4send(5) || 'grant'::bytea || kms_test.r(NEW.id) || kms_test.r(NEW.resource_type) ||
			kms_test.r(NEW.resource) || kms_test.r(NEW.grantee::bigint) || kms_test.r(NEW.grantee_name) ||
			kms_test.r(NEW.operations) || kms_test.r(NEW.context) || kms_test.r(NEW.expires_at) ||
			kms_test.r(NEW.grantor_name) || kms_test.r(NEW.created_at);
	END IF;
	NEW.mac := kms_test.hmac(record, kms_test.row_key(NEW.account_id, NEW.domain_key_version), 'sha256');
	RETURN NEW;
END
$$;

/* From here to the end of the transaction, or for ever: changes by hand are as good as ours. */
CREATE FUNCTION kms_test.let_time_pass() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CREATE OR REPLACE TRIGGER seal_row BEFORE INSERT OR UPDATE ON kms.key FOR EACH ROW EXECUTE FUNCTION kms_test.seal_row();
	CREATE OR REPLACE TRIGGER seal_row BEFORE INSERT OR UPDATE ON kms.alias FOR EACH ROW EXECUTE FUNCTION kms_test.seal_row();
	CREATE OR REPLACE TRIGGER seal_row BEFORE INSERT OR UPDATE ON kms.grant_entry FOR EACH ROW EXECUTE FUNCTION kms_test.seal_row();
	CREATE OR REPLACE TRIGGER seal_row BEFORE INSERT OR UPDATE ON kms.secret FOR EACH ROW EXECUTE FUNCTION kms_test.seal_row();
	CREATE OR REPLACE TRIGGER seal_row BEFORE INSERT OR UPDATE ON kms.secret_version_stage FOR EACH ROW EXECUTE FUNCTION kms_test.seal_row();
	CREATE OR REPLACE TRIGGER seal_row BEFORE INSERT OR UPDATE ON kms.certificate FOR EACH ROW EXECUTE FUNCTION kms_test.seal_row();
END
$$;

/* From here on they are tampering again. */
CREATE FUNCTION kms_test.stop_time() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DROP TRIGGER seal_row ON kms.key;
	DROP TRIGGER seal_row ON kms.alias;
	DROP TRIGGER seal_row ON kms.grant_entry;
	DROP TRIGGER seal_row ON kms.secret;
	DROP TRIGGER seal_row ON kms.secret_version_stage;
	DROP TRIGGER seal_row ON kms.certificate;
END
$$;
