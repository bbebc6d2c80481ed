# What docs/tutorial-columns.md says is done and compared.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use HowTo;
use KmsServer;
use Test::More;

my $node = new_server('main', settings => "kms.worker_enabled = off\n");
my $superuser = getpwuid($<);

$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE page');
$node->safe_psql('page', 'CREATE EXTENSION kms');
follows_page($node, 'tutorial-columns.md', 'page', $superuser);

# ---- what it leaves ---------------------------------------------------------------------

is(value($node, q{SELECT string_agg(relation || '.' || column_name, ' ') FROM kms.protected_columns}, 'page'), 'bill.ssn', 'one column is still protected');
is(value($node, q{SELECT string_agg(DISTINCT left(ssn, 6), ' ') FROM bill}, 'page'), 'kms:1:', 'and encrypted');
is(value($node, q{SELECT count(*) FROM pg_attribute WHERE attrelid = 'patient'::regclass AND attname ~ 'blind' AND NOT attisdropped}, 'page'), '0', 'of the other nothing is left');
is(value($node, q{SELECT count(*) FROM kms_check_integrity()}, 'page'), '0', 'all rows are as they were written');

# ---- and what stands nowhere ------------------------------------------------------------

my $log = log_since($node);

like($log, qr/"operation":"Decrypt","result":"denied"[^\n]*"user":"nurse"/, 'that the nurse was refused stands in the log');
unlike($log, qr/\d{3}-\d{2}-\d{4}/, 'no number does');

$node->stop;
done_testing();
