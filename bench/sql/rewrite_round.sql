/* Set: key, round, rows. */
SET client_min_messages = warning;
VACUUM bench.rewritten, bench.updated;
CHECKPOINT;
CALL bench.rewrite_round(:round, :rows);
VACUUM bench.rewritten, bench.updated;
SELECT kms_create_key_version(:'key') \g /dev/null
CHECKPOINT;
CALL bench.reencrypt_round(:round, :rows);
