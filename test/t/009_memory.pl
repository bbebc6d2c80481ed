# Memory that cannot be locked is no reason to fail, and is not kept quiet.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use KmsServer;
use PostgreSQL::Test::Utils;
use Test::More;

my $question = 'SELECT root_key_memory, session_memory_locked FROM kms_generate_random(1), kms.status';
my $use = q{SELECT kms_decrypt_text(kms_encrypt('alias/one', 'x')) \g /dev/null} . "\n$question";

# Limits are inherited: a shell lowers them for the server that it starts.
sub start_with_limit
{
	my ($node, $limit) = @_;

	system_or_bail('sh', '-c', 'ulimit -l "$1"; shift; exec "$@"', 'sh', $limit,
		'pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, 'start');
	$node->_update_pid(1);
	return;
}

sub limit_of
{
	my ($pid) = @_;

	return slurp_file("/proc/$pid/limits") =~ /^Max locked memory\s+(\S+)/m ? $1 : die 'no limit';
}

my $node = new_server('main');

# ---- nothing may be locked ------------------------------------------------------

start_with_limit($node, 0);
my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
is(limit_of($postmaster), '0', 'the server may not lock memory');
like(log_since($node), qr/WARNING:  the memory of the root key cannot be locked and may be swapped out\n.*HINT:.*RLIMIT_MEMLOCK/,
	'the log warns at the start');
$node->safe_psql('postgres', q{CREATE EXTENSION kms; SELECT kms_create_alias(kms_create_key()::text, 'alias/one')});
is(value($node, $use), 'unlocked|f', 'keys work, and kms.status says that nothing is locked');
my $blob = value($node, q{SELECT kms_encrypt('alias/one', 'secret')});
unlike(log_since($node), qr/PANIC|FATAL/, 'and nothing failed');

# ---- room for the root key, not for the sessions' keys --------------------------------

$node->stop;
start_with_limit($node, 8);
my $memory = value($node, $use);
like($memory, qr/^(locked|secret)\|f$/, 'with room for the root key only, the one is locked and the other is not');

# ---- as much as this user may have --------------------------------------------------------

my ($hard) = slurp_file('/proc/self/limits') =~ /^Max locked memory\s+\S+\s+(\S+)/m;
$node->stop;
start_with_limit($node, $hard eq 'unlimited' ? $hard : int($hard / 1024));
my $expected = $hard eq 'unlimited' || $hard >= 256 * 1024 ? qr/^(locked|secret)\|t$/ : qr/^(locked|secret|unlocked)\|[tf]$/;
like(value($node, $use), $expected, "with the limit of this user ($hard) what can be locked is");
is(value($node, "SELECT kms_decrypt_text('$blob')"), 'secret', 'and what was encrypted without opens');

$node->stop;
done_testing();
