-- Every public function that asks for a right on a key, secret or certificate, and every kind of role: allowed or refused.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
\set authority :here /sql/include/ca.psql
\i :authority
SELECT plan(239);

-- ---- the table ------------------------------------------------------------

/*
 * Who may call what, by class of function.  The grant that grantees hold is one of
 * the very operation that the function asks for; "others" hold every operation but
 * that.  in_context: the grant is bound to a pair that the call has in its context, if
 * it can have one; out_of_context: to a pair that it has not.  On a secret or certificate no
 * such grant can be given.
 */
CREATE TEMP TABLE rule (class text, owner boolean, member_of_owner boolean, grantee boolean, member_of_grantee boolean, everyone boolean, in_context boolean,
						out_of_context boolean, expired boolean, revoked boolean, void boolean, others boolean, stranger boolean, superuser boolean);
INSERT INTO rule VALUES
	--                          owner  member grantee member everyone in     out    expired revoked void   others stranger superuser
	('uses, with a context',    true,  true,  true,   true,  true,    true,  false, false,  false,  false, false, false,   false),
	('uses',                    true,  true,  true,   true,  true,    false, false, false,  false,  false, false, false,   false),
	('manages',                 true,  true,  true,   true,  true,    false, false, false,  false,  false, false, false,   true),
	('is for owners',           true,  true,  false,  false, false,   false, false, false,  false,  false, false, false,   true);

/*
 * The functions.  asks: the operation.  In a statement %1$L is the key, %2$L a
 * version of it, %3$L a ciphertext of it, %4$L an alias of it; the context is
 * {"a": "1"} throughout.  Of a secret %1$L is secret/ and the name, %4$L the name; of a
 * certificate %1$L is certificate/ and the id, %4$L the id.  key: which one.  outcome: of the call, where it is allowed.
 */
CREATE TEMP TABLE call (function text, class text, asks text, key text, statement text, outcome text DEFAULT 'fine');
INSERT INTO call (function, class, asks, key, statement) VALUES
	('kms_encrypt(text,bytea,jsonb)', 'uses, with a context', 'Encrypt', 'symmetric', 'SELECT kms_encrypt(%1$L, ''x''::bytea, ''{"a": "1"}'')'),
	('kms_encrypt(text,text,jsonb)', 'uses, with a context', 'Encrypt', 'symmetric', 'SELECT kms_encrypt(%1$L, ''x''::text, ''{"a": "1"}'')'),
	('kms_encrypt(text,text,jsonb)', 'uses', 'Encrypt', 'symmetric', 'SELECT kms_encrypt(%1$L, ''x''::text)'),
	('kms_encrypt(text,text,jsonb)', 'uses', 'Encrypt', 'symmetric', 'SELECT kms_encrypt(%4$L, ''x''::text, ''{"a": "2"}'')'),
	('kms_decrypt(bytea,jsonb)', 'uses, with a context', 'Decrypt', 'symmetric', 'SELECT kms_decrypt(%3$L, ''{"a": "1"}'')'),
	('kms_decrypt_text(bytea,jsonb)', 'uses, with a context', 'Decrypt', 'symmetric', 'SELECT kms_decrypt_text(%3$L, ''{"a": "1"}'')'),
	('kms_decrypt_text(bytea,jsonb)', 'uses, with a context', 'Decrypt', 'envelope', 'SELECT kms_decrypt_text(%3$L, ''{"a": "1"}'')'),
	('kms_try_decrypt(bytea,jsonb)', 'uses, with a context', 'Decrypt', 'symmetric', 'SELECT kms_try_decrypt(%3$L, ''{"a": "1"}'')'),
	('kms_try_decrypt_text(bytea,jsonb)', 'uses, with a context', 'Decrypt', 'envelope', 'SELECT kms_try_decrypt_text(%3$L, ''{"a": "1"}'')'),
	('kms_re_encrypt(bytea,text,jsonb,jsonb,text,text,text)', 'uses, with a context', 'ReEncrypt', 'symmetric', 'SELECT kms_re_encrypt(%3$L, %1$L, ''{"a": "1"}'', ''{"a": "1"}'')'),
	('kms_re_encrypt(bytea,text,jsonb,jsonb,text,text,text)', 'uses', 'ReEncrypt', 'symmetric', 'SELECT kms_re_encrypt(%3$L, %1$L, ''{"a": "1"}'')'),
	('kms_re_encrypt(bytea,text,jsonb,jsonb,text,text,text)', 'uses, with a context', 'ReEncrypt', 'envelope', 'SELECT kms_re_encrypt(%3$L, %1$L, ''{"a": "1"}'', ''{"a": "1"}'')'),
	('kms_generate_data_key(text,text,integer,jsonb)', 'uses, with a context', 'GenerateDataKey', 'symmetric', 'SELECT kms_generate_data_key(%1$L, encryption_context => ''{"a": "1"}'')'),
	('kms_generate_data_key_without_plaintext(text,text,integer,jsonb)', 'uses, with a context', 'GenerateDataKeyWithoutPlaintext', 'symmetric',
		'SELECT kms_generate_data_key_without_plaintext(%1$L, encryption_context => ''{"a": "1"}'')'),
	('kms_export_data_key(bytea,bytea,text,text,jsonb)', 'uses, with a context', 'ExportDataKey', 'symmetric',
		'SELECT kms_export_data_key(%3$L, current_setting(''test.public_key'')::bytea, ''RSA_2048'', ''RSAES_OAEP_SHA_256'', ''{"a": "1"}'')'),
	('kms_generate_and_export_data_key(text,bytea,text,text,text,integer,jsonb)', 'uses, with a context', 'GenerateAndExportDataKey', 'symmetric',
		'SELECT kms_generate_and_export_data_key(%1$L, current_setting(''test.public_key'')::bytea, ''RSA_2048'', ''RSAES_OAEP_SHA_256'', encryption_context => ''{"a": "1"}'')'),
	('kms_envelope_encrypt(text,bytea,jsonb)', 'uses, with a context', 'Encrypt', 'symmetric', 'SELECT kms_envelope_encrypt(%1$L, ''x''::bytea, ''{"a": "1"}'')'),
	('kms_envelope_encrypt(text,text,jsonb)', 'uses, with a context', 'Encrypt', 'symmetric', 'SELECT kms_envelope_encrypt(%1$L, ''x''::text, ''{"a": "1"}'')'),
	('kms_encrypt_columns()', 'uses, with a context', 'Encrypt', 'symmetric', 'CREATE TEMP TABLE m (v text, a text); '
		'CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON m FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(%1$L, ''v'', ''a''); INSERT INTO m VALUES (''x'', ''1'')'),
	('kms_protect_column(regclass,name,text,name[],boolean,text)', 'uses', 'Encrypt', 'symmetric', 'CREATE TEMP TABLE m (a text PRIMARY KEY, v text); SELECT kms_protect_column(''m'', ''v'', %1$L)'),
	('kms_protect_column(regclass,name,text,name[],boolean,text)', 'uses', 'Encrypt', 'symmetric', 'CREATE TEMP TABLE m (a text PRIMARY KEY, v text); SELECT kms_protect_column(''m'', ''v'', %4$L, ''{}'')'),
	('kms_protect_column(regclass,name,text,name[],boolean,text)', 'uses', 'GenerateMac', 'mac', 'CREATE TEMP TABLE m (a text PRIMARY KEY, v text); '
		'SELECT kms_protect_column(''m'', ''v'', current_setting(''test.everyones_key''), blind_index => true, blind_index_key_id => %1$L)'),
	('kms_unprotect_column(regclass,name)', 'uses, with a context', 'Decrypt', 'column', 'CREATE TEMP TABLE m (a text PRIMARY KEY, v text); INSERT INTO m VALUES (''1'', ''kms:1:'' || translate(encode(%3$L::bytea, ''base64''), E''\n'', '''')); '
		'CREATE TRIGGER seal BEFORE INSERT OR UPDATE ON m FOR EACH ROW EXECUTE FUNCTION kms_encrypt_columns(%1$L, ''v'', ''a'', ''m''); SELECT kms_unprotect_column(''m'', ''v'')'),
	('kms.decrypt_column(bytea,"any")', 'uses, with a context', 'Decrypt', 'symmetric', 'SELECT kms.decrypt_column(%3$L::bytea, ''a''::text, 1)'),
	('kms.decrypt_column(text,"any")', 'uses, with a context', 'Decrypt', 'envelope', 'SELECT kms.decrypt_column(''kms:1:'' || translate(encode(%3$L::bytea, ''base64''), E''\n'', ''''), ''a''::text, ''1''::text)'),
	('kms_blind_index(text,text,jsonb)', 'uses, with a context', 'GenerateMac', 'mac', 'SELECT kms_blind_index(%1$L, ''x'', ''{"a": "1"}'')'),
	('kms_generate_mac(text,bytea)', 'uses', 'GenerateMac', 'mac', 'SELECT kms_generate_mac(%1$L, ''x'')'),
	('kms_verify_mac(text,bytea,bytea)', 'uses', 'VerifyMac', 'mac', 'SELECT kms_verify_mac(%1$L, ''x'', ''x'')'),
	('kms_asymmetric_sign(text,text,text,bytea)', 'uses', 'AsymmetricSign', 'signing', 'SELECT kms_asymmetric_sign(%1$L, NULL, ''ECDSA_SHA_256'', sha256(''x''))'),
	('kms_asymmetric_verify(text,text,text,bytea,bytea)', 'uses', 'AsymmetricVerify', 'signing', 'SELECT kms_asymmetric_verify(%1$L, %2$L, ''ECDSA_SHA_256'', sha256(''x''), ''x'')'),
	('kms_call(text,jsonb)', 'uses, with a context', 'Encrypt', 'symmetric', 'SELECT kms_call(''Encrypt'', jsonb_build_object(''KeyId'', %1$L::text, ''Plaintext'', ''eA=='', ''EncryptionContext'', ''{"a": "1"}''))'),
	('kms_call(text,jsonb)', 'uses, with a context', 'Decrypt', 'symmetric', 'SELECT kms_call(''Decrypt'', jsonb_build_object(''CiphertextBlob'', translate(encode(%3$L::bytea, ''base64''), E''\n'', ''''), ''EncryptionContext'', ''{"a": "1"}''))'),
	('kms_call(text,jsonb)', 'uses', 'AsymmetricSign', 'signing', 'SELECT kms_call(''AsymmetricSign'', jsonb_build_object(''KeyId'', %4$L::text, ''KeyVersionId'', %2$L::text, ''Algorithm'', ''ECDSA_SHA_256'', ''Digest'', encode(sha256(''x''), ''base64'')))'),
	('kms_call(text,jsonb)', 'manages', 'DescribeKey', 'symmetric', 'SELECT kms_call(''DescribeKey'', jsonb_build_object(''KeyId'', %1$L::text))'),
	('kms_call(text,jsonb)', 'manages', 'CreateKeyVersion', 'symmetric', 'SELECT kms_call(''CreateKeyVersion'', jsonb_build_object(''KeyId'', %1$L::text))'),
	('kms_call(text,jsonb)', 'manages', 'ListAliasesByKeyId', 'symmetric', 'SELECT kms_call(''ListAliasesByKeyId'', jsonb_build_object(''KeyId'', %1$L::text))'),
	('kms_call(text,jsonb)', 'manages', 'ListResourceTags', 'symmetric', 'SELECT kms_call(''ListResourceTags'', jsonb_build_object(''KeyId'', %4$L::text))'),
	('kms_get_public_key(text,text)', 'uses', 'GetPublicKey', 'signing', 'SELECT kms_get_public_key(%1$L)'),
	('kms_get_public_key(text,text)', 'uses', 'GetPublicKey', 'pair', 'SELECT kms_get_public_key(%1$L, %2$L)'),
	('kms_asymmetric_encrypt(text,text,text,bytea)', 'uses', 'AsymmetricEncrypt', 'pair', 'SELECT kms_asymmetric_encrypt(%1$L, NULL, ''RSAES_OAEP_SHA_256'', ''x'')'),
	('kms_asymmetric_decrypt(text,text,text,bytea)', 'uses', 'AsymmetricDecrypt', 'pair', 'SELECT kms_asymmetric_decrypt(%1$L, %2$L, ''RSAES_OAEP_SHA_256'', %3$L)'),
	('kms_re_encrypt(bytea,text,jsonb,jsonb,text,text,text)', 'uses', 'ReEncrypt', 'pair',
		'SELECT kms_re_encrypt(%3$L, current_setting(''test.everyones_key''), source_key_id => %1$L, source_key_version_id => %2$L, source_encryption_algorithm => ''RSAES_OAEP_SHA_256'')'),

	('kms_describe_key(text)', 'manages', 'DescribeKey', 'symmetric', 'SELECT kms_describe_key(%1$L)'),
	('kms_describe_key(text)', 'manages', 'DescribeKey', 'symmetric', 'SELECT kms_describe_key(%4$L)'),
	('kms_list_keys(jsonb)', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms_list_keys() WHERE key_id = %1$L$q$)'),
	('kms_list_keys(jsonb)', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms_list_keys(''[{"Key": "keyId", "Values": ["%1$s"]}]'')$q$)'),
	('kms_list_aliases()', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms_list_aliases() WHERE key_id = %1$L$q$)'),
	('kms_list_grants(text)', 'manages', 'DescribeKey', 'symmetric', 'SELECT kms_list_grants(%1$L)'),
	('kms_list_grants(text)', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms_list_grants() WHERE resource = %1$L$q$)'),
	('kms_ciphertext_info(bytea)', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT WHERE (kms_ciphertext_info(%3$L)).key_id IS NOT NULL$q$)'),
	('kms.keys', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms.keys WHERE key_id = %1$L$q$)'),
	('kms.key_versions', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms.key_versions WHERE key_id = %1$L$q$)'),
	('kms.aliases', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms.aliases WHERE key_id = %1$L$q$)'),
	('kms.grants', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms.grants WHERE resource = %1$L$q$)'),
	('kms.jobs', 'manages', 'DescribeKey', 'rotating', 'SELECT pg_temp.found($q$SELECT FROM kms.jobs WHERE resource = %1$L$q$)'),
	('kms_describe_key_version(text,text)', 'manages', 'DescribeKeyVersion', 'symmetric', 'SELECT kms_describe_key_version(%1$L, %2$L)'),
	('kms_list_key_versions(text)', 'manages', 'ListKeyVersions', 'symmetric', 'SELECT kms_list_key_versions(%1$L)'),
	('kms_list_aliases_by_key_id(text)', 'manages', 'ListAliasesByKeyId', 'symmetric', 'SELECT kms_list_aliases_by_key_id(%1$L)'),
	('kms_enable_key(text)', 'manages', 'EnableKey', 'symmetric', 'SELECT kms_enable_key(%1$L)'),
	('kms_disable_key(text)', 'manages', 'DisableKey', 'symmetric', 'SELECT kms_disable_key(%1$L)'),
	('kms_update_key_description(text,text)', 'manages', 'UpdateKeyDescription', 'symmetric', 'SELECT kms_update_key_description(%1$L, ''x'')'),
	('kms_create_key_version(text)', 'manages', 'CreateKeyVersion', 'symmetric', 'SELECT kms_create_key_version(%1$L)'),
	('kms_update_rotation_policy(text,boolean,interval)', 'manages', 'UpdateRotationPolicy', 'symmetric', 'SELECT kms_update_rotation_policy(%1$L, true, ''7 days'')'),
	('kms_set_deletion_protection(text,boolean,text)', 'manages', 'SetDeletionProtection', 'symmetric', 'SELECT kms_set_deletion_protection(%1$L, true)'),
	('kms_schedule_key_deletion(text,integer)', 'manages', 'ScheduleKeyDeletion', 'symmetric', 'SELECT kms_schedule_key_deletion(%1$L, 7)'),
	('kms_cancel_key_deletion(text)', 'manages', 'CancelKeyDeletion', 'doomed', 'SELECT kms_cancel_key_deletion(%1$L)'),
	('kms_get_parameters_for_import(text,text,text)', 'manages', 'GetParametersForImport', 'external', 'SELECT kms_get_parameters_for_import(%1$L)'),
	('kms_delete_key_material(text)', 'manages', 'DeleteKeyMaterial', 'external', 'SELECT kms_delete_key_material(%1$L)'),
	('kms_create_alias(text,text)', 'manages', 'CreateAlias', 'symmetric', 'SELECT kms_create_alias(%1$L, ''alias/matrix-new'')'),
	('kms_update_alias(text,text)', 'manages', 'UpdateAlias', 'symmetric', 'SELECT kms_update_alias(%1$L, %4$L)'),
	('kms_delete_alias(text)', 'manages', 'DeleteAlias', 'symmetric', 'SELECT kms_delete_alias(%4$L)'),
	('kms_tag_resource(jsonb,text,text,text)', 'manages', 'TagResource', 'symmetric', 'SELECT kms_tag_resource(''{"a": "2"}'', %1$L)'),
	('kms_tag_resource(jsonb,text,text,text)', 'manages', 'TagResource', 'external', 'SELECT kms_tag_resource(''{"b": "1"}'', %4$L)'),
	('kms_untag_resource(text[],text,text,text)', 'manages', 'UntagResource', 'symmetric', 'SELECT kms_untag_resource(''{a}'', %1$L)'),
	('kms_untag_resource(text[],text,text,text)', 'manages', 'UntagResource', 'pair', 'SELECT kms_untag_resource(''{a}'', %4$L)'),
	('kms_list_resource_tags(text,text,text)', 'manages', 'ListResourceTags', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms_list_resource_tags(%1$L) WHERE tag_key = ''a''$q$)'),
	('kms_list_resource_tags(text,text,text)', 'manages', 'ListResourceTags', 'doomed', 'SELECT kms_list_resource_tags(%4$L)'),
	('kms_list_keys(jsonb)', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms_list_keys(''[{"Key": "TagKey", "Values": ["a"]}, {"Key": "TagValue", "Values": ["1"]}]'') WHERE key_id = %1$L$q$)'),
	('kms.tags', 'manages', 'DescribeKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT FROM kms.tags WHERE resource = %1$L$q$)'),

	('kms_create_secret(text,text,text,text,text,text,jsonb,jsonb,boolean,interval)', 'uses', 'GenerateDataKey', 'symmetric', 'SELECT kms_create_secret(''matrix/new'', ''v1'', ''x''::text, encryption_key_id => %1$L)'),
	('kms_create_secret(text,text,bytea,text,text,text,jsonb,jsonb,boolean,interval)', 'uses', 'GenerateDataKey', 'symmetric', 'SELECT kms_create_secret(''matrix/new'', ''v1'', ''x''::bytea, encryption_key_id => %4$L)'),
	('kms_get_secret_value(text,text,text,boolean)', 'uses', 'GetSecretValue', 'generic', 'SELECT kms_get_secret_value(%4$L)'),
	('kms_get_secret_value(text,text,text,boolean)', 'uses', 'GetSecretValue', 'generic', 'SELECT kms_get_secret_value(%4$L, NULL, %2$L)'),
	('kms_get_secret_value(text,text,text,boolean)', 'uses', 'GetSecretValue', 'rds', 'SELECT kms_get_secret_value(%4$L, ''ACSCurrent'', fetch_extended_config => true)'),
	('kms_describe_secret(text,boolean)', 'manages', 'DescribeSecret', 'generic', 'SELECT kms_describe_secret(%4$L)'),
	('kms_describe_secret(text,boolean)', 'manages', 'DescribeSecret', 'doomed secret', 'SELECT kms_describe_secret(%4$L, true)'),
	('kms_list_secrets(jsonb,boolean)', 'manages', 'DescribeSecret', 'generic', 'SELECT pg_temp.found($q$SELECT FROM kms_list_secrets() WHERE secret_name = %4$L$q$)'),
	('kms_list_secrets(jsonb,boolean)', 'manages', 'DescribeSecret', 'rds', 'SELECT pg_temp.found($q$SELECT FROM kms_list_secrets(''[{"Key": "SecretName", "Values": ["%4$s"]}]'')$q$)'),
	('kms_list_grants(text)', 'manages', 'DescribeSecret', 'generic', 'SELECT kms_list_grants(%1$L)'),
	('kms_list_grants(text)', 'manages', 'DescribeSecret', 'generic', 'SELECT pg_temp.found($q$SELECT FROM kms_list_grants() WHERE resource = %1$L$q$)'),
	('kms.secrets', 'manages', 'DescribeSecret', 'generic', 'SELECT pg_temp.found($q$SELECT FROM kms.secrets WHERE secret_name = %4$L$q$)'),
	('kms.secret_versions', 'manages', 'DescribeSecret', 'generic', 'SELECT pg_temp.found($q$SELECT FROM kms.secret_versions WHERE secret_name = %4$L$q$)'),
	('kms.grants', 'manages', 'DescribeSecret', 'generic', 'SELECT pg_temp.found($q$SELECT FROM kms.grants WHERE resource = %1$L$q$)'),
	('kms.jobs', 'manages', 'DescribeSecret', 'rds', 'SELECT pg_temp.found($q$SELECT FROM kms.jobs WHERE name = %1$L$q$)'),
	('kms.jobs', 'manages', 'DescribeSecret', 'doomed secret', 'SELECT pg_temp.found($q$SELECT FROM kms.jobs WHERE name = %1$L$q$)'),
	('kms_list_secrets(jsonb,boolean)', 'manages', 'DescribeSecret', 'generic', 'SELECT pg_temp.found($q$SELECT FROM kms_list_secrets(''[{"Key": "TagKey", "Values": ["a"]}, {"Key": "TagValue", "Values": ["1"]}]'', true) WHERE secret_name = %4$L AND tags <> ''[]''$q$)'),
	('kms.tags', 'manages', 'DescribeSecret', 'generic', 'SELECT pg_temp.found($q$SELECT FROM kms.tags WHERE resource = %1$L$q$)'),
	('kms_tag_resource(jsonb,text,text,text)', 'manages', 'TagResource', 'generic', 'SELECT kms_tag_resource(''{"a": "2"}'', secret_name => %4$L)'),
	('kms_tag_resource(jsonb,text,text,text)', 'manages', 'TagResource', 'rds', 'SELECT kms_tag_resource(''[{"TagKey": "b", "TagValue": "1"}]'', secret_name => %4$L)'),
	('kms_untag_resource(text[],text,text,text)', 'manages', 'UntagResource', 'generic', 'SELECT kms_untag_resource(''{a}'', secret_name => %4$L)'),
	('kms_untag_resource(text[],text,text,text)', 'manages', 'UntagResource', 'doomed secret', 'SELECT kms_untag_resource(''{a}'', secret_name => %4$L)'),
	('kms_list_resource_tags(text,text,text)', 'manages', 'ListResourceTags', 'generic', 'SELECT pg_temp.found($q$SELECT FROM kms_list_resource_tags(secret_name => %4$L) WHERE tag_key = ''a''$q$)'),
	('kms_list_secret_version_ids(text,boolean)', 'manages', 'ListSecretVersionIds', 'generic', 'SELECT kms_list_secret_version_ids(%4$L)'),
	('kms_list_secret_version_ids(text,boolean)', 'manages', 'ListSecretVersionIds', 'doomed secret', 'SELECT kms_list_secret_version_ids(%4$L, true)'),
	('kms_put_secret_value(text,text,text,text[])', 'manages', 'PutSecretValue', 'generic', 'SELECT kms_put_secret_value(%4$L, ''v2'', ''x''::text)'),
	('kms_put_secret_value(text,text,text,text[])', 'manages', 'PutSecretValue', 'generic', 'SELECT kms_put_secret_value(%4$L, %2$L, ''x''::text)'),
	('kms_put_secret_value(text,text,bytea,text[])', 'manages', 'PutSecretValue', 'generic', 'SELECT kms_put_secret_value(%4$L, ''v2'', ''x''::bytea, ''{own}'')'),
	('kms_update_secret(text,text,jsonb)', 'manages', 'UpdateSecret', 'generic', 'SELECT kms_update_secret(%4$L, ''x'')'),
	('kms_update_secret(text,text,jsonb)', 'manages', 'UpdateSecret', 'rds', 'SELECT kms_update_secret(%4$L, custom_data => ''{"a": "b"}'')'),
	('kms_update_secret_version_stage(text,text,text,text)', 'manages', 'UpdateSecretVersionStage', 'generic', 'SELECT kms_update_secret_version_stage(%4$L, ''own'', %2$L)'),
	('kms_delete_secret(text,boolean,integer)', 'manages', 'DeleteSecret', 'generic', 'SELECT kms_delete_secret(%4$L)'),
	('kms_delete_secret(text,boolean,integer)', 'manages', 'DeleteSecret', 'doomed secret', 'SELECT kms_delete_secret(%4$L, true)'),
	('kms_restore_secret(text)', 'manages', 'RestoreSecret', 'doomed secret', 'SELECT kms_restore_secret(%4$L)'),
	('kms_rotate_secret(text,text)', 'manages', 'RotateSecret', 'rds', 'SELECT kms_rotate_secret(%4$L)'),
	('kms_rotate_secret(text,text)', 'manages', 'RotateSecret', 'rds', 'SELECT kms_rotate_secret(%4$L, %2$L)'),
	('kms_update_secret_rotation_policy(text,boolean,interval)', 'manages', 'UpdateSecretRotationPolicy', 'rds', 'SELECT kms_update_secret_rotation_policy(%4$L, true, ''7 days'')'),
	('kms_grant(text,text,text[],jsonb,timestamp with time zone)', 'is for owners', 'Grant', 'generic', 'SELECT kms_grant(%1$L, ''kms_test_stranger'', ''{*}'')'),
	('kms_revoke(text,text,text[])', 'is for owners', 'Revoke', 'generic', 'SELECT kms_revoke(%1$L, ''kms_test_stranger'')'),
	('kms_set_owner(text,text)', 'is for owners', 'SetOwner', 'generic', 'SELECT kms_set_owner(%1$L, ''kms_test_stranger'')'),
	('kms_set_owner(text,text)', 'is for owners', 'SetOwner', 'rds', 'SELECT kms_set_owner(%1$L, ''kms_test_owner'')'),
	('kms_can(text,text,jsonb)', 'is for owners', 'Grant', 'generic', 'SELECT pg_temp.found($q$SELECT WHERE kms_can(''Grant'', %1$L)$q$)'),
	('kms_can(text,text,jsonb)', 'manages', 'RotateSecret', 'rds', 'SELECT pg_temp.found($q$SELECT WHERE kms_can(''RotateSecret'', %1$L)$q$)'),
	('kms_can(text,text,jsonb)', 'uses', 'GetSecretValue', 'generic', 'SELECT pg_temp.found($q$SELECT WHERE kms_can(''GetSecretValue'', %1$L, ''{"a": "1"}'')$q$)'),

	('kms_certificate_private_key_sign(text,text,bytea,text)', 'uses', 'CertificatePrivateKeySign', 'certificate', 'SELECT kms_certificate_private_key_sign(%4$L, ''RSA_PSS_SHA_256'', ''x'')'),
	('kms_certificate_private_key_sign(text,text,bytea,text)', 'uses', 'CertificatePrivateKeySign', 'certificate', 'SELECT kms_certificate_private_key_sign(%4$L, ''RSA_PKCS1_SHA_256'', sha256(''x''), ''DIGEST'')'),
	('kms_certificate_public_key_verify(text,text,bytea,bytea,text)', 'uses', 'CertificatePublicKeyVerify', 'certificate', 'SELECT kms_certificate_public_key_verify(%4$L, ''RSA_PSS_SHA_256'', ''x'', ''x'')'),
	('kms_certificate_public_key_verify(text,text,bytea,bytea,text)', 'uses', 'CertificatePublicKeyVerify', 'revoked certificate', 'SELECT kms_certificate_public_key_verify(%4$L, ''ECDSA_SHA_256'', ''x'', ''x'')'),
	('kms_certificate_public_key_encrypt(text,text,bytea)', 'uses', 'CertificatePublicKeyEncrypt', 'certificate', 'SELECT kms_certificate_public_key_encrypt(%4$L, ''RSAES_OAEP_SHA_256'', ''x'')'),
	('kms_certificate_private_key_decrypt(text,text,bytea)', 'uses', 'CertificatePrivateKeyDecrypt', 'certificate', 'SELECT kms_certificate_private_key_decrypt(%4$L, ''RSAES_OAEP_SHA_256'', %3$L)'),
	('kms_export_certificate(text,text)', 'uses', 'ExportCertificate', 'certificate', 'SELECT kms_export_certificate(%4$L, ''x'')'),
	('kms_describe_certificate(text)', 'manages', 'DescribeCertificate', 'certificate', 'SELECT kms_describe_certificate(%4$L)'),
	('kms_describe_certificate(text)', 'manages', 'DescribeCertificate', 'pending certificate', 'SELECT kms_describe_certificate((SELECT arn FROM subject WHERE key = ''pending certificate''))'),
	('kms_get_certificate(text)', 'manages', 'GetCertificate', 'certificate', 'SELECT kms_get_certificate(%4$L)'),
	('kms_get_certificate(text)', 'manages', 'GetCertificate', 'pending certificate', 'SELECT kms_get_certificate(%4$L)'),
	('kms_list_certificates(text,text,text)', 'manages', 'DescribeCertificate', 'certificate', 'SELECT pg_temp.found($q$SELECT FROM kms_list_certificates() WHERE certificate_id = %4$L$q$)'),
	('kms_list_certificates(text,text,text)', 'manages', 'DescribeCertificate', 'pending certificate', 'SELECT pg_temp.found($q$SELECT FROM kms_list_certificates(''MATRIX'', status => ''PENDING'')$q$)'),
	('kms.certificates', 'manages', 'DescribeCertificate', 'certificate', 'SELECT pg_temp.found($q$SELECT FROM kms.certificates WHERE certificate_id = %4$L$q$)'),
	('kms_list_grants(text)', 'manages', 'DescribeCertificate', 'certificate', 'SELECT kms_list_grants(%1$L)'),
	('kms_list_grants(text)', 'manages', 'DescribeCertificate', 'certificate', 'SELECT pg_temp.found($q$SELECT FROM kms_list_grants() WHERE resource = %1$L$q$)'),
	('kms.grants', 'manages', 'DescribeCertificate', 'certificate', 'SELECT pg_temp.found($q$SELECT FROM kms.grants WHERE resource = %1$L$q$)'),
	('kms.jobs', 'manages', 'DescribeCertificate', 'certificate', 'SELECT pg_temp.found($q$SELECT FROM kms.jobs WHERE name = %1$L$q$)'),
	('kms.tags', 'manages', 'DescribeCertificate', 'certificate', 'SELECT pg_temp.found($q$SELECT FROM kms.tags WHERE resource = %1$L$q$)'),
	('kms_tag_resource(jsonb,text,text,text)', 'manages', 'TagResource', 'certificate', 'SELECT kms_tag_resource(''{"a": "2"}'', certificate_id => %4$L)'),
	('kms_tag_resource(jsonb,text,text,text)', 'manages', 'TagResource', 'revoked certificate', 'SELECT kms_tag_resource(''{"a": "2"}'', certificate_id => %4$L)'),
	('kms_untag_resource(text[],text,text,text)', 'manages', 'UntagResource', 'certificate', 'SELECT kms_untag_resource(''{a}'', certificate_id => %4$L)'),
	('kms_list_resource_tags(text,text,text)', 'manages', 'ListResourceTags', 'certificate', 'SELECT pg_temp.found($q$SELECT FROM kms_list_resource_tags(certificate_id => %4$L) WHERE tag_key = ''a''$q$)'),
	('kms_upload_certificate(text,text,text)', 'manages', 'UploadCertificate', 'certificate', 'SELECT kms_upload_certificate(%4$L, current_setting(''test.certificate''))'),
	('kms_update_certificate_status(text,text)', 'manages', 'UpdateCertificateStatus', 'certificate', 'SELECT kms_update_certificate_status(%4$L, ''INACTIVE'')'),
	('kms_delete_certificate(text)', 'manages', 'DeleteCertificate', 'certificate', 'SELECT kms_delete_certificate(%4$L)'),
	('kms_delete_certificate(text)', 'manages', 'DeleteCertificate', 'revoked certificate', 'SELECT kms_delete_certificate(%4$L)'),
	('kms_grant(text,text,text[],jsonb,timestamp with time zone)', 'is for owners', 'Grant', 'certificate', 'SELECT kms_grant(%1$L, ''kms_test_stranger'', ''{*}'')'),
	('kms_revoke(text,text,text[])', 'is for owners', 'Revoke', 'certificate', 'SELECT kms_revoke(%1$L, ''kms_test_stranger'')'),
	('kms_set_owner(text,text)', 'is for owners', 'SetOwner', 'certificate', 'SELECT kms_set_owner(%1$L, ''kms_test_stranger'')'),
	('kms_can(text,text,jsonb)', 'is for owners', 'Grant', 'certificate', 'SELECT pg_temp.found($q$SELECT WHERE kms_can(''Grant'', %1$L)$q$)'),
	('kms_can(text,text,jsonb)', 'manages', 'UploadCertificate', 'certificate', 'SELECT pg_temp.found($q$SELECT WHERE kms_can(''UploadCertificate'', %1$L)$q$)'),
	('kms_can(text,text,jsonb)', 'uses', 'ExportCertificate', 'certificate', 'SELECT pg_temp.found($q$SELECT WHERE kms_can(''ExportCertificate'', %1$L, ''{"a": "1"}'')$q$)'),

	('kms_grant(text,text,text[],jsonb,timestamp with time zone)', 'is for owners', 'Grant', 'symmetric', 'SELECT kms_grant(%1$L, ''kms_test_stranger'', ''{*}'')'),
	('kms_revoke(text,text,text[])', 'is for owners', 'Revoke', 'symmetric', 'SELECT kms_revoke(%1$L, ''kms_test_stranger'')'),
	('kms_set_owner(text,text)', 'is for owners', 'SetOwner', 'symmetric', 'SELECT kms_set_owner(%4$L, ''kms_test_stranger'')'),
	('kms_can(text,text,jsonb)', 'is for owners', 'Grant', 'symmetric', 'SELECT pg_temp.found($q$SELECT WHERE kms_can(''Grant'', %1$L)$q$)'),
	('kms_can(text,text,jsonb)', 'manages', 'DisableKey', 'symmetric', 'SELECT pg_temp.found($q$SELECT WHERE kms_can(''DisableKey'', %4$L)$q$)'),
	('kms_can(text,text,jsonb)', 'uses', 'Decrypt', 'symmetric', 'SELECT pg_temp.found($q$SELECT WHERE kms_can(''Decrypt'', %1$L)$q$)'),
	('kms_can(text,text,jsonb)', 'uses, with a context', 'Decrypt', 'symmetric', 'SELECT pg_temp.found($q$SELECT WHERE kms_can(''Decrypt'', %1$L, ''{"a": "1"}'')$q$)');
/* What is wrong with the arguments is told to those only who may. */
INSERT INTO call (function, class, asks, key, statement, outcome) VALUES
	('kms_import_key_material(text,bytea,bytea,timestamp with time zone)', 'manages', 'ImportKeyMaterial', 'external', 'SELECT kms_import_key_material(%1$L, ''x'', ''x'')', '22023|InvalidImportToken'),
	('kms_encrypt(text,bytea,jsonb)', 'uses', 'Encrypt', 'mac', 'SELECT kms_encrypt(%1$L, ''x''::bytea)', '0A000|UnsupportedOperation'),
	('kms_encrypt(text,bytea,jsonb)', 'uses', 'Encrypt', 'doomed', 'SELECT kms_encrypt(%1$L, ''x''::bytea)', '55000|Rejected.PendingDeletion'),
	('kms_generate_mac(text,bytea)', 'uses', 'GenerateMac', 'symmetric', 'SELECT kms_generate_mac(%1$L, ''x'')', '0A000|UnsupportedOperation'),
	('kms_asymmetric_sign(text,text,text,bytea)', 'uses', 'AsymmetricSign', 'symmetric', 'SELECT kms_asymmetric_sign(%1$L, NULL, ''ECDSA_SHA_256'', sha256(''x''))', '0A000|Rejected.UnsupportedOperation'),
	('kms_update_rotation_policy(text,boolean,interval)', 'manages', 'UpdateRotationPolicy', 'external', 'SELECT kms_update_rotation_policy(%1$L, true, ''7 days'')', '0A000|Rejected.UnsupportedOperation'),
	('kms_describe_key_version(text,text)', 'manages', 'DescribeKeyVersion', 'symmetric', 'SELECT kms_describe_key_version(%1$L, %1$L)', '42704|Forbidden.KeyVersionNotFound'),
	('kms_tag_resource(jsonb,text,text,text)', 'manages', 'TagResource', 'doomed', 'SELECT kms_tag_resource(''{"a": "1"}'', %1$L)', '55000|Rejected.PendingDeletion'),
	('kms_tag_resource(jsonb,text,text,text)', 'manages', 'TagResource', 'symmetric', 'SELECT kms_tag_resource((SELECT jsonb_object_agg(n, '''') FROM generate_series(1, 20) n), %1$L)', '54000|Rejected.LimitExceeded'),
	('kms_untag_resource(text[],text,text,text)', 'manages', 'UntagResource', 'doomed', 'SELECT kms_untag_resource(''{a}'', %1$L)', '55000|Rejected.PendingDeletion'),
	('kms_get_secret_value(text,text,text,boolean)', 'uses', 'GetSecretValue', 'doomed secret', 'SELECT kms_get_secret_value(%4$L)', '55000|Rejected.ResourceInDeleteWindow'),
	('kms_get_secret_value(text,text,text,boolean)', 'uses', 'GetSecretValue', 'generic', 'SELECT kms_get_secret_value(%4$L, ''ACSPrevious'')', '42704|Forbidden.ResourceNotFound'),
	('kms_put_secret_value(text,text,text,text[])', 'manages', 'PutSecretValue', 'rds', 'SELECT kms_put_secret_value(%4$L, ''v2'', ''x''::text)', '0A000|Rejected.UnsupportedOperation'),
	('kms_put_secret_value(text,text,text,text[])', 'manages', 'PutSecretValue', 'generic', 'SELECT kms_put_secret_value(%4$L, %2$L, ''another''::text)', '42710|Rejected.ResourceExist'),
	('kms_update_secret(text,text,jsonb)', 'manages', 'UpdateSecret', 'generic', 'SELECT kms_update_secret(%4$L, custom_data => ''{}'')', '0A000|Rejected.UnsupportedOperation'),
	('kms_update_secret_version_stage(text,text,text,text)', 'manages', 'UpdateSecretVersionStage', 'generic', 'SELECT kms_update_secret_version_stage(%4$L, ''own'', ''none'')', '42704|Forbidden.ResourceNotFound'),
	('kms_delete_secret(text,boolean,integer)', 'manages', 'DeleteSecret', 'doomed secret', 'SELECT kms_delete_secret(%4$L)', '55000|Rejected.ResourceInDeleteWindow'),
	('kms_restore_secret(text)', 'manages', 'RestoreSecret', 'generic', 'SELECT kms_restore_secret(%4$L)', '55000|Rejected.ResourceInUse'),
	('kms_rotate_secret(text,text)', 'manages', 'RotateSecret', 'generic', 'SELECT kms_rotate_secret(%4$L)', '0A000|Rejected.UnsupportedOperation'),
	('kms_update_secret_rotation_policy(text,boolean,interval)', 'manages', 'UpdateSecretRotationPolicy', 'generic', 'SELECT kms_update_secret_rotation_policy(%4$L, false)', '0A000|Rejected.UnsupportedOperation');

INSERT INTO call VALUES
	('kms_certificate_private_key_sign(text,text,bytea,text)', 'uses', 'CertificatePrivateKeySign', 'pending certificate', 'SELECT kms_certificate_private_key_sign(%4$L, ''ECDSA_SHA_256'', ''x'')', '55000|Rejected.Disabled'),
	('kms_certificate_private_key_sign(text,text,bytea,text)', 'uses', 'CertificatePrivateKeySign', 'revoked certificate', 'SELECT kms_certificate_private_key_sign(%4$L, ''ECDSA_SHA_256'', ''x'')', '55000|Rejected.Disabled'),
	('kms_certificate_public_key_verify(text,text,bytea,bytea,text)', 'uses', 'CertificatePublicKeyVerify', 'pending certificate', 'SELECT kms_certificate_public_key_verify(%4$L, ''ECDSA_SHA_256'', ''x'', ''x'')', '55000|Rejected.Disabled'),
	('kms_certificate_public_key_encrypt(text,text,bytea)', 'uses', 'CertificatePublicKeyEncrypt', 'certificate', 'SELECT kms_certificate_public_key_encrypt(%4$L, ''SM2PKE'', ''x'')', '22023|InvalidParameter'),
	('kms_certificate_private_key_decrypt(text,text,bytea)', 'uses', 'CertificatePrivateKeyDecrypt', 'certificate', 'SELECT kms_certificate_private_key_decrypt(%4$L, ''RSAES_OAEP_SHA_256'', %3$L::bytea || ''x'')', '22023|InvalidParameter'),
	('kms_export_certificate(text,text)', 'uses', 'ExportCertificate', 'pending certificate', 'SELECT kms_export_certificate(%4$L, ''x'')', '0A000|Rejected.UnsupportedOperation'),
	('kms_upload_certificate(text,text,text)', 'manages', 'UploadCertificate', 'pending certificate', 'SELECT kms_upload_certificate(%4$L, current_setting(''test.certificate''))', '22023|InvalidParameter'),
	('kms_update_certificate_status(text,text)', 'manages', 'UpdateCertificateStatus', 'pending certificate', 'SELECT kms_update_certificate_status(%4$L, ''ACTIVE'')', '55000|Rejected.StateModifiedFailed'),
	('kms_update_certificate_status(text,text)', 'manages', 'UpdateCertificateStatus', 'revoked certificate', 'SELECT kms_update_certificate_status(%4$L, ''ACTIVE'')', '55000|Rejected.StateModifiedFailed');

/* These are about no key, secret or certificate; test/sql/catalog.sql says who may execute them. */
CREATE TEMP TABLE about_no_key (function text);
INSERT INTO about_no_key VALUES ('kms_create_key(text,text,text,text,text,boolean,interval,jsonb)'), ('kms_open_kms_service()'), ('kms_rewrap_domain_key()'), ('kms_rotate_domain_key()'), ('kms_describe_account_kms_status()'), ('kms_describe_regions()'),
	('kms_generate_random(integer)'), ('kms_get_random_password(integer,text,boolean,boolean,boolean,boolean,boolean)'), ('kms_create_certificate(text,text,text[],boolean)'), ('kms_run_jobs()'), ('kms_confirm_home()'), ('kms_check_integrity()'), ('kms_verify_audit_log()'), ('kms.status'), ('kms.audit_log'), ('kms.key_usage'),
	/* What is done with a table goes by the rights on it; its trigger asks for those on the key. */
	('kms_encrypt_existing(regclass,name,integer)'), ('kms_reencrypt_column(regclass,name,integer)'), ('kms_scan_column(regclass,name)'), ('kms.protected_columns');

-- ---- it is complete -------------------------------------------------------

CREATE TEMP VIEW made AS
	SELECT p.oid::regprocedure::text AS function, p.proargnames AS names
	  FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'kms'
	 WHERE p.pronamespace = e.extnamespace OR p.proname = 'decrypt_column'
	 UNION ALL
	SELECT c.oid::regclass::text, NULL FROM pg_class c WHERE c.relnamespace = 'kms'::regnamespace AND c.relkind = 'v';
SELECT set_eq('SELECT function FROM call UNION SELECT function FROM about_no_key', 'SELECT function FROM made', 'every public function and view of the extension appears here'),
	   is_empty('SELECT function FROM call INTERSECT SELECT function FROM about_no_key', 'and in one place'),
	   is_empty('SELECT function FROM about_no_key JOIN made USING (function) WHERE names && ''{key_id,ciphertext_blob,alias_name,resource,destination_key_id,encryption_key_id,secret_name,certificate_id}''', 'what takes a key, a secret or a certificate asks for the right to it'),
	   is_empty('SELECT class FROM call EXCEPT SELECT class FROM rule', 'every class has its rule');

-- ---- roles and keys -------------------------------------------------------

CREATE ROLE kms_test_owner CREATEROLE;
CREATE ROLE kms_test_member_of_owner IN ROLE kms_test_owner;
CREATE ROLE kms_test_grantee;
CREATE ROLE kms_test_member_of_grantee IN ROLE kms_test_grantee;
CREATE ROLE kms_test_everyone;
CREATE ROLE kms_test_in_context;
CREATE ROLE kms_test_out_of_context;
CREATE ROLE kms_test_expired;
CREATE ROLE kms_test_revoked;
CREATE ROLE kms_test_void;
CREATE ROLE kms_test_others;
CREATE ROLE kms_test_stranger;
CREATE ROLE kms_test_superuser SUPERUSER;
GRANT EXECUTE ON FUNCTION kms_create_key TO kms_test_owner;
GRANT EXECUTE ON FUNCTION kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval), kms_create_secret(text, text, bytea, text, text, text, jsonb, jsonb, boolean, interval) TO PUBLIC;
GRANT EXECUTE ON FUNCTION kms_create_certificate TO kms_test_owner;
GRANT ALL ON call TO PUBLIC;

/* As good as a refusal where nothing is raised. */
CREATE FUNCTION pg_temp.found(statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	EXECUTE statement;
	GET DIAGNOSTICS rows = ROW_COUNT;
	IF rows = 0 THEN
		RAISE 'nothing there' USING ERRCODE = '42501', DETAIL = 'Forbidden.NoPermission';
	END IF;
END $$;

SET ROLE kms_test_owner;
CREATE TEMP TABLE subject (key text, id text, version text, blob text, alias text);
INSERT INTO subject (key, id) VALUES
	('symmetric', kms_create_key(tags => '{"a": "1"}')), ('envelope', kms_create_key()), ('column', kms_create_key()), ('mac', kms_create_key('HMAC_SHA_256', 'GENERATE_VERIFY_MAC')), ('signing', kms_create_key('EC_P256', 'SIGN/VERIFY')),
	('pair', kms_create_key('RSA_2048', 'ENCRYPT/DECRYPT')), ('rotating', kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days')),
	('doomed', kms_create_key()), ('external', kms_create_key(origin => 'EXTERNAL'));
GRANT SELECT ON subject TO PUBLIC;
UPDATE subject SET alias = 'alias/matrix-' || key, version = coalesce((SELECT v.key_version_id::text FROM kms_list_key_versions(id) v), id);
UPDATE subject SET blob = CASE key
	WHEN 'symmetric' THEN kms_encrypt(id, 'x'::text, '{"a": "1"}')
	WHEN 'envelope' THEN kms_envelope_encrypt(id, 'x'::text, '{"a": "1"}')
	WHEN 'column' THEN kms_encrypt(id, 'x'::text, '{"a": "1", "table": "m", "column": "v"}')
	WHEN 'pair' THEN kms_asymmetric_encrypt(id, NULL, 'RSAES_OAEP_SHA_256', 'x') END;
SELECT kms_create_alias(id, alias) FROM subject \g /dev/null
SELECT kms_schedule_key_deletion(id, 7) FROM subject WHERE key = 'doomed' \g /dev/null
SELECT set_config('test.public_key', decode(regexp_replace(kms_get_public_key(id), '-----[^-]*-----', '', 'g'), 'base64')::text, true) FROM subject WHERE key = 'pair' \g /dev/null
SELECT set_config('test.everyones_key', kms_create_key()::text, true) \g /dev/null
SELECT kms_grant(current_setting('test.everyones_key'), 'PUBLIC', '{ReEncrypt,Encrypt}') \g /dev/null
CREATE ROLE kms_test_app LOGIN;
SELECT kms_create_secret('matrix/generic', 'v1', 'x'::text, tags => '{"a": "1"}'), kms_create_secret('matrix/doomed', 'v1', 'x'::text),
	   kms_create_secret('matrix/chosen', 'v1', 'x'::text, encryption_key_id => id),
	   kms_create_secret('matrix/rds', 'v1', '{"Accounts": [{"AccountName": "kms_test_app", "AccountPassword": "x"}]}'::text, 'Rds',
						 extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}', enable_automatic_rotation => true, rotation_interval => '7 days')
  FROM subject WHERE key = 'symmetric' \g /dev/null
SELECT kms_delete_secret('matrix/doomed') \g /dev/null
INSERT INTO subject (key, id, version, alias) VALUES ('generic', 'secret/matrix/generic', 'v1', 'matrix/generic'), ('doomed secret', 'secret/matrix/doomed', 'v1', 'matrix/doomed'),
	('chosen', 'secret/matrix/chosen', 'v1', 'matrix/chosen'), ('rds', 'secret/matrix/rds', 'v1', 'matrix/rds');
ALTER TABLE subject ADD COLUMN arn text, ADD COLUMN csr text;
INSERT INTO subject (key, id, alias, arn, csr)
	SELECT name, 'certificate/' || certificate_id, certificate_id, arn, csr
	  FROM (VALUES ('certificate', 'RSA_2048'), ('pending certificate', 'EC_P256'), ('revoked certificate', 'EC_P256')) t (name, spec),
		   kms_create_certificate(spec, 'CN=matrix', '{matrix.example.com}', name <> 'pending certificate');
SELECT kms_tag_resource('{"a": "1"}', certificate_id => alias) FROM subject WHERE key = 'certificate' \g /dev/null
RESET ROLE;
SELECT set_config('test.certificate', pg_temp.issue(csr), true) FROM subject WHERE key = 'certificate' \g /dev/null
SELECT pg_temp.issue(csr) AS revoked FROM subject WHERE key = 'revoked certificate' \gset
SET ROLE kms_test_owner;
SELECT kms_upload_certificate(alias, CASE key WHEN 'certificate' THEN current_setting('test.certificate') ELSE :'revoked' END) FROM subject WHERE key IN ('certificate', 'revoked certificate') \g /dev/null
SELECT kms_update_certificate_status(alias, 'REVOKED') FROM subject WHERE key = 'revoked certificate' \g /dev/null
UPDATE subject SET blob = kms_certificate_public_key_encrypt(alias, 'RSAES_OAEP_SHA_256', 'x') WHERE key = 'certificate';
RESET ROLE;

-- ---- and true -------------------------------------------------------------

/* What a call by a role comes to, who holds the grant of its kind; everything is undone. */
CREATE FUNCTION pg_temp.outcome(call call, subject subject, role text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	grantee text = 'kms_test_' || CASE role WHEN 'member_of_grantee' THEN 'grantee' ELSE role END;
	operations text[] = CASE WHEN call.asks IN ('Grant', 'Revoke', 'SetOwner') THEN '{*}' ELSE ARRAY[call.asks] END;
	kind text = substring(subject.id, '^(secret|certificate)/');
	result text;
BEGIN
	SET LOCAL ROLE kms_test_owner;
	/* So that there is a grant to be listed. */
	PERFORM kms_grant(subject.id, 'kms_test_owner', CASE kind WHEN 'secret' THEN '{GetSecretValue}' WHEN 'certificate' THEN '{GetCertificate}' ELSE '{Encrypt}' END::text[]);
	IF role IN ('grantee', 'member_of_grantee', 'revoked', 'void') THEN
		PERFORM kms_grant(subject.id, grantee, operations);
	ELSIF role = 'everyone' THEN
		PERFORM kms_grant(subject.id, 'PUBLIC', operations);
	ELSIF kind IS NOT NULL AND role IN ('in_context', 'out_of_context') THEN
		IF pg_temp.verdict('SELECT kms_grant(%L, %L, %L, %L)', subject.id, grantee, operations::text, '{"a": "1"}') <> '22023|InvalidParameter' THEN
			RETURN 'granted in a context';
		END IF;
	ELSIF role = 'in_context' THEN
		PERFORM kms_grant(subject.id, grantee, operations, '{"a": "1"}');
	ELSIF role = 'out_of_context' THEN
		PERFORM kms_grant(subject.id, grantee, operations, '{"b": "1"}');
	ELSIF role = 'expired' THEN
		PERFORM kms_grant(subject.id, grantee, operations, expires_at => clock_timestamp() + interval '10 milliseconds');
		PERFORM pg_sleep(0.02);
	ELSIF role = 'others' AND operations <> '{*}' THEN
		PERFORM kms_grant(subject.id, grantee, '{*}');
		PERFORM kms_revoke(subject.id, grantee, operations);
	END IF;
	/* The session has seen it granted before it is not. */
	IF role IN ('revoked', 'void') AND operations <> '{*}' THEN
		EXECUTE format('SET LOCAL ROLE %I', grantee);
		IF NOT kms_can(call.asks, subject.id) THEN
			RETURN 'not granted';
		END IF;
		SET LOCAL ROLE kms_test_owner;
	END IF;
	IF role = 'revoked' THEN
		PERFORM kms_revoke(subject.id, grantee);
	ELSIF role = 'void' THEN
		RESET ROLE;
		DROP OWNED BY kms_test_void;
	END IF;
	EXECUTE format('SET LOCAL ROLE %I', 'kms_test_' || role);
	result = pg_temp.verdict('%s', format(call.statement, subject.id, subject.version, subject.blob, subject.alias));
	RAISE EXCEPTION USING ERRCODE = 'KT001';
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN result;
END $$;

CREATE TEMP VIEW matrix AS
	SELECT c.function, c.class, c.key, c.statement, r.key AS role, CASE WHEN r.value = 'true' THEN c.outcome ELSE '42501|Forbidden.NoPermission' END AS wanted,
		   pg_temp.outcome(c, s, r.key) AS got
	  FROM call c JOIN rule USING (class) JOIN subject s ON s.key = c.key
	 CROSS JOIN LATERAL jsonb_each_text(to_jsonb(rule) - 'class') r;
CREATE TEMP TABLE outcome AS SELECT * FROM matrix;
SELECT is(count(*), (SELECT count(*) FROM call) * 13, 'every call was made by every kind of role') FROM outcome;
SELECT is(string_agg(format('%s: %s instead of %s', role, got, wanted), '; ') FILTER (WHERE got <> wanted), NULL,
		  format('%s %s as the table says, key %s, %s roles: %s', function, class, key, count(*), left(statement, 60)))
  FROM outcome GROUP BY function, class, key, statement ORDER BY function COLLATE "C", class, key, statement;
SELECT is(count(*) FILTER (WHERE got <> wanted), 0::bigint, format('%s: %s calls allowed, %s refused', role, count(*) FILTER (WHERE got <> '42501|Forbidden.NoPermission'), count(*) FILTER (WHERE got = '42501|Forbidden.NoPermission')))
  FROM outcome GROUP BY role ORDER BY role COLLATE "C";

/* Two keys in one call: a grant is needed on each. */
CREATE FUNCTION pg_temp.with_grants(asks text, on_first boolean, on_second boolean, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	IF on_first THEN
		PERFORM kms_grant(id, 'kms_test_grantee', ARRAY[asks]) FROM subject WHERE key = 'symmetric';
	END IF;
	IF on_second THEN
		PERFORM kms_grant(id, 'kms_test_grantee', ARRAY[asks]) FROM subject WHERE key = 'envelope';
	END IF;
	result = pg_temp.verdict_as('kms_test_grantee', '%s', (SELECT format(statement, one.id, one.blob, one.alias, two.id, two.blob, two.alias)
													  FROM subject one, subject two WHERE one.key = 'symmetric' AND two.key = 'envelope'));
	RAISE EXCEPTION USING ERRCODE = 'KT001';
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN result;
END $$;
SELECT is(pg_temp.with_grants(asks, one, two, statement), CASE WHEN one AND two THEN 'fine' ELSE '42501|Forbidden.NoPermission' END,
		  format('%s with a grant on %s is %s', what, CASE WHEN one AND two THEN 'both keys' WHEN one THEN 'the first key' WHEN two THEN 'the second key' ELSE 'neither key' END, CASE WHEN one AND two THEN 'allowed' ELSE 'refused' END))
  FROM (VALUES ('ReEncrypt', 'kms_re_encrypt', 'SELECT kms_re_encrypt(%2$L, %4$L, ''{"a": "1"}'')'), ('ReEncrypt', 'kms_re_encrypt of an envelope', 'SELECT kms_re_encrypt(%5$L, %1$L, ''{"a": "1"}'')'),
			   ('UpdateAlias', 'kms_update_alias', 'SELECT kms_update_alias(%1$L, %6$L)')) t (asks, what, statement),
	   (VALUES (true, true), (true, false), (false, true), (false, false)) g (one, two)
 ORDER BY what, one DESC, two DESC;

/* A secret whose key somebody chose: a grant is needed on the secret and on the key. */
CREATE FUNCTION pg_temp.with_both(on_secret text, on_key text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM kms_grant('secret/matrix/chosen', 'kms_test_grantee', ARRAY[on_secret]) WHERE on_secret IS NOT NULL;
	PERFORM kms_grant(id, 'kms_test_grantee', ARRAY[on_key]) FROM subject WHERE key = 'symmetric' AND on_key IS NOT NULL;
	result = pg_temp.verdict_as('kms_test_grantee', statement, 'matrix/chosen');
	RAISE EXCEPTION USING ERRCODE = 'KT001';
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN result;
END $$;
SELECT is(pg_temp.with_both(on_secret, on_key, statement), CASE WHEN may THEN 'fine' ELSE '42501|Forbidden.NoPermission' END,
		  format('%s with %s on the secret and %s on its key is %s', what, coalesce(on_secret, 'nothing'), coalesce(on_key, 'nothing'), CASE WHEN may THEN 'allowed' ELSE 'refused' END))
  FROM (VALUES (1, 'reading', 'SELECT kms_get_secret_value(%L)', 'GetSecretValue', 'Decrypt', true), (2, 'reading', 'SELECT kms_get_secret_value(%L)', 'GetSecretValue', NULL, false),
			   (3, 'reading', 'SELECT kms_get_secret_value(%L)', 'GetSecretValue', 'GenerateDataKey', false), (4, 'reading', 'SELECT kms_get_secret_value(%L)', NULL, 'Decrypt', false),
			   (5, 'reading', 'SELECT kms_get_secret_value(%L)', 'PutSecretValue', 'Decrypt', false),
			   (6, 'writing', 'SELECT kms_put_secret_value(%L, ''v2'', ''x''::text)', 'PutSecretValue', 'GenerateDataKey', true), (7, 'writing', 'SELECT kms_put_secret_value(%L, ''v2'', ''x''::text)', 'PutSecretValue', NULL, false),
			   (8, 'writing', 'SELECT kms_put_secret_value(%L, ''v2'', ''x''::text)', 'PutSecretValue', 'Encrypt', false), (9, 'writing', 'SELECT kms_put_secret_value(%L, ''v2'', ''x''::text)', NULL, 'GenerateDataKey', false),
			   (10, 'repeating', 'SELECT kms_put_secret_value(%L, ''v1'', ''x''::text)', 'PutSecretValue', NULL, true),
			   (11, 'describing', 'SELECT kms_describe_secret(%L)', 'DescribeSecret', NULL, true), (12, 'moving a label', 'SELECT kms_update_secret_version_stage(%L, ''own'', ''v1'')', 'UpdateSecretVersionStage', NULL, true)) t (n, what, statement, on_secret, on_key, may)
 ORDER BY n;
SELECT is(pg_temp.verdict_as('kms_test_superuser', statement, 'matrix/chosen'), '42501|Forbidden.NoPermission', 'a superuser without a grant on the key does not ' || what)
  FROM (VALUES ('SELECT kms_put_secret_value(%L, ''v2'', ''x''::text)', 'write it'), ('SELECT kms_get_secret_value(%L)', 'read it')) t (statement, what);
SELECT is(pg_temp.verdict_as('kms_test_grantee', 'SELECT kms_decrypt(value) FROM kms.secret_version'), '42501|', 'nobody reads what is stored'),
	   is(pg_temp.verdict('SELECT kms_decrypt(value) FROM kms.secret_version WHERE secret_id = (SELECT id FROM kms.secret WHERE name = ''matrix/chosen'')'), '42501|Forbidden.NoPermission', 'nor a superuser what is in it');
GRANT SELECT ON kms.secret_version, kms.secret TO kms_test_owner;
ALTER ROLE kms_test_owner BYPASSRLS;
SELECT is(pg_temp.verdict_as('kms_test_owner', 'SELECT kms_decrypt(value) FROM kms.secret_version WHERE secret_id = (SELECT id FROM kms.secret WHERE name = ''matrix/chosen'')'), '22023|InvalidParameter', 'a value is no ciphertext for who may use its key');

SELECT * FROM finish();
ROLLBACK;
\! rm -r -- "$kms_ca"
