# What docs/howto-certificates.md says is done and compared.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use HowTo;
use KmsServer;
use Test::More;

my $node = new_server('main', settings => "kms.worker_enabled = off\n");

$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE page');
$node->safe_psql('page', 'CREATE EXTENSION kms');
follows_page($node, 'howto-certificates.md', 'page', scalar getpwuid($<));

# ---- what is written down -----------------------------------------------------------------

my $log = log_since($node);

like($log, qr/"operation":"ExportCertificate","result":"success","code":null,"sqlstate":null,"user":"keeper",[^\n]*"resource":"certificate\//,
	'who exported the certificate stands in the log');
like($log, qr/"operation":"ExportCertificate","result":"denied",[^\n]*"user":"shop"/, 'and who tried');
is( value($node, q{SELECT string_agg(operation, ' ' ORDER BY seq) FROM kms.audit_log WHERE resource_type = 'certificate'}, 'page'),
	'CreateCertificate UploadCertificate Grant UploadCertificate UpdateCertificateStatus DeleteCertificate',
	'the audit log has what was changed, and nothing of the upload that was refused');
is(value($node, 'SELECT count(*) FROM kms_check_integrity()', 'page'), '0', 'all rows are as they were written');
is(value($node, 'SELECT count(*) FROM kms.grant_entry', 'page'), '0', 'and the grants went with the certificate');

$node->stop;
done_testing();
