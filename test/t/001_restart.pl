# Keys outlive the server: a restart, a crash, a backend that is killed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;

# A key of each spec with an old and a new version, and a ciphertext of each.
sub fill
{
	my ($node) = @_;

	$node->safe_psql('postgres', q{
		CREATE TABLE filled (name text, plaintext text, blob bytea);
		SELECT kms_create_alias(kms_create_key(spec)::text, 'alias/' || spec)
		  FROM unnest('{Aliyun_AES_256,Aliyun_AES_192,Aliyun_AES_128,Aliyun_SM4}'::text[]) spec;
		INSERT INTO filled SELECT alias_name || ' old', 'old text', kms_encrypt(alias_name, 'old text') FROM kms_list_aliases();
		SELECT kms_create_key_version(alias_name) FROM kms_list_aliases();
		INSERT INTO filled SELECT alias_name || ' new', 'new text', kms_encrypt(alias_name, 'new text') FROM kms_list_aliases();
		SELECT kms_create_alias(kms_create_key()::text, 'alias/disabled');
		SELECT kms_disable_key((kms_describe_key('alias/disabled')).key_id::text);
	});
	# Dead rows in the catalogs would be pruned, and that written to the WAL, by whoever comes by.
	$node->safe_psql('postgres', 'VACUUM');
	return;
}

sub works
{
	my ($node, $when) = @_;

	is(value($node, 'SELECT account_status, sealed, root_key_id = domain_root_key_id FROM kms.status'),
		'Enabled|f|t', "$when: unsealed");
	is(value($node, 'SELECT count(*), bool_and(kms_decrypt_text(blob) = plaintext) FROM filled'),
		'8|t', "$when: what was encrypted before opens");
	is(value($node, q{SELECT bool_and(kms_decrypt_text(kms_encrypt(alias_name, 'x')) = 'x') FROM kms_list_aliases() WHERE alias_name ~ 'Aliyun'}),
		't', "$when: every key encrypts");
	is(value($node, q{SELECT count(*) FROM kms.key_versions JOIN kms.aliases USING (key_id) WHERE alias_name ~ 'Aliyun|disabled'}),
		'9', "$when: every version is listed");
	refused($node, q{SELECT kms_encrypt('alias/disabled', 'x')}, '55000', 'Rejected.Disabled',
		"$when: a disabled key is still disabled");
	return;
}

for my $fsync (qw(off on))
{
	my $node = new_server("fsync_$fsync",
		settings => "fsync = $fsync\nrestart_after_crash = on\nsynchronous_commit = off\nwal_writer_delay = 10s");

	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION kms');
	fill($node);
	works($node, "fsync $fsync");

	$node->restart;
	works($node, "fsync $fsync, restarted");

	my $flushed = 'SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()';

	# Whatever synchronous_commit says: a ciphertext may leave the server at once.
	for my $change (
		[ 'a new key' => q{SELECT kms_create_alias(kms_create_key()::text, 'alias/more')} ],
		[ 'a new version' => q{SELECT kms_create_key_version('alias/more')} ],
		[ 'disabling' => q{SELECT kms_disable_key((kms_describe_key('alias/more')).key_id::text)} ],
		[ 'enabling' => q{SELECT kms_enable_key((kms_describe_key('alias/more')).key_id::text)} ],
		[ 'moving an alias' => q{SELECT kms_update_alias((kms_describe_key('alias/Aliyun_SM4')).key_id::text, 'alias/more')} ],
		[ 'a grant' => q{SELECT kms_grant('alias/more', 'PUBLIC', '{Encrypt}')} ],
		[ 'taking it away' => q{SELECT kms_revoke('alias/more', 'PUBLIC')} ],
		[ 'another owner' => q{SELECT kms_set_owner('alias/more', current_user)} ],
		[ 'deleting an alias' => q{SELECT kms_delete_alias('alias/more')} ])
	{
		my ($what, $sql) = @$change;

		# Asked before as well: the first to look a function up may prune the catalogue, which is written later.
		my $flushed = 'SELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()';
		is(value($node, "$flushed \\g /dev/null\n$sql \\g /dev/null\n$flushed"),
			't', "fsync $fsync: $what is on disk when it returns");
	}
	is(value($node, "CREATE TABLE other ()\\;SELECT 1 \\g /dev/null\nSELECT pg_current_wal_flush_lsn() >= pg_current_wal_insert_lsn()"),
		'f', "fsync $fsync: other changes are not, with synchronous_commit off");

	my $last = value($node, q{SELECT kms_encrypt(kms_create_key()::text, 'last words')});
	$node->stop('immediate');
	$node->start;
	is(value($node, "SELECT kms_decrypt_text('$last')"), 'last words',
		"fsync $fsync: a key made right before a crash opens what it encrypted");
	works($node, "fsync $fsync, after a crash");

	# The provider is not asked again: its file is gone by then.
	my $session = session($node);
	my $pid = ask($session, q{SELECT pg_backend_pid() FROM kms_encrypt('alias/Aliyun_SM4', 'x')});
	my $started = value($node, 'SELECT pg_postmaster_start_time()');
	my $offset = -s $node->logfile;
	rename(root_key_file($node), root_key_file($node) . '.away') or die "rename: $!";
	kill 'KILL', $pid;
	ok(defined wait_until(sub { log_since($node, $offset) =~ /all server processes terminated; reinitializing/ }),
		"fsync $fsync: a backend that is killed takes the others along");
	ok($node->poll_query_until('postgres', 'SELECT true'), "fsync $fsync: the server comes back");
	is(value($node, 'SELECT pg_postmaster_start_time()'), $started, "fsync $fsync: it is the same server");
	works($node, "fsync $fsync, after the end of a backend, without the root key file");
	eval { $session->quit };

	# The keeper of the root key ends, however roughly, and is there again.
	rename(root_key_file($node) . '.away', root_key_file($node)) or die "rename: $!";
	my ($keeper) = pids_of($node, qr/kms root key keeper/);
	ok(defined $keeper, "fsync $fsync: there is a keeper");
	kill 'KILL', $keeper;
	ok(defined wait_until(sub { my ($next) = pids_of($node, qr/kms root key keeper/); defined $next && $next != $keeper }),
		"fsync $fsync: a keeper that was killed is replaced");
	ok($node->poll_query_until('postgres', 'SELECT true'), "fsync $fsync: the server comes back again");
	works($node, "fsync $fsync, after the end of the keeper");

	$node->stop;
	unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|signal 11/, "fsync $fsync: nothing crashed but what was killed");
}

done_testing();
