# A disk that is full: what needs more room is refused and leaves nothing behind, what
# was there works on, and with room again everything does.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsFault;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $patience = 120;
my $node = new_server('main', settings => "kms.worker_enabled = off\nautovacuum = off\nrestart_after_crash = on\nkms.deletion_grace = 0\n");

start_with_faults($node);
watch($node);
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE ROLE kms_test_reader;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/kept');
	CREATE TABLE kept AS SELECT key_id::text AS key_id, kms_encrypt('alias/kept', 'x'::text) AS blob FROM kms_describe_key('alias/kept');
	CREATE TABLE name AS SELECT n, 'name-' || n AS name FROM generate_series(1, 300) n});
let_time_pass($node);

my $watcher = session($node);
my $session = session($node);
my $pid = ask($session, 'SELECT pg_backend_pid()');

sub everything
{
	return ask($watcher, 'SELECT everything()');
}

sub is_whole
{
	my ($what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(value($node, 'SELECT (SELECT count(*) FROM kms_check_integrity()), (SELECT count(first_bad_row) FROM kms_verify_audit_log())'), '0|0', "$what: every row and the audit log are intact");
	is(value($node, q{SELECT count(*) FROM kms.key k WHERE NOT EXISTS (SELECT FROM kms.key_version v WHERE v.key_id = k.id)}), '0', "$what: there is no half of a key");
	is(ask($session, q{SELECT kms_decrypt_text(blob), kms_decrypt_text(kms_encrypt('alias/kept', 'y'::text)) FROM kept}), 'x|y', "$what: what there was before works");
	return;
}

# ---- once, wherever it happens --------------------------------------------------------

# Each in the room that the one before has left.
my @operations = (
	[ 'making keys', q{SELECT count(kms_create_key(description => repeat('x', 2000))) FROM name} ],
	[ 'making pairs', q{SELECT count(kms_create_key('EC_P256', 'SIGN/VERIFY')) FROM name} ],
	[ 'making key versions', q{SELECT count(kms_create_key_version('alias/kept')) FROM name} ],
	[ 'making aliases', q{SELECT count(kms_create_alias(key_id, 'alias/' || md5(clock_timestamp()::text || n))) FROM kept, name} ],
	[ 'making secrets', q{SELECT count(arn) FROM name, kms_create_secret(md5(clock_timestamp()::text || n), 'v1', repeat('x', 2000))} ],
	[ 'making certificates', q{SELECT count(certificate_id) FROM name, kms_create_certificate('EC_P256', 'CN=' || name)} ],
	[ 'tagging', q{SELECT count(kms_tag_resource(jsonb_build_object('t', repeat('x', 100)), secret_name => name)) FROM kms.secret s} ],
	[ 'granting', q{SELECT count(kms_grant(id::text, 'kms_test_reader', '{Encrypt}')) FROM (SELECT id FROM kms.key ORDER BY id LIMIT 200) k} ],
	[ 'rotating the domain key', 'SELECT kms_rotate_domain_key()' ],
	[ 'scheduling deletions', q{SELECT count(kms_schedule_key_deletion(id::text, 7)) FROM (SELECT id FROM kms.key WHERE state = 'Enabled' AND NOT deletion_protected AND id <> (SELECT key_id::uuid FROM kept) ORDER BY id LIMIT 200) k} ],
	[ 'protecting a column', q{CREATE TABLE person AS SELECT n AS id, 'ssn ' || n AS ssn FROM name; ALTER TABLE person ADD PRIMARY KEY (id); SELECT kms_protect_column('person', 'ssn', 'alias/kept')} ]);

for my $operation (@operations)
{
	my ($what, $sql) = @$operation;
	my ($tries, $changed, %errors) = (0, 0);
	my $answer;

	for (my $n = 0;; $n += 1 + int($n / 3))
	{
		my $before = everything();

		let_fail('room', $n, pid => $pid);
		$answer = ask($session, "BEGIN; $sql; COMMIT");
		last if !no_more_faults();
		$tries++;
		$errors{$answer}++ if $answer ne '53100 ';
		$changed++ if everything() ne $before;
	}
	cmp_ok($tries, '>', 1, "$what needs room");
	is(join(' ', keys %errors), '', "$what is refused without it, wherever it is missing");
	is($changed, 0, "$what: which leaves nothing behind");
	unlike($answer, qr/^[0-9A-Z]{5} /, "$what works with it");
}
is_whole('refused and repeated');

# ---- for good -----------------------------------------------------------------------------

# Keys are made until there is no room.
my @made;
let_fail('room', 0, for_good => 1);
for (1 .. 500)
{
	my $answer = ask($session, q{SELECT kms_create_key(description => repeat('x', 2000))});

	last if $answer =~ /^53100/;
	push @made, $answer;
}
cmp_ok(scalar @made, '<', 500, 'there comes a key for which there is no room');
is(ask($session, q{SELECT kms_create_key(description => repeat('x', 2000))}), '53100 ', 'nor for another');
is(ask($session, q{SELECT kms_decrypt_text(blob), kms_decrypt_text(kms_encrypt('alias/kept', 'y'::text)) FROM kept}), 'x|y', 'what there was before works on a full disk');
is(value($node, q{SELECT kms_decrypt_text(blob) FROM kept}), 'x', 'in a new session, too');
is(value($node, 'SELECT count(*) FROM kms_check_integrity()'), '0', 'and is intact');
no_more_faults();
is(ask($session, q{SELECT kms_create_key(description => repeat('x', 2000)) IS NOT NULL}), 't', 'with room again a key is made');
is(value($node, sprintf(q{SELECT count(*) FROM unnest('{%s}'::text[]) id WHERE kms_decrypt_text(kms_encrypt(id, 'x'::text)) = 'x'}, join ',', @made)), scalar @made, 'those before it work');
is_whole('full and emptied');

# ---- batches and jobs ------------------------------------------------------------------------

# What is committed batch by batch stays as far as it came; the next call does the rest.
$node->safe_psql('postgres', q{CREATE TABLE large (id integer PRIMARY KEY, ssn text); INSERT INTO large SELECT n, 'ssn ' || n FROM generate_series(1, 5000) n; SELECT kms_protect_column('large', 'ssn', 'alias/kept')});
let_fail('room', 20, pid => $pid, for_good => 1);
is(ask($session, q{CALL kms_encrypt_existing('large', 'ssn', 100)}), '53100 ', 'rows are encrypted until there is no room');
no_more_faults();
my $sealed = value($node, q{SELECT count(*) FROM large WHERE ssn LIKE 'kms:1:%'});
cmp_ok($sealed, '>', 0, 'some are');
cmp_ok($sealed, '<', 5000, 'others are not');
is(value($node, q{SELECT count(*) FROM large_decrypted WHERE ssn = 'ssn ' || id}), '5000', 'all can be read');
is(ask($session, q{CALL kms_encrypt_existing('large', 'ssn', 100)}), '', 'with room again the rest is encrypted');
is(value($node, q{SELECT count(*) FILTER (WHERE l.ssn LIKE 'kms:1:%'), count(*) FILTER (WHERE d.ssn = 'ssn ' || id) FROM large l JOIN large_decrypted d USING (id)}), '5000|5000', 'and all can be read');

# A job that finds no room is left for later.
$node->safe_psql('postgres', q{CREATE TABLE turning AS SELECT kms_create_key(enable_automatic_rotation => true, rotation_interval => '30 days')::text AS id FROM name;
	UPDATE kms.key SET rotated_at = clock_timestamp() - interval '31 days', next_rotation_at = clock_timestamp() - interval '1 minute' FROM turning WHERE turning.id = key.id::text});
let_fail('room', 2, pid => $pid, for_good => 1);
ask($session, 'SELECT count(*) FROM kms_run_jobs()');
cmp_ok(no_more_faults(), '>', 0, 'jobs find no room');
is(value($node, q{SELECT count(*) FROM turning t JOIN kms.key k ON k.id::text = t.id JOIN kms.key_version p ON p.id = k.primary_version
	CROSS JOIN LATERAL (SELECT count(*) AS n FROM kms.key_version v WHERE v.key_id = k.id) v
	WHERE v.n = CASE WHEN k.next_rotation_at > clock_timestamp() THEN 2 ELSE 1 END}), '300', 'each key was rotated or not');
value($node, 'UPDATE kms.job SET retry_at = now() WHERE outcome <> \'done\'; SELECT count(*) FROM kms_run_jobs()');
is(value($node, q{SELECT count(*) FROM turning t WHERE 2 = (SELECT count(*) FROM kms.key_version v WHERE v.key_id::text = t.id)}), '300', 'with room again all are');
is_whole('batches and jobs');

# ---- no room for the WAL -----------------------------------------------------------------------

# That ends every session, as PostgreSQL does it; what was committed is there.
my $offset = -s $node->logfile;
my $last;
$node->safe_psql('postgres', 'CREATE TABLE seen (id text)');
let_fail('room', 0, path => '/pg_wal/');
for (1 .. 100)
{
	my ($errors, $id) = ('', '');

	$node->psql('postgres', q{SELECT kms_create_key()}, stdout => \$id, stderr => \$errors);
	last if $id eq '';
	$last = $id;
	$node->psql('postgres', 'SELECT pg_switch_wal()', stdout => \my $ignored, stderr => \$errors);
}
ok(defined wait_until(sub { log_since($node, $offset) =~ /PANIC:  .*No space left on device/ }, $patience), 'no room for the WAL ends the server');
ok($node->poll_query_until('postgres', 'SELECT true'), 'which comes back when there is');
no_more_faults();
eval { $_->quit } for $session, $watcher;
$session = session($node);
is(value($node, "SELECT kms_decrypt_text(kms_encrypt('$last', 'x'::text))"), 'x', 'the last key that was made works');
is_whole('no WAL');
$session->quit;

done_testing();
