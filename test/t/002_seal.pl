# Sealed, unsealed, and every root key that is refused.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $right = new_root_key();
my $wrong = new_root_key();
my $node = new_server('main', root_key => undef);
my $file = root_key_file($node);
my $outside = $node->basedir;
my $inside = $node->data_dir;

# Reload, and wait for what the keeper of the root key says to it.
sub reload_says
{
	my ($pattern, $name) = @_;
	my $offset = -s $node->logfile;

	$node->reload;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(defined wait_until(sub { log_since($node, $offset) =~ $pattern }), $name)
	  || diag(log_since($node, $offset));
}

sub set
{
	my ($name, $setting) = @_;

	$node->safe_psql('postgres', defined $setting ? "ALTER SYSTEM SET $name = '$setting'" : "ALTER SYSTEM RESET $name");
	return;
}

sub becomes
{
	my ($status, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return ok(defined wait_until(sub { status($node) eq $status }), $name);
}

# ---- a server without a root key -------------------------------------------

$node->start;
like(log_since($node), qr/WARNING:  kms: sealed, no root key: the root key file does not exist/,
	'the log says why the server is sealed');
is(value($node, 'CREATE TABLE ordinary AS SELECT 1 AS one; SELECT sum(one) FROM ordinary'), '1',
	'a sealed server serves ordinary SQL');
$node->safe_psql('postgres', 'CREATE EXTENSION kms');
pass('a sealed server can have the extension');
is(status($node), 'Suspended', 'its status is Suspended');
is(value($node, 'SELECT preloaded, sealed, root_key_id IS NULL, domain_root_key_id IS NULL FROM kms.status'), 't|t|t|t',
	'the view says the same');
is(value($node, 'SELECT count(*) FROM kms_list_keys()'), '0', 'keys can be listed');
is(value($node, 'SELECT count(*) FROM kms_list_aliases()'), '0', 'aliases can be listed');
is(value($node, 'SELECT length(kms_generate_random(16))'), '16', 'random bytes need no root key');
is(value($node, 'SELECT length(kms_get_random_password())'), '32', 'nor does a random password');

my $error = refused($node, 'SELECT kms_open_kms_service()', '55000', 'ServiceUnavailableTemporary',
	'the service cannot be opened while sealed');
like($error->{hint}, qr/kms\.root_key_file/, 'the hint names the setting');

# ---- unsealing without a restart -------------------------------------------

write_private($file, "$right\n");
reload_says(qr/LOG:  kms: the root key is loaded/, 'a reload loads a root key that was put in place');
becomes('NotEnabled', 'unsealed, but not open: NotEnabled');
refused($node, 'SELECT kms_create_key()', '55000', 'Forbidden.KmsServiceNotEnabled', 'no key before the service is open');

# Two at once: the second waits for the first.
{
	my $first = session($node);
	my $second = session($node);

	ask($first, 'BEGIN; SELECT kms_open_kms_service()');
	start_asking($second, 'SELECT kms_open_kms_service()');
	ok($node->poll_query_until('postgres',
			q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'kms_open'}),
		'a second session that opens the service waits');
	ask($first, 'COMMIT');
	is(answer($second), '55000 Forbidden.Opened', 'and is told that it is open');
	$first->quit;
	$second->quit;
}
is(status($node), 'Enabled', 'opened: Enabled');
refused($node, 'SELECT kms_open_kms_service()', '55000', 'Forbidden.Opened', 'opening what is open is refused');
is(value($node, 'SELECT root_key_id, domain_root_key_id FROM kms.status'), root_key_id($right) . '|' . root_key_id($right),
	'both ids are derived from the root key');

$node->safe_psql('postgres', q{SELECT kms_create_alias(kms_create_key()::text, 'alias/one')});
my $blob = value($node, q{SELECT kms_encrypt('alias/one', 'secret')});
is(value($node, "SELECT kms_decrypt_text('$blob')"), 'secret', 'keys work');
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN PASSWORD 'old';
	SELECT kms_tag_resource('{"team": "red"}', 'alias/one');
	SELECT kms_create_secret('kept', 'v1', 'a value'::text, encryption_key_id => 'alias/one', tags => '{"team": "blue"}'),
		kms_create_secret('app', 'v1', '{"Accounts": [{"AccountName": "app", "AccountPassword": "old"}]}'::text, 'Rds', 'alias/one',
			extended_config => '{"SecretSubType": "SingleUser", "DBInstanceId": "local"}', enable_automatic_rotation => true, rotation_interval => '7 days');
	SELECT kms_create_secret('doomed', 'v1', 'x'::text, encryption_key_id => 'alias/one');
	SELECT kms_delete_secret('doomed')});
is(value($node, q{SELECT (kms_get_secret_value('kept')).secret_data}), 'a value', 'and secrets');

$node->safe_psql('postgres', 'CREATE DATABASE second');
$node->safe_psql('second', 'CREATE EXTENSION kms');
is(status($node, 'second'), 'Enabled', 'in an unsealed server CREATE EXTENSION opens the service');
refused($node, 'SELECT kms_open_kms_service()', '55000', 'Forbidden.Opened', 'which is then open', dbname => 'second');

# ---- files that are refused --------------------------------------------------
# Sealed first, so that each of them could make a difference.

write_private($file, "$right\n");
set('kms.root_key_file', '');
reload_says(qr/LOG:  kms: sealed, no root key$/m, 'a reload without a provider seals');
is(status($node), 'Suspended', 'the status is Suspended');
$error = refused($node, q{SELECT kms_encrypt('alias/one', 'x')}, '55000', 'ServiceUnavailableTemporary', 'nothing is encrypted');
like($error->{message}, qr/sealed/, 'the message says sealed');
like($error->{hint}, qr/reload/, 'the hint says what to do');
refused($node, "SELECT kms_decrypt('$blob')", '55000', 'ServiceUnavailableTemporary', 'nothing is decrypted');
refused($node, 'SELECT kms_create_key()', '55000', 'ServiceUnavailableTemporary', 'no key is made');
refused($node, q{SELECT kms_create_key_version('alias/one')}, '55000', 'ServiceUnavailableTemporary', 'no version is made');
refused($node, q{SELECT kms_generate_data_key('alias/one')}, '55000', 'ServiceUnavailableTemporary', 'no data key is made');
refused($node, "SELECT kms_re_encrypt('$blob', 'alias/one')", '55000', 'ServiceUnavailableTemporary', 'nothing is re-encrypted');

# What changes a key or an alias tests its MAC first, and makes a new one.
my $id = value($node, q{SELECT key_id FROM kms_describe_key('alias/one')});
for my $call (
	"kms_disable_key('$id')", "kms_enable_key('$id')", "kms_update_key_description('$id', 'x')", "kms_set_deletion_protection('$id', true)",
	"kms_update_rotation_policy('$id', true, '7 days')", "kms_schedule_key_deletion('$id', 7)", "kms_cancel_key_deletion('$id')",
	"kms_create_alias('$id', 'alias/new')", "kms_update_alias('$id', 'alias/one')", q{kms_delete_alias('alias/one')},
	"kms_grant('$id', 'PUBLIC', '{Encrypt}')", "kms_revoke('$id', 'PUBLIC')", "kms_set_owner('$id', current_user)",
	"kms_tag_resource('{\"a\": \"1\"}', '$id')", "kms_untag_resource('{team}', '$id')")
{
	refused($node, "SELECT $call", '55000', 'ServiceUnavailableTemporary', ($call =~ s/\(.*//r) . ' is refused while sealed');
}
is(value($node, 'SELECT count(*) FROM kms_run_jobs()'), '0', 'jobs can be asked for');
is(value($node, q{SELECT kms_can('Encrypt', 'alias/one')}), 't', 'and rights');
is(value($node, q{SELECT key_state FROM kms_describe_key('alias/one')}), 'Enabled', 'a key can be described');
is(value($node, 'SELECT (SELECT count(*) FROM kms.keys), (SELECT count(*) FROM kms.key_versions), (SELECT count(*) FROM kms.aliases)'),
	'1|1|1', 'the views show what is there');
is(value($node, "SELECT plaintext_length FROM kms_ciphertext_info('$blob')"), '6', 'a ciphertext tells of itself');

# Secrets: what there is can be seen, no value is.
my $password = value($node, q{SELECT rolpassword FROM pg_authid WHERE rolname = 'app'});
for my $call (
	"kms_get_secret_value('kept')", "kms_get_secret_value('app', 'ACSCurrent')", "kms_create_secret('new', 'v1', 'x'::text)", "kms_create_secret('new', 'v1', 'x'::bytea, encryption_key_id => 'alias/one')",
	"kms_put_secret_value('kept', 'v2', 'x'::text)", "kms_put_secret_value('kept', 'v1', 'a value'::text)", "kms_put_secret_value('kept', 'v2', 'x'::bytea)", "kms_update_secret('kept', 'x')",
	"kms_update_secret_version_stage('kept', 'own', 'v1')", "kms_delete_secret('kept')", "kms_delete_secret('kept', true)", "kms_restore_secret('doomed')",
	"kms_rotate_secret('app')", "kms_update_secret_rotation_policy('app', false)",
	"kms_grant('secret/kept', 'PUBLIC', '{GetSecretValue}')", "kms_revoke('secret/kept', 'PUBLIC')", "kms_set_owner('secret/kept', current_user)",
	"kms_tag_resource('{}', secret_name => 'kept')", "kms_untag_resource('{team}', secret_name => 'kept')")
{
	refused($node, "SELECT $call", '55000', 'ServiceUnavailableTemporary', "$call is refused while sealed");
}
is(value($node, q{SELECT rolpassword FROM pg_authid WHERE rolname = 'app'}), $password, 'the password of a role is what it was');
is(value($node, q{SELECT string_agg(secret_name || ' ' || secret_type, ', ' ORDER BY secret_name) FROM kms_list_secrets()}), 'app Rds, doomed Generic, kept Generic', 'secrets can be listed');
is(value($node, q{SELECT (d).secret_type, (d).automatic_rotation FROM (SELECT kms_describe_secret('app') AS d OFFSET 0) t}), 'Rds|Enabled', 'and described');
is(value($node, 'SELECT (SELECT count(*) FROM kms.secrets), (SELECT count(*) FROM kms.secret_versions)'), '3|3', 'the views show what is there');
is(value($node, q{SELECT version_id, version_stages FROM kms_list_secret_version_ids('kept')}), 'v1|{ACSCurrent}', 'versions are listed with their labels');
is(value($node, q{SELECT kms_can('GetSecretValue', 'secret/kept')}), 't', 'and rights can be asked for');

my $tags = q{SELECT (SELECT string_agg(tag_key || '=' || tag_value, ' ') FROM kms_list_resource_tags('alias/one')), (SELECT string_agg(tag_key || '=' || tag_value, ' ') FROM kms_list_resource_tags(secret_name => 'kept')), (SELECT count(*) FROM kms.tags)};
is(value($node, $tags), 'team=red|team=blue|2', 'tags are shown, and as they were');
is(value($node, q{SELECT (SELECT count(*) FROM kms_list_keys(f)), secret_name, tags FROM (VALUES ('[{"Key": "TagKey", "Values": ["team"]}]'::jsonb)) t (f), kms_list_secrets(f, true)}), '1|kept|[{"TagKey": "team", "TagValue": "blue"}]', 'and found by');
is(value($node, 'SELECT region_id FROM kms_describe_regions()'), 'local', 'the region is known');

sub file_with
{
	my ($text, $mode) = @_;
	my $path = "$outside/candidate";

	system('rm', '-rf', $path);
	write_private($path, $text);
	chmod($mode, $path) if defined $mode;
	return $path;
}

sub link_to
{
	my ($target) = @_;

	system('rm', '-rf', "$outside/candidate");
	symlink($target, "$outside/candidate") or die "symlink: $!";
	return "$outside/candidate";
}

sub other_kind
{
	my ($command) = @_;

	system('rm', '-rf', "$outside/candidate");
	system_or_bail($command, "$outside/candidate");
	return "$outside/candidate";
}

write_private("$inside/root.key", "$right\n");
mkdir "$inside/kms_test";
write_private("$inside/kms_test/root.key", "$right\n");
my $open = qr/is open to group or others/;
my $malformed = qr/must be 1 to 8 different lines of 64 hexadecimal digits/;
my $within = qr/lies inside the data directory/;

for my $case (
	[ 'a file that everybody may read' => sub { file_with("$right\n", 0644) }, $open ],
	[ 'a file that the group may read' => sub { file_with("$right\n", 0640) }, $open ],
	[ 'a file that others may write' => sub { file_with("$right\n", 0602) }, $open ],
	[ 'a file that may only be executed by others' => sub { file_with("$right\n", 0601) }, $open ],
	# Only root can give a file away; /etc/passwd is one that somebody else owns.
	[ 'a file of another user (/etc/passwd)' => sub { '/etc/passwd' }, qr/does not belong to the server's user/ ],
	[ 'a link to a file of another user' => sub { link_to('/etc/passwd') }, qr/does not belong to the server's user/ ],
	[ 'a file that may not be opened' => sub { file_with("$right\n", 0000) }, qr/cannot be opened/ ],
	[ 'a folder' => sub { other_kind('mkdir') }, qr/is not a regular file/ ],
	[ 'a named pipe' => sub { other_kind('mkfifo') }, qr/is not a regular file/ ],
	[ 'a device' => sub { '/dev/zero' }, qr/is not a regular file/ ],
	[ 'a missing file' => sub { "$outside/missing" }, qr/does not exist/ ],
	[ 'a link that leads nowhere' => sub { link_to("$outside/missing") }, qr/does not exist/ ],
	[ 'a relative path' => sub { 'root.key' }, qr/must be an absolute path/ ],
	[ 'a file in the data directory' => sub { "$inside/root.key" }, $within ],
	[ 'a file deep in the data directory' => sub { "$inside/kms_test/root.key" }, $within ],
	[ 'a path that leads back into the data directory' => sub { "$outside/../" . ($outside =~ s!.*/!!r) . '/' . ($inside =~ s!.*/!!r) . '/root.key' }, $within ],
	[ 'a link into the data directory' => sub { link_to("$inside/root.key") }, $within ],
	[ 'a file behind a link to the data directory' => sub { link_to($inside) . '/root.key' }, $within ],
	[ 'a file that is too long' => sub { file_with("$right\n" . ' ' x 5000) }, qr/is too long/ ],
	[ 'an empty file' => sub { file_with('') }, $malformed ],
	[ 'a file of blanks' => sub { file_with(" \n\t\n") }, $malformed ],
	[ 'text that is not hexadecimal' => sub { file_with(substr($right, 0, 63) . "g\n") }, $malformed ],
	[ '63 digits' => sub { file_with(substr($right, 0, 63) . "\n") }, $malformed ],
	[ '65 digits' => sub { file_with("${right}0\n") }, $malformed ],
	[ '32 raw bytes' => sub { file_with(pack('H*', $right)) }, $malformed ],
	[ 'a zero byte after the key' => sub { file_with("$right\0\n") }, $malformed ],
	[ 'a key that is all zero' => sub { file_with('0' x 64) }, $malformed ],
	[ 'the same key twice' => sub { file_with("$right\n$right\n") }, $malformed ],
	[ 'a good key and a bad one' => sub { file_with("$right\nbad\n") }, $malformed ],
	[ 'nine keys' => sub { file_with(join("\n", map { new_root_key() } 1 .. 9)) }, $malformed ])
{
	my ($what, $make, $reason) = @$case;

	set('kms.root_key_file', $make->());
	reload_says(qr/WARNING:  kms: sealed, no root key: .*$reason/, "$what is refused, with the reason");
	is(status($node), 'Suspended', "$what leaves the server sealed");
}
unlike(log_since($node), qr/\Q$right\E/i, 'no line of the log quotes the key');
system('rm', '-rf', "$inside/root.key", "$inside/kms_test");

for my $case (
	[ 'a file that only its owner may read' => sub { file_with("$right\n", 0400) } ],
	[ 'capital digits, blanks and Windows line ends' => sub { file_with("\r\n  \t" . uc($right) . " \r\n\r\n") } ],
	[ 'no newline at the end' => sub { file_with($right) } ],
	[ 'a link to a good file' => sub { link_to($file) } ])
{
	my ($what, $make) = @$case;

	set('kms.root_key_file', $make->());
	reload_says(qr/LOG:  kms: the root key is loaded/, "$what is accepted");
	is(value($node, "SELECT kms_decrypt_text('$blob')"), 'secret', "$what: keys work");
	set('kms.root_key_file', '');
	reload_says(qr/LOG:  kms: sealed, no root key$/m, 'and sealed again');
}

# ---- a provider that breaks while the server runs -----------------------------

set('kms.root_key_file', undef);
reload_says(qr/LOG:  kms: the root key is loaded/, 'unsealed by the file of postgresql.conf');
unlink $file;
reload_says(qr/WARNING:  kms: the root key stays as it was: the root key file does not exist/,
	'a reload with a broken provider says that the key stays');
is(value($node, "SELECT kms_decrypt_text('$blob')"), 'secret', 'and it stays');

write_private($file, "$right\n");
set('kms.root_key_command', "cat $file");
reload_says(qr/WARNING:  kms: the root key stays as it was: kms.root_key_file and kms.root_key_command are both set/,
	'two providers at once change nothing on reload');
is(value($node, "SELECT kms_decrypt_text('$blob')"), 'secret', 'keys still work');
$node->restart;
like(log_since($node), qr/WARNING:  kms: sealed, no root key: kms.root_key_file and kms.root_key_command are both set/,
	'two providers at the start: sealed, with the reason');
is(status($node), 'Suspended', 'and Suspended');
set('kms.root_key_command', undef);
reload_says(qr/LOG:  kms: the root key is loaded/, 'one of them removed: unsealed');

# ---- the wrong root key ---------------------------------------------------------

write_private($file, "$wrong\n");
$node->restart;
is(status($node), 'Suspended', 'the wrong root key: Suspended');
is(value($node, 'SELECT sealed, root_key_id, domain_root_key_id FROM kms.status'), join('|', 'f', root_key_id($wrong), root_key_id($right)),
	'the view shows the id that is there and the id that is needed');
$error = refused($node, q{SELECT kms_encrypt('alias/one', 'x')}, '55000', 'ServiceUnavailableTemporary', 'nothing is encrypted');
is($error->{message},
	sprintf('wrong root key: this database needs root key %s, the server has %s', root_key_id($right), root_key_id($wrong)),
	'the error says wrong root key, with both ids');
refused($node, 'SELECT kms_create_key()', '55000', 'ServiceUnavailableTemporary', 'no key is made under the wrong root key');

write_private($file, "$wrong\n$right\n");
reload_says(qr/LOG:  kms: the root key is loaded/, 'the right one as the second line is loaded');
is(status($node), 'Enabled', 'and is enough: Enabled');
is(value($node, "SELECT kms_decrypt_text('$blob'), kms_decrypt_text(kms_encrypt('alias/one', 'new'))"), 'secret|new', 'keys work');
is(value($node, q{SELECT (kms_get_secret_value('kept')).secret_data, kms_rotate_secret('app', 'v2')}), 'a value|v2', 'secrets are read and rotated again');
$node->safe_psql('postgres', 'CREATE DATABASE third');
$node->safe_psql('third', 'CREATE EXTENSION kms');
is(value($node, 'SELECT domain_root_key_id FROM kms.status', 'third'), root_key_id($wrong), 'what is new is wrapped by the first');
write_private($file, "$right\n$wrong\n");
reload_says(qr/LOG:  kms: the root key is loaded/, 'in the other order');
is(join(' ', status($node), status($node, 'third')), 'Enabled Enabled', 'both databases work in either order');
write_private($file, "$right\n");
reload_says(qr/LOG:  kms: the root key is loaded/, 'one of the two is taken away');
is(join(' ', status($node), status($node, 'third')), 'Enabled Suspended', 'its database is suspended, the other is not');

# ---- damage ----------------------------------------------------------------------

my $session = session($node);
is(ask($session, "SELECT kms_decrypt_text('$blob')"), 'secret', 'a session has the key in its cache');
$node->safe_psql('postgres', q{
	CREATE TABLE saved AS SELECT wrapped FROM kms.domain_key;
	UPDATE kms.domain_key SET wrapped = set_byte(wrapped, 30, get_byte(wrapped, 30) # 1)});
$error = refused($node, q{SELECT kms_encrypt('alias/one', 'x')}, 'XX001', 'Rejected.Unavailable',
	'a domain key that was tampered with is a third error');
like($error->{message}, qr/domain key 1 has been damaged or tampered with/, 'and says so');
is(ask($session, "SELECT kms_decrypt_text('$blob')"), 'XX001 Rejected.Unavailable', 'also where the old one was in the cache');
refused($node, 'SELECT kms_create_key()', 'XX001', 'Rejected.Unavailable', 'no key is made under it');
$node->safe_psql('postgres', 'UPDATE kms.domain_key SET wrapped = (SELECT wrapped FROM saved)');
is(ask($session, "SELECT kms_decrypt_text('$blob')"), 'secret', 'mended, it works again, in the same session');

$node->safe_psql('postgres', q{
	SELECT kms_create_alias(kms_create_key()::text, 'alias/two');
	UPDATE kms.key_version v SET wrapped = (SELECT wrapped FROM kms.key_version w WHERE w.id <> v.id)});
for my $alias (qw(alias/one alias/two))
{
	$error = refused($node, "SELECT kms_encrypt('$alias', 'x')", 'XX001', 'Rejected.Unavailable',
		"$alias: material that was swapped with another key's does not open");
	like($error->{message}, qr/^the material of key version [0-9a-f-]{36} has been damaged or tampered with$/, "$alias: and says so");
}
$node->safe_psql('postgres', q{UPDATE kms.key_version v SET wrapped = (SELECT wrapped FROM kms.key_version w WHERE w.id <> v.id)});
is(ask($session, "SELECT kms_decrypt_text('$blob')"), 'secret', 'swapped back, it opens');

# ---- sealing bites in every session -------------------------------------------------

my $maker = session($node);
is(ask($session, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT kms_decrypt_text('$blob')"), 'secret', 'a session in a transaction uses a key');
is(ask($maker, 'SELECT kms_create_key() IS NOT NULL'), 't', 'a session makes a key, and nothing else');
set('kms.root_key_file', '');
reload_says(qr/LOG:  kms: sealed, no root key$/m, 'no provider any more: sealed');
is(ask($session, "SELECT kms_decrypt_text('$blob')"), '55000 ServiceUnavailableTemporary', 'the key in the cache is refused');
is(ask($session, q{ROLLBACK; BEGIN; SELECT (kms_get_secret_value('kept')).secret_data}), '55000 ServiceUnavailableTemporary', 'no secret is read with it');
is(ask($maker, 'SELECT kms_create_key() IS NOT NULL'), '55000 ServiceUnavailableTemporary', 'no further key is made');
my $looker = session($node);
$node->safe_psql('postgres', q{UPDATE kms.key SET description = 'by hand' WHERE id = (kms_describe_key('alias/two')).key_id});
is(ask($looker, q{SELECT kms_encrypt('alias/two', 'x')}), '55000 ServiceUnavailableTemporary', 'sealed, a row that was changed by hand is not told from others');
set('kms.root_key_file', undef);
reload_says(qr/LOG:  kms: the root key is loaded/, 'unsealed');
is(ask($looker, q{SELECT kms_encrypt('alias/two', 'x')}), 'XX001 Rejected.Unavailable', 'unsealed, it is refused, also where it was read before');
$looker->quit;
is(ask($session, "ROLLBACK; SELECT kms_decrypt_text('$blob')"), 'secret', 'the same session works again');
is(ask($maker, 'SELECT kms_create_key() IS NOT NULL'), 't', 'and the other one');

write_private($file, "$wrong\n");
reload_says(qr/LOG:  kms: the root key is loaded/, 'another root key takes the place of the right one');
is(ask($session, "SELECT kms_decrypt_text('$blob')"), '55000 ServiceUnavailableTemporary', 'sessions are refused at the next call');
is(ask($maker, 'SELECT kms_create_key() IS NOT NULL'), '55000 ServiceUnavailableTemporary', 'those that only make keys, too');
write_private($file, "$right\n");
reload_says(qr/LOG:  kms: the root key is loaded/, 'the right one again');
is(ask($session, "SELECT kms_decrypt_text('$blob')"), 'secret', 'and work again');
$session->quit;
$maker->quit;

# ---- the keeper --------------------------------------------------------------------

my ($keeper) = pids_of($node, qr/kms root key keeper/);
kill 'TERM', $keeper;
ok(defined wait_until(sub { my ($next) = pids_of($node, qr/kms root key keeper/); defined $next && $next != $keeper }, 10),
	'a keeper that was terminated is replaced');
unlink $file;
reload_says(qr/WARNING:  kms: the root key stays as it was/, 'and the new one takes reloads');

unlike(log_since($node), qr/\Q$right\E|\Q$wrong\E/i, 'no line of the log quotes a key');
$node->stop;
done_testing();
