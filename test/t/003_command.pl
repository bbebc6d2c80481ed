# The root key from a command.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $key = new_root_key();
my $folder = PostgreSQL::Test::Utils::tempdir;

sub set_command
{
	my ($node, $command) = @_;

	# As psql's variable, so that it may contain anything.
	$node->psql('postgres', q{ALTER SYSTEM SET kms.root_key_command = :'command'}, on_error_die => 1,
		extra_params => [ '-v', "command=$command" ]);
	return;
}

sub reload_says
{
	my ($node, $pattern, $name, $seconds) = @_;
	my $offset = -s $node->logfile;

	$node->reload;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(defined wait_until(sub { log_since($node, $offset) =~ $pattern }, $seconds), $name)
	  or diag(log_since($node, $offset));
	return log_since($node, $offset);
}

# ---- one that hangs ------------------------------------------------------------
# The start takes its 30 seconds while everything else is tried on another server.

my $slow = new_server('slow', root_key_file => 0,
	settings => "kms.root_key_command = 'echo \$\$ >$folder/pids; sleep 300 & echo \$! >>$folder/pids; wait'");
my $began = time;
my $starting = IPC::Run::start(
	[ 'pg_ctl', '-w', '-t', '90', '-D', $slow->data_dir, '-l', $slow->logfile, 'start' ],
	'>', "$folder/start.log", '2>&1');

# So does a reload of another one, which has a key.
my $late = new_server('late', root_key_file => 0, settings => "kms.root_key_command = 'cat $folder/late'");
write_private("$folder/late", new_root_key() . "\n");
$late->start;
$late->safe_psql('postgres', q{CREATE EXTENSION kms; SELECT kms_create_alias(kms_create_key()::text, 'alias/one')});
my $kept = value($late, q{SELECT kms_encrypt('alias/one', 'secret')});
set_command($late, "echo \$\$ >$folder/late_pids; sleep 300 & echo \$! >>$folder/late_pids; wait");
$late->reload;

# ---- what works -------------------------------------------------------------------

write_private("$folder/key", "$key\n");
my $node = new_server('main', root_key_file => 0,
	settings => "kms.root_key_command = 'echo ran >>$folder/runs; cat $folder/key; echo seen by the log >&2'");

sub runs
{
	return scalar(() = slurp_file("$folder/runs") =~ /^ran$/mg);
}

$node->start;
like(log_since($node), qr/LOG:  kms: the root key is loaded/, 'a command provides the root key at the start');
like(log_since($node), qr/^seen by the log$/m, 'what it writes to its standard error is in the log');
$node->safe_psql('postgres', q{CREATE EXTENSION kms; SELECT kms_create_alias(kms_create_key()::text, 'alias/one')});
is(value($node, 'SELECT root_key_id FROM kms.status'), root_key_id($key), 'it is the key that was printed');
my $blob = value($node, q{SELECT kms_encrypt('alias/one', 'secret')});

value($node, "SELECT kms_decrypt_text('$blob')") for 1 .. 3;
is(runs(), 1, 'it ran once, and no session runs it');
$node->reload;
ok(defined wait_until(sub { runs() == 2 }), 'a reload runs it again');

my $next = new_root_key();
write_private("$folder/both", "$next\n$key\n");
write_private("$folder/key", "$next\n$key\n");
reload_says($node, qr/LOG:  kms: the root key is loaded/, 'a command may print several keys');
is(value($node, "SELECT root_key_id, kms_decrypt_text('$blob') FROM kms.status"), root_key_id($next) . '|secret',
	'the first is current, the second still unwraps');
write_private("$folder/key", "$key\n");
reload_says($node, qr/LOG:  kms: the root key is loaded/, 'back to one');
for my $case ([ 'CRLF' => "sed 's/\$/\\r/' $folder/key" ], [ 'upper-case digits' => "tr a-f A-F <$folder/key" ], [ 'no end of line' => "tr -d '\\n' <$folder/key" ])
{
	my ($what, $command) = @$case;

	set_command($node, "cat $folder/both");
	reload_says($node, qr/LOG:  kms: the root key is loaded/, 'two keys once more');
	set_command($node, $command);
	reload_says($node, qr/LOG:  kms: the root key is loaded/, "a command may print $what");
	is(value($node, "SELECT root_key_id, kms_decrypt_text('$blob') FROM kms.status"), root_key_id($key) . '|secret', "$what: it is the same key");
}

write_private("$folder/garbage", "PLANTED-GARBAGE\n");

# ---- what does not ------------------------------------------------------------------

for my $case (
	[ 'a command that fails' => 'exit 1', qr/kms\.root_key_command failed/ ],
	[ 'a command that prints the key and fails' => "cat $folder/key; exit 1", qr/kms\.root_key_command failed/ ],
	[ 'a command that is killed' => "cat $folder/key; kill -9 \$\$", qr/kms\.root_key_command failed/ ],
	[ 'a command that does not exist' => "$folder/missing", qr/kms\.root_key_command failed/ ],
	[ 'a command that is no shell' => 'if (', qr/kms\.root_key_command failed/ ],
	[ 'a command that prints nothing' => 'true', qr/must be 1 to 8 different lines/ ],
	[ 'a command that prints garbage' => "cat $folder/garbage", qr/must be 1 to 8 different lines/ ],
	[ 'a command that prints half of a key' => "head -c 32 $folder/key", qr/must be 1 to 8 different lines/ ],
	[ 'a command that prints a key in bytes' => 'head -c 32 /dev/urandom', qr/must be 1 to 8 different lines/ ],
	[ 'a command that prints the key twice' => "cat $folder/key $folder/key", qr/must be 1 to 8 different lines/ ],
	[ 'a command that prints too much' => 'head -c 5000 /dev/zero', qr/kms\.root_key_command printed too much/ ],
	[ 'a command that never stops printing' => 'yes', qr/kms\.root_key_command printed too much/ ])
{
	my ($what, $command, $reason) = @$case;

	set_command($node, $command);
	my $start = time;
	reload_says($node, qr/WARNING:  kms: the root key stays as it was: .*$reason/, "$what: the log gives the reason");
	ok(time - $start < 10, "$what: at once");
	is(value($node, "SELECT kms_decrypt_text('$blob')"), 'secret', "$what: the key stays");
}

set_command($node, 'read line; echo "no input: <$line>" >&2; exit 1');
reload_says($node, qr/^no input: <>$/m, 'the standard input is empty');

set_command($node, 'exit 3');
$node->restart;
like(log_since($node), qr/WARNING:  kms: sealed, no root key: kms\.root_key_command failed/, 'failing at the start: sealed');
is(status($node), 'Suspended', 'and Suspended');
set_command($node, "cat $folder/key");
reload_says($node, qr/LOG:  kms: the root key is loaded/, 'a command that works unseals');
is(value($node, "SELECT kms_decrypt_text('$blob')"), 'secret', 'and keys work');
is(value($node, 'SHOW kms.root_key_command'), "cat $folder/key", 'a superuser sees the command');
$node->safe_psql('postgres', 'CREATE ROLE somebody');
is((failure($node, q{SET ROLE somebody; SHOW kms.root_key_command}) // {})->{sqlstate}, '42501', 'nobody else does');
refused($node, q{SET kms.root_key_command = 'true'}, '55P02', '', 'and no session can change it');

# ---- one that hangs in a running server -----------------------------------------------

set_command($node, "echo \$\$ >$folder/hanging; sleep 300");
$node->reload;
ok(defined wait_until(sub { -s "$folder/hanging" }), 'a reload runs a command that hangs');
is(value($node, "SELECT kms_decrypt_text('$blob')"), 'secret', 'sessions do not wait for it');
my $stop = time;
$node->stop('fast');
cmp_ok(time - $stop, '<', 10, 'and a stop does not, either');
my ($hanging) = split /\n/, slurp_file("$folder/hanging");
ok(defined wait_until(sub { !kill(0, $hanging) }, 5), 'it does not stay behind');

my $log = log_since($node);
unlike($log, qr/\Q$key\E|\Q$next\E/i, 'no key is in the log');
unlike($log, qr/PLANTED-GARBAGE/, 'nor anything else that a command printed');

# ---- the slow reload ---------------------------------------------------------------------

ok(defined wait_until(sub { log_since($late) =~ /WARNING:  kms: the root key stays as it was: kms\.root_key_command did not end within 30 seconds/ }, 60),
	'a reload, too, waits half a minute for a command that hangs, and says so');
is(value($late, "SELECT kms_decrypt_text('$kept')"), 'secret', 'and the key stays');
my @late_pids = split /\n/, slurp_file("$folder/late_pids");
is(scalar(@late_pids), 2, 'the command had a child');
ok(defined wait_until(sub { !grep { kill(0, $_) } @late_pids }, 5), 'neither is left');
write_private("$folder/late", $next . "\n" . slurp_file("$folder/late"));
set_command($late, "cat $folder/late");
reload_says($late, qr/LOG:  kms: the root key is loaded/, 'the next reload runs the next command');
is(value($late, "SELECT root_key_id, kms_decrypt_text('$kept') FROM kms.status"), root_key_id($next) . '|secret', 'and has its keys');

# ---- the slow start ----------------------------------------------------------------------

$starting->finish;
my $took = (stat "$folder/start.log")[9] - $began;
$slow->_update_pid(1);
cmp_ok($took, '<', 45, 'a command that hangs holds up the start for half a minute and no longer');
like(log_since($slow), qr/WARNING:  kms: sealed, no root key: kms\.root_key_command did not end within 30 seconds/,
	'the log gives the reason');
is(value($slow, 'SELECT 1'), '1', 'and the server serves');
my @pids = split /\n/, slurp_file("$folder/pids");
is(scalar(@pids), 2, 'the command had a child');
$slow->stop('immediate');
ok(defined wait_until(sub { !grep { kill(0, $_) } @pids }, 5), 'neither is left');

done_testing();
