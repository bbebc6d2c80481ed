# Processes of a server under load are killed, round after round: what a client saw
# committed is there, what it did not see is there as a whole or not at all.
#
#   KMS_ROUNDS=200   so many rounds
#   KMS_SEED=1       what chance decides; printed, so that a run can be had again
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../t";

use IPC::Run;
use KmsSecret;
use KmsServer;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $rounds = $ENV{KMS_ROUNDS} // 200;
my $seed = $ENV{KMS_SEED} // int(time * 1000) % 1_000_000;
my $clients = 4;
my $steps = 600;          # of a client in a round; more than it has time for
my $check_every = 20;     # rounds
my $patience = 120;       # seconds; no start takes that long
my $folder = PostgreSQL::Test::Utils::tempdir;

# What changes keys is on disk at its commit whatever the server says of others, so that
# the server says they are not; tags and rows of tables have to ask for it.
my $synchronously = 'SET LOCAL synchronous_commit = on;';

# Whoever changes something holds off the rotation of the domain key, also by hand.
my $joining = 'LOCK TABLE kms.domain_key IN ROW EXCLUSIVE MODE;';

srand $seed;
diag "KMS_SEED=$seed KMS_ROUNDS=$rounds";

# ---- the server ------------------------------------------------------------------

my $node = new_server('main',
	settings => "fsync = off\nsynchronous_commit = off\nrestart_after_crash = on\nautovacuum_naptime = 1\nkms.worker_naptime = 1\nkms.deletion_grace = 0\n");

require_passwords($node);
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION kms;
	CREATE SCHEMA app;
	CREATE TABLE app.fact (name text PRIMARY KEY, key_id uuid, blob bytea);
	CREATE TABLE app.person (id serial PRIMARY KEY, note text UNIQUE, ssn text);
	CREATE ROLE kms_test_reader;
	SELECT kms_create_alias(kms_create_key()::text, 'alias/' || name) FROM unnest('{shared,pii}'::text[]) name;
	SELECT kms_create_alias(kms_create_key('HMAC_SHA_256', 'GENERATE_VERIFY_MAC')::text, 'alias/search');
	SELECT kms_protect_column('app.person', 'ssn', 'alias/pii', blind_index => true, blind_index_key_id => 'alias/search')});
let_time_pass($node);
make_role($node, 'kms_test_app');
$node->safe_psql('postgres', secret_sql('role', 'SingleUser', ['kms_test_app']));

# What a client has for itself; seen is what it last saw of that, perhaps what it was
# about to make of it when the connection was lost.
my @own;

for my $client (0 .. $clients - 1)
{
	my ($one, $other) = split /\n/, value($node, 'SELECT kms_create_key() FROM generate_series(1, 2)');

	$node->safe_psql('postgres', "SELECT kms_create_alias('$one', 'alias/moving-$client');
		SELECT FROM kms_create_secret('secret-$client', 'first', 'value first'::text)");
	push @own, { one => $one, other => $other, perhaps => {},
		seen => { state => 'Enabled', moving => $one, current => 'first', tag => 'none', grants => 'none' } };
}

# ---- the load ----------------------------------------------------------------------

# A step is a name, a kind, and what psql is told: it prints the name, and what there is to
# remember, when it has seen the commit.  With something of the client's own: what, and
# what becomes of it.
my @kinds = (
	sub {
		my ($t) = @_;
		my $spec = (qw(Aliyun_AES_256 Aliyun_AES_192 Aliyun_SM4))[ rand 3 ];
		return [ $t, 'key', "SELECT '$t', id, kms_encrypt(id::text, '$t') FROM (SELECT kms_create_key('$spec', description => '$t') AS id OFFSET 0) k;" ];
	},
	sub {
		my ($t) = @_;
		my $function = rand() < 0.7 ? 'kms_encrypt' : 'kms_envelope_encrypt';
		return [ $t, 'blob', "SELECT '$t', NULL, $function('alias/shared', '$t'::text);" ];
	},
	# Several things at once.
	sub {
		my ($t, $client) = @_;
		return [ $t, 'work', "BEGIN; SELECT kms_create_key(description => 'work $t') AS id \\gset
			INSERT INTO app.fact VALUES ('$t', :'id', kms_encrypt(:'id', '$t'));
			SELECT kms_create_alias(:'id', 'alias/work-$t'), kms_tag_resource('{\"work\": \"$t\"}', :'id') \\g /dev/null
			SELECT FROM kms_put_secret_value('secret-$client', '$t', 'value $t'::text) \\g /dev/null
			COMMIT;\n\\echo $t", current => $t ];
	},
	sub {
		my ($t, $client) = @_;
		return [ $t, 'own', "SELECT version_id FROM kms_put_secret_value('secret-$client', '$t', 'value $t'::text);", current => $t ];
	},
	sub {
		my ($t, $client) = @_;
		my $verb = rand() < 0.5 ? 'disable' : 'enable';
		return [ $t, 'own', "SELECT '$t', kms_${verb}_key('$own[$client]{one}');", state => ucfirst "${verb}d" ];
	},
	sub {
		my ($t, $client) = @_;
		my $to = $own[$client]{ rand() < 0.5 ? 'one' : 'other' };
		return [ $t, 'own', "SELECT '$t', kms_update_alias('$to', 'alias/moving-$client');", moving => $to ];
	},
	sub {
		my ($t, $client) = @_;
		return [ $t, 'own', "BEGIN; $synchronously SELECT FROM kms_tag_resource('{\"t\": \"$t\"}', '$own[$client]{other}') \\g /dev/null\nCOMMIT;\n\\echo $t", tag => $t ];
	},
	sub {
		my ($t, $client) = @_;
		return [ $t, 'own', "SELECT '$t', kms_revoke('$own[$client]{other}', 'kms_test_reader');", grants => 'none' ] if rand() < 0.5;
		return [ $t, 'own', "SELECT '$t', kms_grant('$own[$client]{other}', 'kms_test_reader', '{Encrypt}');", grants => 'Encrypt' ];
	},
	sub {
		my ($t) = @_;
		return [ $t, 'row', "BEGIN; $synchronously INSERT INTO app.person (note, ssn) VALUES ('$t', 'ssn $t'); COMMIT;\n\\echo $t" ];
	});

# What not everybody does.
my $rotate = sub {
	my ($t) = @_;
	my $name = rand() < 0.5 ? 'shared' : 'pii';
	return [ $t, 'version', "SELECT '$t', kms_create_key_version('alias/$name');" ];
};
my $create_pair = sub {
	my ($t) = @_;
	return [ $t, 'signature', "SELECT '$t', id, kms_asymmetric_sign(id::text, NULL, 'ECDSA_SHA_256', sha256('$t'))
		FROM (SELECT kms_create_key('EC_P256', 'SIGN/VERIFY', description => '$t') AS id OFFSET 0) k;" ];
};
my $create_certificate = sub {
	my ($t) = @_;
	return [ $t, 'certificate', "SELECT '$t', certificate_id FROM kms_create_certificate('EC_P256', 'CN=$t');" ];
};
my $reencrypt = sub {
	my ($t) = @_;
	return [ $t, 'none', "CALL kms_reencrypt_column('app.person', 'ssn', 50);\n\\echo $t" ];
};
my $rotate_domain_key = sub {
	my ($t) = @_;
	return [ $t, 'none', "SELECT '$t', kms_rotate_domain_key();" ];
};
my $run_jobs = sub {
	my ($t) = @_;
	return [ $t, 'none', "SELECT '$t', count(*) FROM kms_run_jobs();" ];
};
my $doom = sub {
	my ($t) = @_;
	return ([ "$t-made", 'doomed', "SELECT id AS doomed, kms_create_alias(id::text, 'alias/$t') FROM (SELECT kms_create_key(description => '$t') AS id OFFSET 0) k \\gset\n\\echo $t-made|:doomed" ],
		[ "$t-scheduled", 'none', "SELECT '$t-scheduled' FROM kms_schedule_key_deletion(:'doomed', 7);" ],
		[ "$t-due", 'none', "BEGIN; $joining UPDATE kms.key SET delete_at = clock_timestamp() - interval '1 minute' WHERE id = :'doomed'; COMMIT;\n\\echo $t-due" ]);
};
my $rotate_secret = sub {
	my ($t) = @_;
	return [ $t, 'none', "BEGIN; $joining UPDATE kms.secret SET next_rotation_at = clock_timestamp() WHERE name = 'role'; COMMIT;\n\\echo $t" ];
};
my @repertoire = (
	[ @kinds, $rotate, $create_pair, $run_jobs ],
	[ @kinds, $reencrypt, $rotate ],
	[ @kinds, $doom, $doom, $run_jobs, $rotate_secret ],
	[ @kinds, $create_certificate, $doom, $create_pair, $rotate_domain_key ]);

# psql with steps; it ends when the connection does, or at an error.
sub start_client
{
	my ($round, $client) = @_;
	my @steps;

	while (@steps < $steps)
	{
		push @steps, $repertoire[$client][ rand @{ $repertoire[$client] } ]->("r$round-c$client-" . @steps, $client);
	}
	unlink map { "$folder/client-$client.$_" } qw(sql out err);
	append_to_file("$folder/client-$client.sql", join '', "SET client_min_messages = error;\n", map { "$_->[2]\n" } @steps);
	my $run = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', "$folder/client-$client.sql" ],
		'<', '/dev/null', '>', "$folder/client-$client.out", '2>', "$folder/client-$client.err");
	return { run => $run, client => $client, steps => \@steps };
}

# What it saw committed: [ name, kind, answers ... ].  Of the step after that nobody knows.
sub end_client
{
	my ($load) = @_;
	my $own = $own[ $load->{client} ];
	my @facts;

	$load->{run}->finish;
	my %answer = map { (split /\|/, $_, 2)[0] => $_ } split /\n/, slurp_file("$folder/client-$load->{client}.out");
	$own->{perhaps} = {};
	for my $step (@{ $load->{steps} })
	{
		my ($name, $kind, undef, $what, $becomes) = @$step;
		my $stem = $name =~ s/-(?:made|scheduled|due)$//r;

		# Of keys to be deleted the last step tells what is left.
		$facts[-1][3] = { scheduled => 'Enabled PendingDeletion', due => 'PendingDeletion gone' }->{ $name =~ s/^.*-//r }
		  if @facts && $facts[-1][1] eq 'doomed' && "$stem-made" eq $facts[-1][0] && $name ne $facts[-1][0];
		if (!exists $answer{$name})
		{
			$own->{perhaps}{$what} = $becomes if defined $what;
			last;
		}
		push @facts, [ $name, $kind, (split /\|/, $answer{$name})[ 1, 2 ] ] if $kind !~ /^(?:own|none)$/;
		$facts[-1][3] = 'Enabled' if $kind eq 'doomed';
		$facts[-1][3] = 'PendingDeletion' if $name =~ /-scheduled$/;
		$own->{seen}{$what} = $becomes if defined $what;
	}
	return @facts;
}

# ---- death ---------------------------------------------------------------------------

sub some_of
{
	my ($count, @from) = @_;

	return map { splice @from, rand @from, 1 } 1 .. ($count < @from ? $count : @from);
}

# A server whose postmaster is gone begins anew when nobody else of it is left.
sub start_again
{
	my (@left) = @_;

	wait_until(sub { !grep { kill 0, $_ } @left }, $patience) // die 'processes do not end';
	$node->start;
	return;
}

# A worker is there for a moment now and then.
sub wait_for_worker
{
	my @workers;

	wait_until(sub { @workers = pids_of($node, qr/kms worker/) }, 1.5);
	return @workers;
}

my %deaths = (
	'a session' => sub { kill 'KILL', some_of(1, pids_of($node, qr/\[local\]/)) },
	'several sessions' => sub { kill 'KILL', some_of(3, pids_of($node, qr/\[local\]/)) },
	'a worker' => sub { kill 'KILL', some_of(1, wait_for_worker()) },
	'another process' => sub { kill 'KILL', some_of(1, pids_of($node, qr/launcher|keeper|writer|checkpointer/)) },
	'the postmaster' => sub { my @left = pids_of($node, qr/./); $node->kill9; start_again(@left) },
	'all' => sub { my @left = pids_of($node, qr/./); $node->kill9; kill 'KILL', @left; start_again(@left) },
	'an immediate shutdown' => sub { $node->stop('immediate'); $node->start });
my @ways = (('a session') x 4, ('several sessions') x 3, ('a worker') x 4, ('another process') x 2, ('the postmaster') x 2, ('all') x 3, 'an immediate shutdown');

sub is_serving
{
	my ($answer, $errors);

	return $node->psql('postgres', 'SELECT kms_describe_account_kms_status()', stdout => \$answer, stderr => \$errors) == 0 && $answer eq 'Enabled';
}

# ---- what must hold --------------------------------------------------------------------

# Each of a client's own things is what it last saw, or what it was about to make of it.
sub find_lost
{
	my @lost;
	my %now = map { my ($what, $is) = split /\|/; $what => $is } split /\n/, value($node, join ' UNION ALL ', map { my $own = $own[$_]; qq{
		SELECT '$_ state', key_state FROM kms_describe_key('$own->{one}') UNION ALL
		SELECT '$_ moving', key_id::text FROM kms.aliases WHERE alias_name = 'alias/moving-$_' UNION ALL
		SELECT '$_ current', version_id FROM kms_get_secret_value('secret-$_') WHERE secret_data = 'value ' || version_id UNION ALL
		SELECT '$_ tag', coalesce((SELECT tag_value FROM kms_list_resource_tags('$own->{other}')), 'none') UNION ALL
		SELECT '$_ grants', coalesce((SELECT min(operations[1]) FROM kms_list_grants('$own->{other}')), 'none')} } 0 .. $#own);

	for my $client (0 .. $#own)
	{
		my ($seen, $perhaps) = @{ $own[$client] }{qw(seen perhaps)};

		for my $what (sort keys %$seen)
		{
			my $is = $now{"$client $what"} // 'lost';

			push @lost, "$what of client $client: $is, not $seen->{$what}" . (defined $perhaps->{$what} ? " or $perhaps->{$what}" : '')
			  if $is ne $seen->{$what} && $is ne ($perhaps->{$what} // $seen->{$what});
			$seen->{$what} = $is;
		}
	}
	return @lost;
}

# Facts that are none any more.
sub find_missing
{
	unlink "$folder/facts";
	append_to_file("$folder/facts", join '', map { join("\t", map { $_ // '' } @$_[ 0 .. 3 ]) =~ s/\\/\\\\/gr . "\n" } @_);
	return split /\n/, value($node, qq{
		CREATE TEMP TABLE fact (name text, kind text, id text, bytes text);
		\\copy fact FROM '$folder/facts'
		SELECT kind, name, id FROM fact f WHERE NOT coalesce(CASE kind
			WHEN 'key' THEN kms_decrypt_text(bytes::bytea) = name AND (kms_describe_key(id)).description = name
			WHEN 'blob' THEN kms_decrypt_text(bytes::bytea) = name
			WHEN 'signature' THEN kms_asymmetric_verify(id, NULL, 'ECDSA_SHA_256', sha256(name::bytea), bytes::bytea)
			WHEN 'certificate' THEN (SELECT csr LIKE '-----BEGIN%' FROM kms_get_certificate(id))
			WHEN 'version' THEN EXISTS (SELECT FROM kms.key_version v WHERE v.id = f.id::uuid)
			WHEN 'work' THEN (SELECT kms_decrypt_text(blob) = name FROM app.fact w WHERE w.name = f.name)
			WHEN 'row' THEN (SELECT p.ssn = 'ssn ' || f.name FROM app.person_decrypted p WHERE p.note = f.name)
			WHEN 'doomed' THEN coalesce((SELECT state FROM kms.key k WHERE k.id = f.id::uuid), 'gone') = ANY (string_to_array(bytes, ' ')) END, false)});
}

# Whatever there is is whole, seen by anybody or not: what follows counts what is not.
my %halves = (
	'a key without versions, or with a primary version that is none' => q{SELECT count(*) FROM kms.key k
		WHERE NOT EXISTS (SELECT FROM kms.key_version v WHERE v.key_id = k.id AND v.id = coalesce(k.primary_version, v.id))},
	'versions, aliases or tags of no key' => q{SELECT (SELECT count(*) FROM kms.key_version WHERE key_id NOT IN (SELECT id FROM kms.key)) +
		(SELECT count(*) FROM kms.alias WHERE key_id NOT IN (SELECT id FROM kms.key)) +
		(SELECT count(*) FROM kms.tag WHERE resource_type = 'key' AND resource NOT IN (SELECT id FROM kms.key))},
	'a key that does not encrypt' => q{SELECT count(*) FROM kms.key
		WHERE state = 'Enabled' AND spec IN ('Aliyun_AES_256', 'Aliyun_AES_192', 'Aliyun_SM4') AND kms_decrypt_text(kms_encrypt(id::text, 'x'::text)) IS DISTINCT FROM 'x'},
	'half of a transaction' => q{SELECT (SELECT count(*) FROM kms.key WHERE description LIKE 'work %') + (SELECT count(*) FROM kms.alias WHERE name LIKE 'alias/work-%') +
		(SELECT count(*) FROM kms.tag WHERE tag_key = 'work') + (SELECT count(*) FROM app.fact) -
		4 * (SELECT count(*) FROM app.fact f JOIN kms.key k ON k.id = f.key_id AND k.description = 'work ' || f.name
			JOIN kms.alias a ON a.key_id = k.id AND a.name = 'alias/work-' || f.name JOIN kms.tag t ON t.resource = k.id AND t.tag_value = f.name)},
	'a row that does not read as it was written' => q{SELECT count(*) FROM app.person_decrypted WHERE ssn IS DISTINCT FROM 'ssn ' || note
		OR ssn_blind_index IS DISTINCT FROM kms_blind_index('alias/search', ssn)},
	'a change without a trace, or a trace without a change' => q{
		SELECT count(*) FROM kms.key k
		  FULL JOIN (SELECT resource, count(*) AS times FROM kms.audit_entry WHERE operation = 'CreateKey' AND result = 'success' GROUP BY 1) made ON made.resource = k.id::text
		  FULL JOIN (SELECT resource, count(*) AS times FROM kms.audit_entry WHERE operation = 'KeyDeletion' AND result = 'success' GROUP BY 1) gone USING (resource)
		 WHERE made.times IS DISTINCT FROM 1 OR (k.id IS NULL) <> (gone.times IS NOT DISTINCT FROM 1)},
	'a row that is not intact' => q{SELECT count(*) FROM kms_check_integrity()},
	'a broken audit log' => q{SELECT count(first_bad_row) FROM kms_verify_audit_log()});

sub find_halves
{
	my @halves = grep { value($node, $halves{$_}) ne '0' } sort keys %halves;
	my ($account, $password) = held($node, 'role');

	push @halves, 'a password that does not log in' if logs_in($node, $account, $password) ne 'yes';
	return @halves;
}

# ---- round after round --------------------------------------------------------------------

my (@facts, @problems, %died);
my $served = 0;
my $began = time;

for my $round (1 .. $rounds)
{
	my $how = $ways[ rand @ways ];
	my $offset = -s $node->logfile;
	my @load = map { start_client($round, $_) } 0 .. $clients - 1;

	sleep 0.15 + rand 0.6;
	$deaths{$how}->();
	# Those whom nobody has told go on until somebody does.
	kill 'KILL', some_of(1, pids_of($node, qr/\[local\]/)) if log_since($node, $offset) !~ /terminated by signal|immediate shutdown|not properly shut down/
		&& !defined wait_until(sub { log_since($node, $offset) =~ /terminated by signal|not properly shut down/ }, 0.5);
	my @new = map { end_client($_) } @load;
	defined wait_until(\&is_serving, $patience) or die "the server does not come back (KMS_SEED=$seed, round $round)";
	my $errors = join '', map { slurp_file("$folder/client-$_.err") } 0 .. $clients - 1;

	$died{$how}++;
	$served++ if log_since($node, $offset) =~ /database system is ready to accept connections/;
	push @problems, map { "round $round, $how: $_" } find_lost(), find_missing(@new), $errors =~ /^.*ERROR: .*$/mg;
	push @facts, @new;
	if ($round % $check_every == 0 || $round == $rounds)
	{
		push @problems, map { "after round $round: $_" } find_halves(), find_missing(@facts);
		note sprintf '%d rounds, %d facts, %d s', $round, scalar @facts, time - $began;
	}
	last if @problems;
}

is($served, $rounds, "$rounds times the server was killed under load and came back (KMS_SEED=$seed)");
is(join("\n", @problems), '', 'what a client saw committed is there, and nothing by halves');
note join ', ', map { "$died{$_} times $_" } sort keys %died;
my %facts = map { $_->[1] => 1 } @facts;
is(join(' ', sort keys %facts), 'blob certificate doomed key row signature version work', 'everything was among it');
cmp_ok(scalar @facts, '>', 20 * $rounds, 'and a lot of it');
cmp_ok(value($node, q{SELECT count(*) FROM kms.audit_log WHERE operation = 'KeyDeletion' AND result = 'success'}), '>', $rounds / 10, 'keys were deleted on the way');
cmp_ok(value($node, q{SELECT count(*) FROM kms.audit_log WHERE operation = 'SecretRotation' AND result = 'success'}), '>', $rounds / 20, 'passwords changed');
cmp_ok(value($node, 'SELECT count(*) FROM kms.domain_key'), '>', 1 + $rounds / 10, 'and the domain key');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal (?!9\b)/, 'nothing crashed but what was killed');

done_testing();
