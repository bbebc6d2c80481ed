# A standby made by pg_basebackup, of a database that has one of everything: it uses
# all of it, follows what the primary changes, also in prepared statements of sessions
# that have everything in their caches, changes nothing itself, and works once it is
# promoted; and logical replication of protected columns, to a subscriber that has the
# keys and to one that has none.  006_standby.pl has the single changes.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::RealBin;

use KmsEverything;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $key = new_root_key();
my $primary = new_server('primary', root_key => $key, init => { allows_streaming => 'logical' }, settings => "kms.worker_enabled = off\nkms.worker_naptime = 1\nmax_connections = 30\n");
my $standby = PostgreSQL::Test::Cluster->new('standby');
my $folder = PostgreSQL::Test::Utils::tempdir;

$primary->start;
make_roles($primary);
fill($primary, 'source');
my @everything = (listed($primary, 'source'), opened($primary, 'source'), by_roles($primary, 'source'));

# ---- as pg_basebackup leaves it -----------------------------------------------------------

$primary->command_ok([ 'pg_basebackup', '-d', 'application_name=standby', '-D', $standby->data_dir, '-X', 'stream', '-R', '-c', 'fast', '--no-sync' ], 'pg_basebackup');
chmod 0700, $standby->data_dir;
my $copied = slurp_file($standby->data_dir . '/postgresql.conf');
unlike($copied, qr/\Q$key\E/, 'its configuration has no root key');
my @found = grep { -f $_ && slurp_file($_) =~ /\Q$key\E|\Q${\ pack 'H*', $key}\E/ } glob($standby->data_dir . '/*'), glob($standby->data_dir . '/global/*'), glob($standby->data_dir . '/base/*/*');
is("@found", '', 'nor has any file of it');
write_private(root_key_file($standby), "$key\n");
$standby->append_conf('postgresql.conf', sprintf "port = %s\nunix_socket_directories = '%s'\nkms.root_key_file = '%s'\n", $standby->port, $standby->host, root_key_file($standby));
$standby->append_conf('postgresql.conf', 'kms.worker_enabled = on');
$standby->start;

sub caught_up
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	return;
}

sub change
{
	my ($sql) = @_;

	$primary->safe_psql('source', $sql);
	caught_up();
	return;
}

caught_up();
is(value($standby, 'SELECT pg_is_in_recovery()'), 't', 'it is a standby');
is(status($standby, 'source'), 'Enabled', 'the service is open there');
is_everything($standby, 'source', 'the standby', @everything);
is(value($standby, 'SELECT workers FROM kms.status', 'source'), 'f', 'its workers do not run');
is(join(' ', pids_of($standby, qr/kms (launcher|worker)/)), '', 'nor is there one');

# What one side makes opens at the other.
for my $case ([ $primary, $standby ], [ $standby, $primary ])
{
	my ($one, $two) = @$case;
	my %made = map { $_ => value($one, "SELECT $_", 'source') } q{kms_encrypt('alias/Aliyun_AES_128', 'x', '{"a": "1"}')}, q{kms_envelope_encrypt('alias/Aliyun_SM4', repeat('x', 20000))}, q{kms_asymmetric_sign('alias/p256', NULL, 'ECDSA_SHA_256', sha256('x'))},
		q{kms_asymmetric_encrypt('alias/rsa', NULL, 'RSAES_OAEP_SHA_256', 'x')}, q{kms_generate_mac('alias/HMAC_SM3', 'x')};

	my ($blob, $envelope, $signature, $encrypted, $mac) = map { my $call = $_; map { $made{$_} } grep { /^$call/ } keys %made } qw(kms_encrypt kms_envelope kms_asymmetric_sign kms_asymmetric_encrypt kms_generate_mac);
	is(value($two, qq{SELECT kms_decrypt_text('$blob', '{"a": "1"}'), length(kms_decrypt('$envelope')), kms_asymmetric_verify('alias/p256', NULL, 'ECDSA_SHA_256', sha256('x'), '$signature'),
			kms_asymmetric_decrypt('alias/rsa', NULL, 'RSAES_OAEP_SHA_256', '$encrypted'), kms_verify_mac('alias/HMAC_SM3', 'x', '$mac')}, 'source'), 'x|20000|t|\x78|t', 'what ' . $one->name . ' makes opens at the ' . $two->name);
}

# ---- every function that writes -----------------------------------------------------------
# The catalog says which they are: volatile and not for parallel workers.

my %arguments = (
	kms_create_key => '', kms_create_key_version => q{'alias/rotating'}, kms_disable_key => '$key', kms_enable_key => '$key', kms_update_key_description => q{$key, 'x'}, kms_update_rotation_policy => q{$key, true, '7 days'},
	kms_set_deletion_protection => '$key, true', kms_schedule_key_deletion => '$key, 7', kms_cancel_key_deletion => '$key', kms_get_parameters_for_import => '$external', kms_import_key_material => q{$external, '\x00', '\x00'},
	kms_delete_key_material => '$external', kms_create_alias => q{$key, 'alias/new'}, kms_update_alias => q{$key, 'alias/p256'}, kms_delete_alias => q{'alias/p256'}, kms_tag_resource => q{'{"a": "1"}', $key}, kms_untag_resource => q{'{state}', $key},
	'kms_create_secret(text,text,text,' => q{'new', 'v1', 'x'::text}, 'kms_create_secret(text,text,bytea,' => q{'new', 'v1', 'x'::bytea}, 'kms_put_secret_value(text,text,text,' => q{'text', 'v9', 'x'::text}, 'kms_put_secret_value(text,text,bytea,' => q{'bytes', 'v9', 'x'::bytea},
	kms_update_secret => q{'text', 'x'}, kms_update_secret_version_stage => q{'text', 'mine', 'v1'}, kms_delete_secret => q{'text'}, kms_restore_secret => q{'doomed'}, kms_rotate_secret => q{'app'}, kms_update_secret_rotation_policy => q{'app', true, '7 days'},
	kms_create_certificate => q{'EC_P256', 'CN=new'}, kms_upload_certificate => q{$certificate, (SELECT certificate FROM kms_get_certificate($certificate))}, kms_update_certificate_status => q{$certificate, 'REVOKED'}, kms_delete_certificate => '$certificate',
	kms_grant => q{$key, 'app', '{Decrypt}'}, kms_revoke => q{$key, 'app'}, kms_set_owner => q{$key, 'app'}, kms_protect_column => q{'kept', 'name', 'alias/Aliyun_AES_256', '{n}'}, kms_unprotect_column => q{'person', 'ssn'},
	kms_encrypt_existing => q{'person', 'ssn'}, kms_reencrypt_column => q{'person', 'ssn'}, kms_call => q{'CreateKey'});
# These read, but note something on the way, or change nothing of ours.
my %reads = (kms_scan_column => q{'person', 'ssn'}, kms_check_integrity => '', kms_verify_audit_log => '');
my $id = value($primary, q{SELECT key_id FROM kms_describe_key('alias/rotating')}, 'source');
my $external = value($primary, q{SELECT key_id FROM kms_describe_key('alias/imported')}, 'source');
my $certificate = value($primary, q{SELECT certificate_id FROM kms.certificates WHERE status = 'ACTIVE' LIMIT 1}, 'source');
my @functions = split /\n/, value($primary, q{SELECT p.oid::regprocedure, p.prokind FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid
	WHERE e.extname = 'kms' AND p.pronamespace = 'public'::regnamespace AND p.provolatile = 'v' AND p.proparallel = 'u' AND p.prorettype <> 'trigger'::regtype ORDER BY 1}, 'source');
cmp_ok(scalar @functions, '>=', 45, 'functions that write');
for my $function (@functions)
{
	my ($signature, $kind) = split /\|/, $function;
	my ($name) = $signature =~ /^(\w+)/;
	my ($known) = grep { index($signature, $_) == 0 && (/\(/ || $_ eq $name) } keys %arguments;

	if (exists $reads{$name})
	{
		isnt(value($standby, "SELECT count(*) FROM $name($reads{$name})", 'source'), '', "$name works on a standby");
		next;
	}
	next if $name eq 'kms_open_kms_service';    # which is open, and says so
	my $arguments = $signature =~ /\(\)$/ ? '' : defined $known ? $arguments{$known} : undef;
	defined $arguments or do { fail("$signature is not tried on a standby: give it arguments here"); next };
	my %id = (key => $id, external => $external, certificate => $certificate);
	my $call = sprintf '%s %s(%s)', $kind eq 'p' ? 'CALL' : 'SELECT', $name, $arguments =~ s/\$(\w+)/'$id{$1}'/gr;
	my $error = refused($standby, $call, '25006', 'UnsupportedOperation', "$call is refused on a standby", dbname => 'source');
	like($error->{hint} // '', qr/primary/, '... with the way out');
	refused($primary, "SET default_transaction_read_only = on; $call", '25006', 'UnsupportedOperation', '... and in a transaction that is to be read-only', dbname => 'source');
}
refused($standby, q{INSERT INTO person_decrypted VALUES (100, 'x', 'x')}, '25006', '', 'so is writing to a protected column', dbname => 'source');
caught_up();
is_everything($_, 'source', $_->name . ', after all that', @everything) for $primary, $standby;

# ---- following, in sessions that have all of it in their caches ---------------------------------

my $session = session($standby, 'source');
my %prepared = (
	decrypts => q{kms_decrypt_text(blob, context) FROM kept WHERE kind = 'ciphertext' AND name = 'Aliyun_AES_192' ORDER BY n LIMIT 1}, signs => q{length(kms_asymmetric_sign('alias/p384', NULL, 'ECDSA_SHA_384', sha384('x'))) > 90},
	macs => q{kms_verify_mac('alias/HMAC_SHA_512', 'x', blob) FROM kept WHERE kind = 'mac' AND name = 'HMAC_SHA_512'}, reads => q{(kms_get_secret_value('bytes')).secret_binary},
	certifies => "length(kms_certificate_private_key_sign('$certificate', algorithm, 'x')) > 60 FROM kept WHERE kind = 'certificate' AND name = '$certificate'", looks => 'string_agg(ssn, $$ $$ ORDER BY id) FROM person_decrypted WHERE id < 3');
my %gives = (decrypts => 'first Aliyun_AES_192', signs => 't', macs => 't', reads => '\x00ff', certifies => 't', looks => 'ssn 1 ssn 2');
my %key_of = (decrypts => 'Aliyun_AES_192', signs => 'p384', macs => 'HMAC_SHA_512', reads => 'Aliyun_SM4', looks => 'Aliyun_AES_256');

ask($session, 'SET plan_cache_mode = force_generic_plan');
is(ask($session, "PREPARE $_ AS SELECT $prepared{$_}"), '', "$_: prepared") for sort keys %prepared;
is(ask($session, "EXECUTE $_"), $gives{$_}, "$_: executed") for (sort keys %prepared) x 2;
is(ask($session, 'BEGIN ISOLATION LEVEL REPEATABLE READ; EXECUTE decrypts'), $gives{decrypts}, 'in a transaction with a snapshot');
my $cursor = q{DECLARE c CURSOR FOR SELECT kms_decrypt_text(k.blob, k.context) FROM kept k, generate_series(1, 1000) WHERE kind = 'ciphertext' AND name = 'Aliyun_AES_192' AND k.n = 2};
is(ask($session, "$cursor; FETCH c"), $gives{decrypts}, 'and a cursor that is half read');
for my $name (qw(Aliyun_AES_192 p384 HMAC_SHA_512 Aliyun_SM4 Aliyun_AES_256))
{
	change("SELECT kms_disable_key(key_id::text) FROM kms_describe_key('alias/$name')");
}
is(ask($session, 'FETCH c'), '55000 Rejected.Disabled', 'disabled on the primary, the rest of the cursor is refused');
ask($session, 'ROLLBACK');
is(ask($session, "EXECUTE $_"), '55000 Rejected.Disabled', "$_: refused") for sort keys %key_of;
is(ask($session, 'EXECUTE certifies'), 't', 'a certificate does not depend on them');
change("SELECT kms_update_certificate_status('$certificate', 'INACTIVE')");
is(ask($session, 'EXECUTE certifies'), '55000 Rejected.Disabled', 'until it is made inactive');
change("SELECT kms_enable_key(key_id::text) FROM kms_describe_key('alias/$_')") for values %key_of;
change("SELECT kms_update_certificate_status('$certificate', 'ACTIVE')");
is(ask($session, "EXECUTE $_"), $gives{$_}, "$_: enabled again") for sort keys %prepared;

# What the primary does to all of it at once: a key is erased, a version is made, a secret gets a value, a column a row.
let_time_pass($primary, 'source');
change(q{SELECT kms_create_key_version('alias/Aliyun_AES_192'); SELECT kms_put_secret_value('bytes', 'v2', '\x01'::bytea); INSERT INTO person VALUES (0, 'n0', 'ssn 0');
	UPDATE kms.key SET delete_at = clock_timestamp() WHERE state = 'PendingDeletion'; SELECT kms_run_jobs()});
is(ask($session, 'EXECUTE reads'), '\x01', 'a new value is read');
is(ask($session, 'EXECUTE looks'), 'ssn 0 ssn 1 ssn 2', 'a new row opens');
is(ask($session, 'EXECUTE decrypts'), $gives{decrypts}, 'what a former version encrypted opens');
refused($standby, q{SELECT kms_decrypt(blob) FROM kept WHERE name = 'pending'}, '42704', 'Forbidden.KeyNotFound', 'what a key encrypted that was erased does not', dbname => 'source');
is_sound($standby, 'source', 'the standby');

# A session that waits while much is replayed loses nothing: its queue of messages overflows.
$primary->safe_psql('source', q{SELECT format('CREATE TABLE t%1$s (a integer); DROP TABLE t%1$s', n) FROM generate_series(1, 2000) n \gexec});
change(q{SELECT kms_disable_key(key_id::text) FROM kms_describe_key('alias/p384')});
is(ask($session, 'EXECUTE signs'), '55000 Rejected.Disabled', 'after many other messages it is told, too');
change(q{SELECT kms_enable_key(key_id::text) FROM kms_describe_key('alias/p384')});

# ---- promotion ---------------------------------------------------------------------------------

change(q{UPDATE kms.key SET next_rotation_at = clock_timestamp() WHERE rotation_seconds IS NOT NULL; UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'app'});
my $due = q{SELECT string_agg(job || ' ' || outcome, ', ' ORDER BY job) FROM kms.jobs WHERE job IN ('KeyRotation', 'SecretRotation') AND (outcome <> 'due' OR due_at <= clock_timestamp())};
sleep 3;
is(value($standby, $due, 'source'), 'KeyRotation due, SecretRotation due', 'what is due is not done on a standby');
my $old = value($standby, q{SELECT rolpassword FROM pg_authid WHERE rolname = 'app'});
$primary->stop;
$standby->promote;
is(ask($session, "EXECUTE $_"), $_ eq 'reads' ? '\x01' : $_ eq 'looks' ? 'ssn 0 ssn 1 ssn 2' : $gives{$_}, "promoted: $_") for sort keys %prepared;
ok(defined wait_until(sub { value($standby, $due, 'source') eq 'KeyRotation done, SecretRotation done' }, 120), 'promoted: workers start, and do what is due') or diag(value($standby, $due, 'source'));
is(value($standby, 'SELECT workers FROM kms.status', 'source'), 't', 'which the status says');
isnt(value($standby, q{SELECT rolpassword FROM pg_authid WHERE rolname = 'app'}), $old, 'a role has a new password');
is(ask($session, q{SELECT kms_create_alias(kms_create_key()::text, 'alias/promoted'); SELECT kms_decrypt_text(kms_encrypt('alias/promoted', 'x'))}), "\nx", 'the session makes a key');
value($standby, q{SELECT kms_put_secret_value('text', 'v3', 'promoted'::text), kms_grant('alias/promoted', 'app', '{Decrypt}'), kms_disable_key((SELECT key_id::text FROM kms_describe_key('alias/p256')))}, 'source');
is(value($standby, q{SELECT secret_data FROM kms_get_secret_value('text')}, 'source'), 'promoted', 'secrets get new values');
is(ask($session, q{SELECT kms_asymmetric_sign('alias/p256', NULL, 'ECDSA_SHA_256', sha256('x'))}), '55000 Rejected.Disabled', 'and keys are disabled');
value($standby, q{INSERT INTO person_decrypted VALUES (100, 'n100', 'ssn 100'); CALL kms_reencrypt_column('person', 'ssn')}, 'source');
is(value($standby, q{SELECT count(*), count(ssn) FROM person_decrypted WHERE ssn = 'ssn ' || id}, 'source'), '22|22', 'protected columns are written and encrypted anew');
is_sound($standby, 'source', 'promoted');
$session->quit;

# ---- logical replication ------------------------------------------------------------------------
# From the promoted server; the keys come by a dump, with the same root key, or not at all.

my $subscriber = new_server('subscriber', root_key => $key, init => { allows_streaming => 'logical' }, settings => "kms.worker_enabled = off\n");
my $stranger = new_server('stranger', init => { allows_streaming => 'logical' }, settings => "kms.worker_enabled = off\n");
my $rows = q{SELECT string_agg(p::text, E'\n' ORDER BY id) FROM person p};
my $plaintexts = q{SELECT string_agg(concat_ws(' ', id, name, ssn), E'\n' ORDER BY id) FROM person_decrypted};

$standby->safe_psql('source', 'CREATE PUBLICATION p FOR TABLE person');
$standby->command_ok([ 'pg_dump', '-Fc', '-f', "$folder/source", 'source' ], 'the publisher is dumped');
for my $server ($subscriber, $stranger)
{
	my ($name, $connection) = ($server->name, $standby->connstr . ' dbname=source');

	$server->start;
	make_roles($server);
	$server->safe_psql('postgres', 'CREATE DATABASE source');
	$standby->safe_psql('source', "SELECT pg_create_logical_replication_slot('$name', 'pgoutput')");
	$server->run_log([ 'pg_restore', '-d', $server->connstr('source'), $server eq $subscriber ? () : '--schema-only', "$folder/source" ]);
	$server->safe_psql('source', "TRUNCATE person; CREATE SUBSCRIPTION $name CONNECTION '$connection' PUBLICATION p WITH (create_slot = false)");
	$server->wait_for_subscription_sync($standby, $name, 'source');
}
$standby->safe_psql('source', q{INSERT INTO person_decrypted VALUES (200, 'n200', 'replicated'); UPDATE person_decrypted SET ssn = 'changed' WHERE id = 1; DELETE FROM person WHERE id = 2});
for my $server ($subscriber, $stranger)
{
	my $name = $server->name;

	$standby->wait_for_catchup($name);
	is(value($server, $rows, 'source'), value($standby, $rows, 'source'), "$name: ciphertext and blind index arrive as they are");
}
is(value($subscriber, $plaintexts, 'source'), value($standby, $plaintexts, 'source'), 'the subscriber that has the keys reads them');
is(value($subscriber, q{SELECT name FROM person_decrypted WHERE ssn_blind_index = kms_blind_index('alias/HMAC_SHA_256', 'replicated')}, 'source'), 'n200', 'and finds');
like(refused($stranger, 'SELECT * FROM person_decrypted', '42704', 'Forbidden.KeyNotFound', 'the one that has none does not', dbname => 'source')->{message}, qr/^key version "[0-9a-f-]{36}" does not exist$/, 'and says which key version is missing');
unlike(value($stranger, $rows, 'source'), qr/ssn \d|changed|replicated/, 'nor is there plaintext');

# The keys handed over later, where the root key is the publisher's; then it opens.
$standby->command_ok([ 'pg_dump', '-a', '-t', 'kms.*', '-f', "$folder/keys", 'source' ], 'the tables of kms alone');
write_private(root_key_file($stranger), "$key\n");
$stranger->reload;
$stranger->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $stranger->connstr('source'), '-f', "$folder/keys" ], 'are brought to the other subscriber');
ok(defined wait_until(sub { status($stranger, 'source') eq 'Enabled' }), 'with the root key');
$stranger->safe_psql('source', 'GRANT SELECT ON kms.role_anchor TO "the owner", "a reader", team, app');
is(value($stranger, $plaintexts, 'source'), value($standby, $plaintexts, 'source'), 'then it reads them, too');

# A key that was made since is not there: its rows arrive, and open when it does.
$standby->safe_psql('source', q{SELECT kms_create_key_version('alias/Aliyun_AES_256'); INSERT INTO person_decrypted VALUES (201, 'n201', 'under a later version')});
$standby->wait_for_catchup('subscriber');
is(value($subscriber, 'SELECT count(*) FROM person WHERE id = 201', 'source'), '1', 'a row under a version that the subscriber does not have arrives');
refused($subscriber, 'SELECT ssn FROM person_decrypted WHERE id = 201', '42704', 'Forbidden.KeyNotFound', 'and does not open', dbname => 'source');
is(value($subscriber, q{SELECT ssn FROM person_decrypted WHERE id = 200}, 'source'), 'replicated', 'the others do');

for my $server ($subscriber, $stranger)
{
	my $name = $server->name;

	$server->safe_psql('source', "ALTER SUBSCRIPTION $name DISABLE; ALTER SUBSCRIPTION $name SET (slot_name = NONE); DROP SUBSCRIPTION $name");
	$server->stop;
}
$standby->stop;
unlike(log_since($_), qr/PANIC|TRAP:|terminated by signal/, $_->name . ': nothing crashed') for $primary, $standby, $subscriber, $stranger;
done_testing();
