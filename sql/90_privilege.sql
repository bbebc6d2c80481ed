/*
 * Who may touch what.  Default privileges of the installing role reach the
 * objects of an extension too, so everything that was not granted here is
 * taken away: from every role, on everything the script has made.
 */
DO $strip$
DECLARE
	object record;
	entry record;
BEGIN
	FOR object IN
		SELECT CASE d.classid
				   WHEN 'pg_catalog.pg_proc'::pg_catalog.regclass THEN 'ROUTINE ' || d.objid::pg_catalog.regprocedure::text
				   WHEN 'pg_catalog.pg_class'::pg_catalog.regclass THEN 'TABLE ' || d.objid::pg_catalog.regclass::text
				   WHEN 'pg_catalog.pg_type'::pg_catalog.regclass THEN 'TYPE ' || d.objid::pg_catalog.regtype::text
				   WHEN 'pg_catalog.pg_namespace'::pg_catalog.regclass THEN 'SCHEMA ' || d.objid::pg_catalog.regnamespace::text
			   END AS name,
			   coalesce(p.proacl, c.relacl, t.typacl, n.nspacl) AS acl,
			   coalesce(p.proowner, c.relowner, t.typowner, n.nspowner) AS owner
		  FROM pg_catalog.pg_depend d
		  LEFT JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.objid
		  LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.objid
		  LEFT JOIN pg_catalog.pg_type t ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = d.objid
		  LEFT JOIN pg_catalog.pg_namespace n ON d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND n.oid = d.objid
		 WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
		   AND d.refobjid = (SELECT e.oid FROM pg_catalog.pg_extension e WHERE e.extname = 'kms')
		   AND d.deptype = 'e'
		   AND coalesce(p.oid, c.oid, t.oid, n.oid) IS NOT NULL
		   AND coalesce(t.typtype, 'c') <> 'b'
		   /* row types are members since 17, and pg_dump does not know their privileges */
		   AND NOT EXISTS (SELECT FROM pg_catalog.pg_class r WHERE r.oid = t.typrelid AND r.relkind <> 'c')
		   AND coalesce(c.relkind, 'r') <> 'c'
	LOOP
		EXECUTE 'REVOKE ALL ON ' || object.name || ' FROM PUBLIC';
		FOR entry IN
			SELECT DISTINCT a.grantee::pg_catalog.regrole::text AS grantee
			  FROM pg_catalog.aclexplode(object.acl) a
			 WHERE a.grantee <> 0 AND a.grantee <> object.owner
		LOOP
			EXECUTE 'REVOKE ALL ON ' || object.name || ' FROM ' || entry.grantee;
		END LOOP;
	END LOOP;
END
$strip$;

/* Every function asks for the right on its key itself; these are for everybody. */
GRANT USAGE ON SCHEMA kms TO PUBLIC;
GRANT SELECT ON kms.keys, kms.key_versions, kms.aliases, kms.jobs, kms.audit_log, kms.key_usage, kms.status, kms.grants,
	kms.secrets, kms.secret_versions, kms.certificates, kms.tags, kms.protected_columns TO PUBLIC;
GRANT USAGE ON TYPE kms.key_metadata, kms.key_version_metadata, kms.alias_entry, kms.ciphertext_info,
	kms.data_key, kms.data_key_without_plaintext, kms.exported_data_key, kms.generated_and_exported_data_key, kms.status_row, kms.job_report,
	kms.import_parameters, kms.audit_row, kms.grant_metadata, kms.integrity_problem,
	kms.new_secret, kms.secret_entry, kms.secret_deletion, kms.secret_metadata, kms.secret_value, kms.put_secret_version,
	kms.secret_version_entry, kms.new_certificate, kms.certificate_text, kms.certificate_metadata, kms.tag_entry, kms.region_entry,
	kms.version_count, kms.protected_column TO PUBLIC;

GRANT EXECUTE ON FUNCTION
	kms.may_describe(uuid, oid, text),
	kms.describe_grant(kms.grant_entry),
	kms.describable(text),
	kms.describe_row(kms.key),
	kms.arn_prefix(),
	kms.normalized_filters(jsonb),
	kms.may_describe_secret(uuid, oid, text),
	kms.describe_secret(kms.secret),
	kms.may_describe_certificate(uuid, oid, text),
	kms.describe_certificate(kms.certificate),
	kms.certificate_status(text),
	kms.secret_creator(oid, text),
	kms.normalized_secret_filters(jsonb),
	kms.describe_status(),
	kms.pending_audit(),
	kms.counted_usage(),
	kms.api(),
	kms.named_version(text, text, text, jsonb),
	@extschema@.kms_describe_key(text),
	@extschema@.kms_list_keys(jsonb),
	@extschema@.kms_enable_key(text),
	@extschema@.kms_disable_key(text),
	@extschema@.kms_update_key_description(text, text),
	@extschema@.kms_create_key_version(text),
	@extschema@.kms_update_rotation_policy(text, boolean, interval),
	@extschema@.kms_set_deletion_protection(text, boolean, text),
	@extschema@.kms_schedule_key_deletion(text, integer),
	@extschema@.kms_cancel_key_deletion(text),
	@extschema@.kms_get_parameters_for_import(text, text, text),
	@extschema@.kms_import_key_material(text, bytea, bytea, timestamptz),
	@extschema@.kms_delete_key_material(text),
	@extschema@.kms_describe_key_version(text, text),
	@extschema@.kms_list_key_versions(text),
	@extschema@.kms_create_alias(text, text),
	@extschema@.kms_update_alias(text, text),
	@extschema@.kms_delete_alias(text),
	@extschema@.kms_list_aliases(),
	@extschema@.kms_list_aliases_by_key_id(text),
	@extschema@.kms_encrypt(text, bytea, jsonb),
	@extschema@.kms_encrypt(text, text, jsonb),
	@extschema@.kms_decrypt(bytea, jsonb),
	@extschema@.kms_decrypt_text(bytea, jsonb),
	@extschema@.kms_try_decrypt(bytea, jsonb),
	@extschema@.kms_try_decrypt_text(bytea, jsonb),
	@extschema@.kms_re_encrypt(bytea, text, jsonb, jsonb, text, text, text),
	@extschema@.kms_ciphertext_info(bytea),
	@extschema@.kms_generate_data_key(text, text, integer, jsonb),
	@extschema@.kms_generate_data_key_without_plaintext(text, text, integer, jsonb),
	@extschema@.kms_export_data_key(bytea, bytea, text, text, jsonb),
	@extschema@.kms_generate_and_export_data_key(text, bytea, text, text, text, integer, jsonb),
	@extschema@.kms_generate_random(integer),
	@extschema@.kms_get_random_password(integer, text, boolean, boolean, boolean, boolean, boolean),
	@extschema@.kms_asymmetric_sign(text, text, text, bytea),
	@extschema@.kms_asymmetric_verify(text, text, text, bytea, bytea),
	@extschema@.kms_asymmetric_encrypt(text, text, text, bytea),
	@extschema@.kms_asymmetric_decrypt(text, text, text, bytea),
	@extschema@.kms_get_public_key(text, text),
	@extschema@.kms_generate_mac(text, bytea),
	@extschema@.kms_verify_mac(text, bytea, bytea),
	@extschema@.kms_blind_index(text, text, jsonb),
	@extschema@.kms_envelope_encrypt(text, bytea, jsonb),
	@extschema@.kms_envelope_encrypt(text, text, jsonb),
	@extschema@.kms_encrypt_columns(),
	@extschema@.kms_protect_column(regclass, name, text, name[], boolean, text),
	@extschema@.kms_unprotect_column(regclass, name),
	@extschema@.kms_scan_column(regclass, name),
	kms.decrypt_column(bytea, "any"),
	kms.decrypt_column(text, "any"),
	kms.write_decrypted(),
	kms.protected_column_rows(),
	@extschema@.kms_tag_resource(jsonb, text, text, text),
	@extschema@.kms_untag_resource(text[], text, text, text),
	@extschema@.kms_list_resource_tags(text, text, text),
	@extschema@.kms_upload_certificate(text, text, text),
	@extschema@.kms_get_certificate(text),
	@extschema@.kms_describe_certificate(text),
	@extschema@.kms_update_certificate_status(text, text),
	@extschema@.kms_delete_certificate(text),
	@extschema@.kms_export_certificate(text, text),
	@extschema@.kms_certificate_private_key_sign(text, text, bytea, text),
	@extschema@.kms_certificate_public_key_verify(text, text, bytea, bytea, text),
	@extschema@.kms_certificate_public_key_encrypt(text, text, bytea),
	@extschema@.kms_certificate_private_key_decrypt(text, text, bytea),
	@extschema@.kms_list_certificates(text, text, text),
	@extschema@.kms_describe_secret(text, boolean),
	@extschema@.kms_list_secrets(jsonb, boolean),
	@extschema@.kms_get_secret_value(text, text, text, boolean),
	@extschema@.kms_put_secret_value(text, text, text, text[]),
	@extschema@.kms_put_secret_value(text, text, bytea, text[]),
	@extschema@.kms_update_secret(text, text, jsonb),
	@extschema@.kms_update_secret_version_stage(text, text, text, text),
	@extschema@.kms_list_secret_version_ids(text, boolean),
	@extschema@.kms_delete_secret(text, boolean, integer),
	@extschema@.kms_restore_secret(text),
	@extschema@.kms_rotate_secret(text, text),
	@extschema@.kms_update_secret_rotation_policy(text, boolean, interval),
	@extschema@.kms_grant(text, text, text[], jsonb, timestamptz),
	@extschema@.kms_revoke(text, text, text[]),
	@extschema@.kms_can(text, text, jsonb),
	@extschema@.kms_set_owner(text, text),
	@extschema@.kms_list_grants(text),
	@extschema@.kms_describe_regions(),
	@extschema@.kms_describe_account_kms_status(),
	@extschema@.kms_call(text, jsonb)
	TO PUBLIC;

GRANT EXECUTE ON PROCEDURE
	@extschema@.kms_encrypt_existing(regclass, name, integer),
	@extschema@.kms_reencrypt_column(regclass, name, integer)
	TO PUBLIC;
