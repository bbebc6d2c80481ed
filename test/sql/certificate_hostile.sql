-- Uploads that are none: what is not a certificate, not this request's, or does not fit its chain.
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set setup :here /sql/include/setup.psql
\i :setup
BEGIN;
SELECT plan(68);
\set ca_file :here /sql/include/ca.psql
\i :ca_file

SELECT certificate_id AS id, csr FROM kms_create_certificate('EC_P256', 'CN=example.com') \gset
SELECT csr AS other_csr FROM kms_create_certificate('EC_P256', 'CN=example.com') \gset
SELECT pg_temp.issue(:'csr') AS pem, pg_temp.sh('openssl x509 -in leaf.pem -outform DER | base64 -w 64') AS base64, pg_temp.sh('openssl x509 -in leaf.pem -text') AS printed, pg_temp.sh('openssl x509 -in leaf.pem -trustout') AS trusted,
	   pg_temp.sh('openssl crl2pkcs7 -nocrl -certfile leaf.pem') AS pkcs7, pg_temp.sh('cat root.key') AS private_key,
	   pg_temp.issue(:'other_csr') AS stranger, pg_temp.issue(:'csr', extensions => 'unknown') AS unknown, pg_temp.issue(:'csr', enddate => '210101000000Z') AS expired,
	   pg_temp.issue(:'csr', startdate => '20500101000000Z') AS early, pg_temp.issue(:'csr', more => '-md sha1') AS weak, pg_temp.issue(:'csr', issuer => 'root') AS of_root \gset
SELECT pg_temp.make_ca('old', 'root', enddate => '210101000000Z') AS old, pg_temp.make_ca('young', 'root', startdate => '20500101000000Z') AS young, pg_temp.make_ca('nobody', 'root', 'leaf') AS nobody, pg_temp.make_ca('odd', 'root', 'unknown') AS odd,
	   pg_temp.make_ca('lower', 'inter') AS lower, pg_temp.make_ca('foreign') AS foreign_root \gset
SELECT pg_temp.issue(:'csr', 'old') AS by_old, pg_temp.issue(:'csr', 'young') AS by_young, pg_temp.issue(:'csr', 'nobody') AS by_nobody, pg_temp.issue(:'csr', 'odd') AS by_odd, pg_temp.issue(:'csr', 'lower') AS by_lower \gset
/* The same name as the root, another key. */
SELECT pg_temp.sh('openssl ecparam -name prime256v1 -genkey -noout -out twin.key; openssl req -config ca.cnf -new -x509 -key twin.key -subj /CN=root -extensions ca_only -days 100') AS twin \gset

CREATE FUNCTION pg_temp.uploaded(id text, pem text, chain text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS
$$
BEGIN
	RAISE EXCEPTION USING ERRCODE = 'KT001', MESSAGE = regexp_replace(pg_temp.complaint('SELECT kms_upload_certificate(%L, %L, %L)', id, pem, chain), '^22023\|InvalidParameter\|invalid value for (\w+): ', '\1: ');
EXCEPTION WHEN SQLSTATE 'KT001' THEN
	RETURN SQLERRM;
END
$$;
\set no_pem 'is not PEM and nothing else: -----BEGIN CERTIFICATE-----, Base64, -----END CERTIFICATE-----'

-- ---- what is right --------------------------------------------------------

SELECT is(pg_temp.uploaded(:'id', pem, chain), 'fine', 'taken: ' || what)
  FROM (VALUES (:'pem', NULL, 'no chain'), (:'pem', '', 'an empty chain'), (:'pem', :'inter', 'the issuer'), (:'pem', :'inter' || :'root', 'all up to the root'), (:'of_root', :'root', 'one of the root'), (:'by_lower', :'lower' || :'inter' || :'root', 'two CAs between'),
			   (replace(:'pem', E'\n', E'\r\n'), NULL, 'lines that end as in Windows'), (rtrim(:'pem', E'\n'), NULL, 'no end of the last line'), (E'\n\n' || :'pem' || E'\n \n', NULL, 'blank lines around it'),
			   (:'pem', :'inter' || E'\n\n' || :'root', 'a blank line within the chain')) t (pem, chain, what);

-- ---- no certificate -------------------------------------------------------

SELECT is(pg_temp.uploaded(:'id', pem), 'certificate: the certificate ' || coalesce(problem, :'no_pem'), 'refused: ' || what)
  FROM (VALUES ('', NULL, 'nothing'), (' ', NULL, 'a blank'), ('x', NULL, 'a letter'), ('garbage' || E'\n' || :'pem', NULL, 'garbage before'), (:'pem' || 'garbage', NULL, 'garbage behind'), ('garbage' || :'pem', NULL, 'garbage right before'),
			   (regexp_replace(:'pem', E'\n(.{64})\n', E'\n\\1\n*garbage*\n'), NULL, 'garbage within'), (:'printed', NULL, 'the text of openssl before it'), (:'pem' || :'pem', NULL, 'the same twice'), (:'pem' || :'inter', NULL, 'two in one'),
			   (:'base64', NULL, 'Base64 of DER'), (E'0\u0082\u0001\u000a\u0030', NULL, 'the beginning of DER'), (encode(decode(:'base64', 'base64'), 'hex'), NULL, 'DER in hexadecimal'), (encode(decode(:'base64', 'base64'), 'escape'), NULL, 'DER as text'),
			   (:'csr', NULL, 'the request'), (:'trusted', NULL, 'a trusted certificate'), (:'pkcs7', NULL, 'PKCS #7'), (:'private_key', NULL, 'a private key'), (:'pem' || :'private_key', NULL, 'and a private key behind it'),
			   (replace(:'pem', 'BEGIN CERTIFICATE', 'BEGIN X509 CERTIFICATE'), NULL, 'another label'), (replace(:'pem', 'END CERTIFICATE', 'END CERT'), NULL, 'another end'), (left(:'pem', 200), NULL, 'the first part'),
			   (replace(:'pem', '-----', '----'), NULL, 'a hyphen less'), (replace(:'pem', '+', '-'), CASE WHEN strpos(:'pem', '+') = 0 THEN 'x' END, 'the other alphabet'), (regexp_replace(:'pem', 'MII', 'MI*'), NULL, 'a star'),
			   (E'-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', NULL, 'nothing between'), (repeat('x', 65536), NULL, '64 KB of letters'), (repeat(:'pem', 100), NULL, 'a hundred of them') ,
			   (E'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'is no X.509 certificate', 'three zeros'),
			   (E'-----BEGIN CERTIFICATE-----\n' || encode(decode(:'base64', 'base64') || '\x00', 'base64') || E'\n-----END CERTIFICATE-----\n', 'is no X.509 certificate', 'a byte more'),
			   (E'-----BEGIN CERTIFICATE-----\n' || encode(substr(decode(:'base64', 'base64'), 1, 100), 'base64') || E'\n-----END CERTIFICATE-----\n', 'is no X.509 certificate', 'a hundred bytes of it'),
			   (repeat('x', 65537), 'is longer than 64 KB', 'more than 64 KB'), (repeat('x', 1000000), 'is longer than 64 KB', 'a megabyte'),
			   (:'stranger', 'has another public key than the request', 'another''s'), (:'inter', 'has another public key than the request', 'the CA''s'), (:'unknown', 'has a critical extension that is not known', 'an unknown critical extension'),
			   (:'expired', 'has expired', 'one that has expired'), (:'early', 'is not valid yet', 'one of the future')) t (pem, problem, what);

-- ---- no chain -------------------------------------------------------------

SELECT is(pg_temp.uploaded(:'id', pem, chain), problem, 'refused: ' || what)
  FROM (VALUES (:'pem', :'root' || :'inter', 'certificate: the certificate was not issued by the one that follows it', 'a chain the wrong way round'), (:'pem', :'root', 'certificate: the certificate was not issued by the one that follows it', 'a gap behind the certificate'),
			   (:'by_lower', :'lower' || :'root', 'certificate_chain: number 1 of the chain was not issued by the one that follows it', 'a gap in the chain'), (:'pem', :'inter' || :'foreign_root', 'certificate_chain: number 1 of the chain was not issued by the one that follows it', 'another root'),
			   (:'pem', :'pem' || :'inter', 'certificate_chain: number 1 of the chain came before', 'the certificate in its chain'), (:'pem', :'inter' || :'inter', 'certificate_chain: number 2 of the chain came before', 'the same CA twice'),
			   (:'pem', :'inter' || :'root' || :'root', 'certificate_chain: number 3 of the chain came before', 'the root twice'), (:'by_old', :'old' || :'root', 'certificate_chain: number 1 of the chain has expired', 'a CA that has expired'),
			   (:'by_young', :'young' || :'root', 'certificate_chain: number 1 of the chain is not valid yet', 'a CA of the future'), (:'by_nobody', :'nobody' || :'root', 'certificate_chain: number 1 of the chain is no CA''s, but follows one that it would have issued', 'a CA that is none'),
			   (:'by_odd', :'odd' || :'root', 'certificate_chain: number 1 of the chain has a critical extension that is not known', 'a CA with an unknown critical extension'),
			   (:'pem', 'x', 'certificate_chain: number 1 of the chain ' || :'no_pem', 'a chain that is none'), (:'pem', :'inter' || 'garbage', 'certificate_chain: number 2 of the chain ' || :'no_pem', 'garbage behind a chain'), (:'pem', :'inter' || 'garbage' || E'\n' || :'root', 'certificate_chain: number 2 of the chain ' || :'no_pem', 'garbage in a chain'),
			   (:'pem', repeat(:'inter', 11), 'certificate_chain: number 11 of the chain is one too many: there must be no more than 10', 'eleven of them'), (:'pem', repeat('x', 65537), 'certificate_chain: number 1 of the chain is longer than 64 KB', 'more than 64 KB'),
			   (:'of_root', :'twin', 'certificate: the certificate was not issued by the one that follows it', 'a root of the same name'), (:'weak', :'inter', 'certificate: the certificate is signed with a digest that is broken (MD5, SHA-1)', 'SHA-1')) t (pem, chain, problem, what);
SELECT is((kms_describe_certificate(:'id')).status, 'PENDING', 'nothing of that was stored');
SELECT is_empty('SELECT * FROM kms_check_integrity()', 'or damaged');

SELECT * FROM finish();
ROLLBACK;
\! rm -r -- "$kms_ca"
