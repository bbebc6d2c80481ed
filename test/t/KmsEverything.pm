# What the tests of dumps, copies, standbys and upgrades share: a database that has
# one of everything, and the questions whether all of it is still there and opens.
package KmsEverything;

use strict;
use warnings;

use Exporter 'import';
use KmsServer;
use OpenSSL;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(make_roles fill import_material listed opened by_roles difference stored_roles is_sound is_everything);

# Name, spec, usage and algorithm of keys with a pair: what signs, and what decrypts.
my @pairs = (
	[ 'rsa sign', 'RSA_2048', 'SIGN/VERIFY', 'RSA_PSS_SHA_256' ], [ 'rsa 3072 sign', 'RSA_3072', 'SIGN/VERIFY', 'RSA_PKCS1_SHA_256' ],
	[ 'rsa', 'RSA_2048', 'ENCRYPT/DECRYPT', 'RSAES_OAEP_SHA_256' ], [ 'sm2', 'EC_SM2', 'ENCRYPT/DECRYPT', 'SM2PKE' ],
	[ 'p256', 'EC_P256', 'SIGN/VERIFY', 'ECDSA_SHA_256' ], [ 'p256k', 'EC_P256K', 'SIGN/VERIFY', 'ECDSA_SHA_256' ],
	[ 'p384', 'EC_P384', 'SIGN/VERIFY', 'ECDSA_SHA_384' ], [ 'p521', 'EC_P521', 'SIGN/VERIFY', 'ECDSA_SHA_512' ],
	[ 'sm2 sign', 'EC_SM2', 'SIGN/VERIFY', 'SM2DSA' ], [ 'ed25519', 'ED25519', 'SIGN/VERIFY', 'ED25519' ]);

# Roles are those of the cluster: made once.  The oids of those that are made first
# stand for somebody else in another cluster.
sub make_roles
{
	my ($node, @before) = @_;

	$node->safe_psql('postgres', join '; ', map({ "CREATE ROLE \"$_\"" } @before, 'the owner', 'a reader', 'team'), 'CREATE ROLE member IN ROLE team', q{CREATE ROLE app LOGIN PASSWORD 'old'});
	return;
}

# What brings the material of an EXTERNAL key, under new parameters unless they are given.
sub import_material
{
	my ($node, $dbname, $key, $material, %with) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir;
	my ($token, $public) = @{ $with{parameters} // [] };

	($token, $public) = split /\|/, value($node, "SELECT encode(import_token, 'hex'), encode(public_key, 'hex') FROM kms_get_parameters_for_import('$key')", $dbname) unless defined $token;
	append_to_file("$folder/public.der", pack('H*', $public));
	my $wrapped = openssl_says($material, qw(pkeyutl -encrypt -pubin -keyform DER -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256 -inkey), "$folder/public.der");
	return sprintf q{SELECT kms_import_key_material('%s', '\x%s', '\x%s', %s)}, $key, unpack('H*', $wrapped), $token, $with{expire} // 'NULL';
}

# With this version of the extension, or the default one.
sub fill
{
	my ($node, $dbname, $version) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $dbname");
	$node->safe_psql($dbname, 'CREATE EXTENSION kms' . (defined $version ? " VERSION '$version'" : ''));
	$node->safe_psql($dbname, q{
		GRANT EXECUTE ON FUNCTION kms_create_key, kms_create_secret(text, text, text, text, text, text, jsonb, jsonb, boolean, interval), kms_create_certificate TO "the owner";
		GRANT CREATE ON SCHEMA public TO "the owner";
		CREATE TABLE kept (n serial, kind text, name text, version uuid, algorithm text, context jsonb, message bytea, blob bytea);
		GRANT SELECT ON kept TO PUBLIC});
	_symmetric($node, $dbname);
	_asymmetric($node, $dbname);
	_states($node, $dbname);
	_imported($node, $dbname);
	_secrets($node, $dbname);
	_certificates($node, $dbname);
	_columns($node, $dbname);
	_owned($node, $dbname);
	value($node, 'SELECT kms_run_jobs()', $dbname);    # stores what was counted
	return;
}

sub _symmetric
{
	my ($node, $dbname) = @_;

	$node->safe_psql($dbname, q{
		SELECT kms_create_alias(kms_create_key(name, description => 'of ' || name)::text, 'alias/' || name) FROM unnest('{Aliyun_AES_256,Aliyun_AES_192,Aliyun_AES_128,Aliyun_SM4}'::text[]) name;
		INSERT INTO kept (kind, name, context, blob) SELECT 'ciphertext', name, '{"n": "1"}', kms_encrypt('alias/' || name, 'first ' || name, '{"n": "1"}') FROM unnest('{Aliyun_AES_256,Aliyun_AES_192,Aliyun_AES_128,Aliyun_SM4}'::text[]) name;
		SELECT kms_create_key_version(alias_name) FROM kms_list_aliases();
		INSERT INTO kept (kind, name, context, blob) SELECT 'ciphertext', name, NULL, kms_encrypt('alias/' || name, 'second ' || name) FROM unnest('{Aliyun_AES_256,Aliyun_AES_192,Aliyun_AES_128,Aliyun_SM4}'::text[]) name;
		INSERT INTO kept (kind, name, context, blob) SELECT 'envelope', name, '{"n": "1"}', kms_envelope_encrypt('alias/' || name, repeat('large ' || name, 10000), '{"n": "1"}') FROM unnest('{Aliyun_AES_256,Aliyun_AES_192,Aliyun_AES_128,Aliyun_SM4}'::text[]) name;
		INSERT INTO kept (kind, name, message, blob) SELECT 'data key', 'Aliyun_AES_256', sha256(d.plaintext), d.ciphertext_blob FROM kms_generate_data_key('alias/Aliyun_AES_256') d;
		SELECT kms_create_alias(kms_create_key(name, 'GENERATE_VERIFY_MAC')::text, 'alias/' || name) FROM unnest('{HMAC_SHA_256,HMAC_SHA_384,HMAC_SHA_512,HMAC_SM3}'::text[]) name;
		INSERT INTO kept (kind, name, blob) SELECT 'mac', name, kms_generate_mac('alias/' || name, 'x') FROM unnest('{HMAC_SHA_256,HMAC_SHA_384,HMAC_SHA_512,HMAC_SM3}'::text[]) name;
		INSERT INTO kept (kind, name, blob) SELECT 'blind index', 'HMAC_SHA_256', kms_blind_index('alias/HMAC_SHA_256', 'x', '{"n": "1"}')});
	return;
}

sub _asymmetric
{
	my ($node, $dbname) = @_;

	for my $pair (@pairs)
	{
		my ($name, $spec, $usage, $algorithm) = @$pair;
		my $alias = 'alias/' . $name =~ s/ /-/gr;
		my $bits = $algorithm =~ /(\d\d\d)$/ ? $1 : 256;
		my $message = $algorithm eq 'ED25519' ? q{'x'} : "sha$bits('x')";
		my $blob = $usage eq 'SIGN/VERIFY' ? "kms_asymmetric_sign('$alias', NULL, '$algorithm', $message)" : "kms_asymmetric_encrypt('$alias', NULL, '$algorithm', 'of $name')";

		$node->safe_psql($dbname, sprintf q{
			SELECT kms_create_alias(kms_create_key('%1$s', '%2$s')::text, '%3$s');
			INSERT INTO kept (kind, name, version, algorithm, message, blob)
			SELECT '%4$s', '%3$s', v.key_version_id, '%5$s', %6$s, %7$s FROM kms_list_key_versions((kms_describe_key('%3$s')).key_id::text) v},
			$spec, $usage, $alias, $usage eq 'SIGN/VERIFY' ? 'signature' : 'asymmetric', $algorithm, $message, $blob);
	}
	return;
}

# Every state and schedule that a key can have, and its tags.
sub _states
{
	my ($node, $dbname) = @_;

	$node->safe_psql($dbname, q{
		SELECT kms_create_alias(kms_create_key(tags => '{"state": ""}')::text, 'alias/' || name) FROM unnest('{disabled,pending,protected,rotating}'::text[]) name;
		INSERT INTO kept (kind, name, blob) SELECT 'refused', name, kms_encrypt('alias/' || name, 'x') FROM unnest('{disabled,pending}'::text[]) name;
		SELECT kms_disable_key((kms_describe_key('alias/disabled')).key_id::text), kms_schedule_key_deletion((kms_describe_key('alias/pending')).key_id::text, 7),
			kms_set_deletion_protection((kms_describe_key('alias/protected')).key_id::text, true, 'of value'), kms_update_rotation_policy((kms_describe_key('alias/rotating')).key_id::text, true, '30 days');
		SELECT kms_tag_resource('[{"TagKey": "team", "TagValue": "red"}]', 'alias/rotating')});
	return;
}

# Two that were imported, of which one will expire, and one that waits; the parameters that it waits with are kept.
sub _imported
{
	my ($node, $dbname) = @_;

	for my $case ([ 'imported', 'Aliyun_AES_256', 32 ], [ 'expiring', 'Aliyun_SM4', 16, q{clock_timestamp() + interval '1 year'} ], [ 'begun', 'Aliyun_AES_256' ])
	{
		my ($name, $spec, $length, $expire) = @$case;

		$node->safe_psql($dbname, "SELECT kms_create_alias(kms_create_key('$spec', origin => 'EXTERNAL')::text, 'alias/$name')");
		my $id = value($node, "SELECT key_id FROM kms_describe_key('alias/$name')", $dbname);
		$node->safe_psql($dbname, "INSERT INTO kept (kind, name, message, blob) SELECT 'parameters', '$id', public_key, import_token FROM kms_get_parameters_for_import('$id')") if !defined $length;
		next unless defined $length;
		$node->safe_psql($dbname, import_material($node, $dbname, $id, "\x07" x $length, expire => $expire)
			  . "; INSERT INTO kept (kind, name, blob) VALUES ('ciphertext', '$name', kms_encrypt('alias/$name', 'under $name'))");
	}
	return;
}

sub _secrets
{
	my ($node, $dbname) = @_;

	$node->safe_psql($dbname, q{
		SELECT kms_create_secret('text', 'v1', 'first value'::text, description => 'of everything', tags => '{"team": "blue"}'), kms_put_secret_value('text', 'v2', 'second value'::text),
			kms_create_secret('bytes', 'v1', '\x00ff'::bytea, encryption_key_id => 'alias/Aliyun_SM4'), kms_create_secret('doomed', 'v1', 'x'::text), kms_delete_secret('doomed'),
			kms_create_secret('app', 'v1', '{"Accounts": [{"AccountName": "app", "AccountPassword": "old"}]}'::text, 'Rds', extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}', enable_automatic_rotation => true, rotation_interval => '7 days')});
	return;
}

# One that was uploaded of each kind of key, one that is inactive, one that waits for its certificate.
sub _certificates
{
	my ($node, $dbname) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir;
	my ($authority, $private) = ("$folder/authority.pem", "$folder/authority.key");

	append_to_file($private, openssl_says('', qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)));
	append_to_file($authority, openssl_says('', qw(req -x509 -new -days 400 -subj /CN=authority -key), $private));
	for my $case ([ 'EC_P256', 'ECDSA_SHA_256' ], [ 'RSA_2048', 'RSA_PSS_SHA_256' ], [ 'EC_P384', '' ])
	{
		my ($spec, $algorithm) = @$case;
		my $id = value($node, "SELECT certificate_id FROM kms_create_certificate('$spec', 'CN=of $spec', '{a.example.com}')", $dbname);
		my $pem = openssl_says(value($node, "SELECT csr FROM kms_get_certificate('$id')", $dbname), qw(x509 -req -days 300 -set_serial 2 -CA), $authority, '-CAkey', $private);

		$node->safe_psql($dbname, sprintf q{SELECT kms_upload_certificate('%s', '%s', '%s')}, $id, $pem, slurp_file($authority));
		$node->safe_psql($dbname, $algorithm eq '' ? "SELECT kms_update_certificate_status('$id', 'INACTIVE')"
			: "INSERT INTO kept (kind, name, algorithm, blob) VALUES ('certificate', '$id', '$algorithm', kms_certificate_private_key_sign('$id', '$algorithm', 'x'))");
	}
	value($node, q{SELECT kms_create_certificate('EC_SM2', 'CN=waits', exportable_private_key => false)}, $dbname);
	return;
}

# Protected columns, with a blind index, a view, row security and a materialized view.
sub _columns
{
	my ($node, $dbname) = @_;

	$node->safe_psql($dbname, q{
		CREATE TABLE person (id integer PRIMARY KEY, name text, ssn text, tenant text DEFAULT 'a');
		SELECT kms_protect_column('person', 'ssn', 'alias/Aliyun_AES_256', blind_index => true, blind_index_key_id => 'alias/HMAC_SHA_256');
		GRANT SELECT, INSERT ON person, person_decrypted TO "the owner";
		SELECT kms_grant('alias/Aliyun_AES_256', 'the owner', '{Encrypt,Decrypt}'), kms_grant('alias/HMAC_SHA_256', 'the owner', '{GenerateMac}');
		INSERT INTO person SELECT n, 'n' || n, 'ssn ' || n, CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 20) n;
		ALTER TABLE person ENABLE ROW LEVEL SECURITY;
		CREATE POLICY of_tenant ON person FOR SELECT USING (tenant = 'a');
		CREATE MATERIALIZED VIEW summary AS SELECT count(ssn) AS n, max(ssn) AS ssn FROM person_decrypted});
	return;
}

# What another role has, and has granted: with conditions, for a time, and to a group.
sub _owned
{
	my ($node, $dbname) = @_;

	$node->safe_psql($dbname, q{
		SET ROLE "the owner";
		SELECT kms_create_alias(kms_create_key()::text, 'alias/owned');
		SELECT kms_create_secret('owned', 'v1', 'an owned value'::text);
		SELECT kms_create_certificate('EC_P256', 'CN=owned');
		CREATE TABLE owned AS SELECT kms_encrypt('alias/owned', 'owned', '{"for": "readers"}') AS secret;
		GRANT SELECT ON owned TO PUBLIC;
		SELECT kms_grant('alias/owned', 'a reader', '{Decrypt}', '{"for": "readers"}', clock_timestamp() + interval '1 year'), kms_grant('secret/owned', 'a reader', '{GetSecretValue}'),
			kms_grant('secret/owned', 'team', '{GetSecretValue,DescribeSecret}')});
	return;
}

# ---- questions -----------------------------------------------------------------------

# Everything that the views and lists tell a superuser, but when secrets and
# certificates were changed, which kms_confirm_home does to those of a role that has
# another number now.
sub listed
{
	my ($node, $dbname) = @_;

	return value($node, q{
		SELECT 'key', k::text FROM kms_list_keys() k ORDER BY 2;
		SELECT 'key version', v::text FROM kms.key_versions v ORDER BY 2;
		SELECT 'alias', a::text FROM kms_list_aliases() a ORDER BY 2;
		SELECT 'tag', t::text FROM kms.tags t ORDER BY 2;
		SELECT 'secret', to_jsonb(s) - 'update_time' FROM kms.secrets s ORDER BY 2;
		SELECT 'secret version', v::text FROM kms.secret_versions v ORDER BY 2;
		SELECT 'certificate', to_jsonb(c) - 'updated_at' FROM kms.certificates c ORDER BY 2;
		SELECT 'grant', g::text FROM kms.grants g ORDER BY 2;
		SELECT 'audit', a::text FROM kms.audit_log a WHERE operation NOT IN ('ConfirmHome', 'RewrapDomainKey') ORDER BY seq;
		SELECT 'column', c::text FROM kms.protected_columns c ORDER BY 2}, $dbname);
}

# What everything gives that was made by fill, to the superuser who did.
sub opened
{
	my ($node, $dbname) = @_;

	return value($node, q{
		SELECT kind, name, n,
			CASE kind WHEN 'ciphertext' THEN kms_decrypt_text(blob, context)
				WHEN 'envelope' THEN md5(kms_decrypt(blob, context))
				WHEN 'data key' THEN (sha256(kms_decrypt(blob)) = message)::text
				WHEN 'mac' THEN kms_verify_mac('alias/' || name, 'x', blob)::text
				WHEN 'blind index' THEN (kms_blind_index('alias/' || name, 'x', '{"n": "1"}') = blob)::text
				WHEN 'signature' THEN concat(kms_asymmetric_verify(name, version::text, algorithm, message, blob), kms_asymmetric_verify(name, version::text, algorithm, message, kms_asymmetric_sign(name, version::text, algorithm, message)))
				WHEN 'asymmetric' THEN convert_from(kms_asymmetric_decrypt(name, version::text, algorithm, blob), 'UTF8')
				WHEN 'certificate' THEN concat(kms_certificate_public_key_verify(name, algorithm, 'x', blob), kms_certificate_public_key_verify(name, algorithm, 'x', kms_certificate_private_key_sign(name, algorithm, 'x')))
			END
		  FROM kept WHERE kind NOT IN ('refused', 'parameters') ORDER BY n;
		SELECT 'anew', name, kms_decrypt_text(kms_encrypt('alias/' || name, 'x')) FROM unnest('{Aliyun_AES_256,Aliyun_AES_192,Aliyun_AES_128,Aliyun_SM4,imported,expiring,protected,rotating}'::text[]) name;
		SELECT 'secret', v.secret_name, (kms_get_secret_value(v.secret_name, version_id => v.version_id)).secret_data, (kms_get_secret_value('bytes')).secret_binary FROM kms.secret_versions v WHERE v.secret_name IN ('text', 'bytes') ORDER BY v.secret_name, v.version_id;
		SELECT 'password', (kms_get_secret_value('app')).secret_data;
		SELECT 'exported', length(kms_export_certificate(c.certificate_id::text, 'x')) > 500 FROM kms.certificates c WHERE status = 'ACTIVE' ORDER BY c.certificate_id;
		SELECT 'person', id, name, ssn, tenant FROM person_decrypted ORDER BY id;
		SELECT 'found', name FROM person_decrypted WHERE ssn_blind_index = kms_blind_index('alias/HMAC_SHA_256', 'ssn 7');
		SELECT 'summary', * FROM summary}, $dbname);
}

# How it ends where roles use what they may, and may not: a line each.
sub by_roles
{
	my ($node, $dbname) = @_;
	my $decrypt = q{kms_decrypt_text(secret, '{"for": "readers"}') FROM owned};
	my $read = q{(kms_get_secret_value('owned')).secret_data};
	my @lines;

	for my $case ([ 'the owner', $decrypt ], [ 'a reader', $decrypt ], [ 'team', $decrypt ], [ 'the owner', $read ], [ 'a reader', $read ], [ 'member', $read ],
		[ 'a reader', q{kms_encrypt('alias/owned', 'x', '{"for": "readers"}')} ], [ 'app', $read ],
		[ 'the owner', q{string_agg(ssn, ' ' ORDER BY id) FROM person_decrypted} ], [ 'member', 'count(*) FROM person' ], [ 'the owner', q{string_agg(subject, ' ') FROM kms.certificates} ])
	{
		my ($role, $use) = @$case;
		my $error = failure($node, qq{SET ROLE "$role"; SELECT $use}, dbname => $dbname);

		push @lines, "$role: " . ($error ? "$error->{sqlstate} $error->{detail}" : value($node, qq{SET ROLE "$role"; SELECT $use}, $dbname));
	}
	push @lines, map { my $error = failure($node, "SELECT kms_decrypt((SELECT blob FROM kept WHERE name = '$_'))", dbname => $dbname); "$_: $error->{sqlstate} $error->{detail}" } qw(disabled pending);
	push @lines, map { my $error = failure($node, "SELECT $_", dbname => $dbname); "$_: $error->{sqlstate} $error->{detail}" } q{kms_get_secret_value('doomed')}, q{kms_encrypt('alias/begun', 'x')};
	return join "\n", @lines;
}

# The roles that rows name by a number that is not theirs here.
sub stored_roles
{
	my ($node, $dbname) = @_;

	return value($node, q{
		SELECT string_agg(DISTINCT name, ', ' ORDER BY name) FROM (SELECT owner, owner_name FROM kms.key UNION ALL SELECT owner, owner_name FROM kms.secret UNION ALL SELECT owner, owner_name FROM kms.certificate
			UNION ALL SELECT grantee, grantee_name FROM kms.grant_entry) r (number, name)
		 WHERE number IS DISTINCT FROM to_regrole(quote_ident(name))::oid}, $dbname);
}

# Lines of one that are not in the other, with a sign; '' if there are none.
sub difference
{
	my ($got, $expected) = @_;
	my %count;

	$count{$_}++ for split /\n/, $got;
	$count{$_}-- for split /\n/, $expected;
	return join "\n", map { ($count{$_} > 0 ? '+ ' : '- ') . $_ } grep { $count{$_} } sort keys %count;
}

sub is_sound
{
	my ($node, $dbname, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($node, q{SELECT string_agg(i::text, ' ') FROM kms_check_integrity() i}, $dbname), '', "$what: every row is as it was written");
	is(value($node, 'SELECT rows_checked > 40, problem IS NULL FROM kms_verify_audit_log()', $dbname), 't|t', "$what: so is the audit log");
	return;
}

# All of it, as it was: the three answers of listed, opened and by_roles.
sub is_everything
{
	my ($node, $dbname, $what, $listed, $opened, $by_roles) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(difference(listed($node, $dbname), $listed), '', "$what: everything is listed as it was");
	is(difference(opened($node, $dbname), $opened), '', "$what: everything opens");
	is(difference(by_roles($node, $dbname), $by_roles), '', "$what: roles may what they could");
	is_sound($node, $dbname, $what);
	return;
}

1;
