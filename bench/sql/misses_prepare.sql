/*
 * Keys that the next session has never seen, in three heaps: to be named by id,
 * by alias, by a ciphertext.  Set: each (how many of a kind).
 */
CREATE UNLOGGED TABLE bench.miss (kind text, n integer, k text, x bytea, PRIMARY KEY (kind, n));
INSERT INTO bench.miss SELECT 'id', n, id, '\x00' FROM bench.key WHERE n <= :each;
INSERT INTO bench.miss SELECT 'alias', n - :each, 'alias/bench-' || n, '\x00' FROM bench.key WHERE n > :each AND n <= 2 * :each;
SELECT count(kms_create_alias(id, 'alias/bench-' || n)) FROM bench.key WHERE n > :each AND n <= 2 * :each \g /dev/null
INSERT INTO bench.miss SELECT 'decrypt', n - 2 * :each, id, kms_encrypt(id, '\x00'::bytea)
  FROM bench.key WHERE n > 2 * :each AND n <= 3 * :each;
VACUUM ANALYZE bench.miss;
