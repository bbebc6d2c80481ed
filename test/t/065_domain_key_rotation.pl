# The domain key is rotated while others read and write: nobody ever finds a ciphertext
# that does not open, and nothing is left under the earlier version.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $batch = 100_000;
my $rotate = 'SELECT kms_rotate_domain_key()';
my $node = new_server('main', init => { allows_streaming => 1 }, settings => "kms.worker_enabled = off\nmax_prepared_transactions = 2\nmax_wal_size = 2GB\nwal_keep_size = 2GB\n");
my $standby = PostgreSQL::Test::Cluster->new('standby');

# Rows under an earlier version, by table.
my $behind = q{
	SELECT string_agg(t || ' ' || n, ', ' ORDER BY t) FROM (
		SELECT t, count(*) AS n FROM (
			SELECT 'key' AS t, domain_key_version AS v FROM kms.key UNION ALL SELECT 'key_version', domain_key_version FROM kms.key_version
			UNION ALL SELECT 'alias', domain_key_version FROM kms.alias UNION ALL SELECT 'import_token', domain_key_version FROM kms.import_token
			UNION ALL SELECT 'secret', domain_key_version FROM kms.secret UNION ALL SELECT 'stage', domain_key_version FROM kms.secret_version_stage
			UNION ALL SELECT 'grant', domain_key_version FROM kms.grant_entry UNION ALL SELECT 'certificate', least(domain_key_version, wrap_domain_key_version) FROM kms.certificate) r
		 WHERE v < (SELECT max(version) FROM kms.domain_key) GROUP BY t) s};
my $versions = 'SELECT count(*) FROM kms.domain_key';
my $opens = q{SELECT count(kms_decrypt_text(blob)), (kms_get_secret_value('kept')).secret_data FROM kept};

sub is_sound
{
	my ($when) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($node, 'SELECT count(*) FROM kms_check_integrity()'), '0', "$when: every row is as it was written");
	is(value($node, 'SELECT problem IS NULL FROM kms_verify_audit_log()'), 't', "$when: so is the audit log");
	return;
}

$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE TABLE kept (n serial, blob bytea);
	SELECT kms_create_alias(kms_create_key()::text, 'alias/aes');
	SELECT kms_create_secret('kept', 'v1', 'a value'::text);
	INSERT INTO kept (blob) SELECT kms_encrypt('alias/aes', 'text ' || n) FROM generate_series(1, 10) n});
$node->backup('backup');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
write_private(root_key_file($standby), slurp_file(root_key_file($node)));
$standby->append_conf('postgresql.conf', "kms.root_key_file = '" . root_key_file($standby) . "'");
$standby->start;

# ---- who waits for whom ----------------------------------------------------------------

my $administrator = session($node);
my $reader = session($node);
my $writer = session($node);
my $standby_reader = session($standby);
$node->wait_for_catchup($standby);
is(ask($_, $opens), '10|a value', 'a session has used everything') for $reader, $writer, $standby_reader;

# A key that is in the making when the rotation begins.
is(ask($writer, q{BEGIN; SELECT kms_create_alias(kms_create_key()::text, 'alias/in_the_making')}), '', 'a transaction makes a key');
start_asking($administrator, "BEGIN; $rotate");
ok(defined wait_until(sub { value($node, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'kms_rotate'}) eq '1' }), 'a rotation waits for it');
is(ask($reader, $opens), '10|a value', 'meanwhile everything opens');
is(ask($writer, 'COMMIT'), '', 'the key is committed');
cmp_ok(answer($administrator), '>', 0, 'then it goes on');
is(ask($administrator, $opens), '10|a value', 'the transaction uses what is under its new domain key');
is(ask($administrator, "SELECT kms_decrypt_text(kms_encrypt('alias/in_the_making', 'x'))"), 'x', 'the key that was in the making, too');
is(ask($reader, $opens), '10|a value', 'nobody waits for it who reads');
is(ask($reader, "SELECT kms_decrypt_text(kms_encrypt('alias/aes', 'x'))"), 'x', 'nor who encrypts');
refused($node, 'SET lock_timeout = 100; SELECT kms_create_key()', '55P03', '', 'who makes a key does, as long as he wants to wait');
refused($node, q{SET lock_timeout = 100; SELECT kms_delete_alias('alias/in_the_making')}, '55P03', '', 'so does who changes something else');
refused($node, "SET lock_timeout = 100; $rotate", '55P03', '', 'and who rotates, too');
start_asking($writer, q{SELECT kms_create_alias(kms_create_key('RSA_2048', 'SIGN/VERIFY')::text, 'alias/waiting')});
ok(defined wait_until(sub { value($node, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'alias/waiting'}) eq '1' }), 'another key is made');
is(ask($administrator, 'COMMIT'), '', 'the rotation is committed');
is(answer($writer), '', 'and the key is made');
is(value($node, $behind), '', 'no row is under the earlier version');
is(value($node, $versions), '2', 'of two');
is(ask($_, $opens), '10|a value', 'the sessions that were there go on') for $reader, $writer;
$node->wait_for_catchup($standby);
is(ask($standby_reader, $opens), '10|a value', 'so does one on a standby that has replayed it');
refused($standby, $rotate, '25006', 'UnsupportedOperation', 'which rotates nothing itself');
is_sound('rotated');

# An old snapshot.
is(ask($reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; $opens"), '10|a value', 'a transaction of REPEATABLE READ');
$node->safe_psql('postgres', q{SELECT kms_create_alias(kms_create_key()::text, 'alias/later')});
cmp_ok(ask($reader, $rotate), '>', 0, 'rotates');
is(ask($reader, "$opens; COMMIT"), '10|a value', 'and goes on');
is(value($node, $behind), '', 'also with what it had not seen');

# ---- what does not become true ---------------------------------------------------------

my $row = value($node, q{SELECT string_agg(v::text, ' ' ORDER BY id) FROM kms.key_version v});
is(ask($administrator, "BEGIN; SAVEPOINT a; $rotate") =~ /^\d+$/, 1, 'a rotation behind a savepoint');
is(ask($administrator, "ROLLBACK TO a; $opens"), '10|a value', 'rolled back, everything opens');
is(ask($administrator, "$rotate") =~ /^\d+$/, 1, 'once more in the same transaction');
is(ask($administrator, "$opens; ROLLBACK"), '10|a value', 'opens everything');
is(value($node, q{SELECT string_agg(v::text, ' ' ORDER BY id) FROM kms.key_version v}), $row, 'rolled back, nothing has changed');
is(value($node, $versions), '3', 'and there is no other domain key');
is(ask($administrator, "BEGIN; $rotate") =~ /^\d+$/, 1, 'a rotation that is prepared');
is(ask($administrator, "PREPARE TRANSACTION 'rotation'"), '', 'as a transaction of two phases');
is(ask($administrator, $opens), '10|a value', 'is not seen by who made it');
refused($node, 'SET lock_timeout = 100; SELECT kms_create_key()', '55P03', '', 'and is waited for');
$node->restart;
is(value($node, $opens), '10|a value', 'after a restart, too');
$node->safe_psql('postgres', "COMMIT PREPARED 'rotation'");
is(value($node, "$versions; $opens"), "4\n10|a value", 'until it is committed');
is(value($node, $behind), '', 'then nothing is under the earlier version');
is_sound('prepared and committed');
eval { $_->quit } for $administrator, $reader, $writer, $standby_reader;

# ---- under load --------------------------------------------------------------------------

# Keys, aliases, secrets and ciphertexts of three writers while the domain key is rotated.
my @writers = map {
	my ($in, $out, $errors) = ('', '', '');
	my $load = sprintf(q{
		DO $$
		DECLARE
			key text;
		BEGIN
			FOR i IN 1 .. 100 LOOP
				key := kms_create_key()::text;
				PERFORM kms_create_alias(key, format('alias/load_%1$s_%%s', i));
				PERFORM kms_create_key_version(format('alias/load_%1$s_%%s', i));
				PERFORM kms_create_secret(format('load/%1$s/%%s', i), 'v1', i::text);
				INSERT INTO kept (blob) VALUES (kms_encrypt(format('alias/load_%1$s_%%s', i), 'loaded'));
				COMMIT;
				PERFORM kms_disable_key(key); PERFORM kms_enable_key(key);
				COMMIT;
				PERFORM count(kms_decrypt_text(blob)) FROM kept;
			END LOOP;
		END $$;}, $_);
	{ errors => \$errors, run => IPC::Run::start([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', $load ], '<', '/dev/null', '>', \$out, '2>', \$errors) };
} 1 .. 3;
my $rotations = 0;
while (grep { $_->{run}->pumpable } @writers)
{
	$_->{run}->pump_nb for grep { $_->{run}->pumpable } @writers;
	$node->psql('postgres', $rotate, on_error_die => 1);
	$rotations++;
	usleep(100_000);
}
ok($_->{run}->finish, 'a writer among rotations is never refused') or diag(${ $_->{errors} }) for @writers;
cmp_ok($rotations, '>', 1, "of which there were several ($rotations)");
is(value($node, $opens), '310|a value', 'everything opens');
is(value($node, "SELECT count((kms_get_secret_value(secret_name)).secret_data) FROM kms.secrets"), '301', 'also the secrets');
is_sound('after the load');
$node->psql('postgres', $rotate) for 1 .. 2;
is(value($node, $behind), '', 'and nothing stays under an earlier version');

# ---- more than one batch, and interrupted -----------------------------------------------

my $before = value($node, $versions);
$node->safe_psql('postgres', 'SELECT count(kms_create_key()) FROM generate_series(1, 60000)');
refused($node, "SET statement_timeout = 100; $rotate", '57014', '', 'a rotation is interrupted');
is(value($node, "$versions; $opens"), "$before\n310|a value", 'and has done nothing');
my $session = session($node);
start_asking($session, $rotate);
ok(defined wait_until(sub { value($node, q{SELECT count(*) FROM pg_locks WHERE relation = 'kms.domain_key'::regclass AND mode = 'ShareRowExclusiveLock' AND granted}) eq '1' }), 'another is at work');
$node->stop('immediate');
eval { $session->quit };
$node->start;
is(value($node, "$versions; $opens"), "$before\n310|a value", 'when the server crashes: it has done nothing either');

my ($out, $errors) = ('', '');
$node->psql('postgres', $rotate, stdout => \$out, stderr => \$errors);
is($out, $batch, 'one call does one batch');
like($errors, qr/NOTICE:  kms: $batch rows are under domain key ${\ ($before + 1) }; call kms_rotate_domain_key again for those that are left/, 'and says that there is more');
isnt(value($node, $behind), '', 'rows are left under the earlier version');
is(value($node, $opens), '310|a value', 'between two batches everything opens');
is(value($node, "SELECT kms_decrypt_text(kms_encrypt(kms_create_key()::text, 'x'))"), 'x', 'and keys are made');
is_sound('between two batches');
$node->restart;
my $left = value($node, $behind);
my $sum = 0;
$sum += $1 while $left =~ / (\d+)/g;
($out, $errors) = ('', '');
$node->psql('postgres', $rotate, stdout => \$out, stderr => \$errors);
is($out, $sum, 'the next call goes on with what is left');
like($errors, qr/NOTICE:  kms: no new domain key was made: $sum rows were under an earlier one than ${\ ($before + 1) }/, 'and says that it did just that');
is(value($node, $versions), $before + 1, 'under the same domain key');
is(value($node, $behind), '', 'then nothing is');
is_sound('after two batches');

# As many rows as a batch has: nothing is left, whoever repeats it comes to an end.
my $keys = $batch / 2;
$node->safe_psql('postgres', 'CREATE DATABASE exact');
$node->safe_psql('exact', "CREATE EXTENSION kms; SELECT count(kms_create_key()) FROM generate_series(1, $keys)");
$node->psql('exact', $rotate, stdout => \$out, stderr => \$errors);
is("$out$errors", $batch, 'one batch of as many rows ends without a notice');
$node->safe_psql('exact', 'SELECT kms_create_key()');
$node->psql('exact', $rotate, stdout => \$out, stderr => \$errors);
like($errors, qr/NOTICE:  kms: $batch rows are under domain key 3;/, 'one row more gives one');

# ---- the end -------------------------------------------------------------------------------

$node->wait_for_catchup($standby);
is(value($standby, $opens), '310|a value', 'the standby opens everything');
$standby->stop;
$node->stop;
for my $server ($node, $standby)
{
	unlike(log_since($server), qr/PANIC|TRAP:|terminated by signal/, $server->name . ': nothing crashed by itself');
}
done_testing();
