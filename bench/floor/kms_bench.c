/*
 * What the product is measured against, and what measuring needs.
 *
 * floor_copy		the least a C function per row can do
 * bare_encrypt		the same XAES-256-GCM blob as kms_encrypt, with one fixed key and
 * bare_decrypt		nothing else: no key to find, no right to ask, no context
 * bare_trigger		the same of the second column of a row, before it is inserted
 * xaes_loop		the cipher alone, in a loop without SQL
 * cpu_ns			processor time of this backend
 * callgrind_mark	in valgrind: write down what was counted since the last mark
 *
 * bare is as fast as OpenSSL lets it be, since a slow one would flatter the
 * product: ciphers fetched once, contexts kept, one ECB update for both blocks
 * of the derivation, one init per message, nonces from a wiped pool.  It does
 * not wipe derived keys, nor watch for fork: no use for anything but measuring.
 */
#include "postgres.h"

#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_DUMP_STATS_AT(name) ((void) (name))
#define RUNNING_ON_VALGRIND 0
#endif

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(floor_copy);
PG_FUNCTION_INFO_V1(bare_encrypt);
PG_FUNCTION_INFO_V1(bare_decrypt);
PG_FUNCTION_INFO_V1(bare_trigger);
PG_FUNCTION_INFO_V1(xaes_loop);
PG_FUNCTION_INFO_V1(cpu_ns);
PG_FUNCTION_INFO_V1(callgrind_mark);

#define HEADER_LEN	41			/* format, version id, nonce: also the AAD */
#define NONCE_AT	17
#define NONCE_LEN	24
#define PREFIX_LEN	12			/* of the nonce: what the derivation takes */
#define TAG_LEN		16
#define OVERHEAD	(HEADER_LEN + TAG_LEN)
#define POOL_LEN	(170 * NONCE_LEN)

static EVP_CIPHER_CTX *blocks;	/* the fixed key's schedule */
static EVP_CIPHER_CTX *sealing;
static EVP_CIPHER_CTX *opening;
static uint8 subkey[16];
static uint8 pool[POOL_LEN];
static size_t pool_left;

static const uint8 fixed_key[32] = "a fixed key, for measuring only!";
static const uint8 fixed_start[NONCE_AT] = {1};

static void
check(bool ok)
{
	if (unlikely(!ok))
		elog(ERROR, "OpenSSL refuses");
}

static EVP_CIPHER_CTX *
context_new(const char *name, const uint8 *key, int encrypt)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	check(cipher != NULL && ctx != NULL);
	check(EVP_CipherInit_ex2(ctx, cipher, key, NULL, encrypt, NULL));
	EVP_CIPHER_free(cipher);
	return ctx;
}

static void
start(void)
{
	uint8		l[16] = {0};
	int			written;

	sealing = context_new("AES-256-GCM", NULL, 1);
	opening = context_new("AES-256-GCM", NULL, 0);
	blocks = context_new("AES-256-ECB", fixed_key, 1);
	check(EVP_EncryptUpdate(blocks, l, &written, l, sizeof(l)));
	for (int i = 0; i < 16; i++)
		subkey[i] = (uint8) (l[i] << 1 | (i < 15 ? l[i + 1] >> 7 : 0));
	if (l[0] & 0x80)
		subkey[15] ^= 0x87;
}

static inline void
draw_nonce(uint8 *nonce)
{
	if (unlikely(pool_left == 0))
	{
		check(RAND_bytes(pool, POOL_LEN) == 1);
		pool_left = POOL_LEN;
	}
	pool_left -= NONCE_LEN;
	memcpy(nonce, pool + pool_left, NONCE_LEN);
	OPENSSL_cleanse(pool + pool_left, NONCE_LEN);
}

static inline void
xor_word(uint8 *out, const uint8 *a, const uint8 *b)
{
	uint32		x;
	uint32		y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	x ^= y;
	memcpy(out, &x, sizeof(x));
}

static inline void
derive(const uint8 *nonce, uint8 *derived)
{
	int			written;

	for (int i = 0; i < 2; i++)
	{
		const uint8 label[4] = {0, (uint8) (i + 1), 'X', 0};
		uint8	   *block = derived + 16 * i;

		xor_word(block, label, subkey);
		for (int at = 0; at < PREFIX_LEN; at += 4)
			xor_word(block + 4 + at, nonce + at, subkey + 4 + at);
	}
	check(EVP_EncryptUpdate(blocks, derived, &written, derived, 32));
}

/* Header, ciphertext and tag into out, which has room for len + OVERHEAD. */
static inline void
seal(const uint8 *in, size_t len, uint8 *out)
{
	uint8	   *nonce = out + NONCE_AT;
	uint8		derived[32];
	uint8		rest[16];
	int			written;

	memcpy(out, fixed_start, NONCE_AT);
	draw_nonce(nonce);
	derive(nonce, derived);
	check(EVP_EncryptInit_ex2(sealing, NULL, derived, nonce + PREFIX_LEN, NULL) &&
		  EVP_EncryptUpdate(sealing, NULL, &written, out, HEADER_LEN) &&
		  EVP_EncryptUpdate(sealing, out + HEADER_LEN, &written, in, (int) len) &&
		  EVP_EncryptFinal_ex(sealing, rest, &written) &&
		  EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, out + HEADER_LEN + len) > 0);
}

static inline void
unseal(const uint8 *in, size_t len, uint8 *out)
{
	const uint8 *nonce = in + NONCE_AT;
	uint8		derived[32];
	uint8		rest[16];
	int			written;

	derive(nonce, derived);
	check(EVP_DecryptInit_ex2(opening, NULL, derived, nonce + PREFIX_LEN, NULL) &&
		  EVP_DecryptUpdate(opening, NULL, &written, in, HEADER_LEN) &&
		  EVP_DecryptUpdate(opening, out, &written, in + HEADER_LEN, (int) len) &&
		  EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, (void *) (in + HEADER_LEN + len)) > 0 &&
		  EVP_DecryptFinal_ex(opening, rest, &written) > 0);
}

/* floor_copy(text, bytea, jsonb) -> bytea: the signature of kms_encrypt */
Datum
floor_copy(PG_FUNCTION_ARGS)
{
	bytea	   *in;
	bytea	   *out;
	size_t		len;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	in = PG_GETARG_BYTEA_PP(1);
	len = VARSIZE_ANY_EXHDR(in);
	out = palloc(VARHDRSZ + len);
	SET_VARSIZE(out, VARHDRSZ + len);
	memcpy(VARDATA(out), VARDATA_ANY(in), len);
	PG_RETURN_BYTEA_P(out);
}

static inline bytea *
sealed(const bytea *in)
{
	size_t		len = VARSIZE_ANY_EXHDR(in);
	bytea	   *out = palloc(VARHDRSZ + len + OVERHEAD);

	if (unlikely(blocks == NULL))
		start();
	SET_VARSIZE(out, VARHDRSZ + len + OVERHEAD);
	seal((const uint8 *) VARDATA_ANY(in), len, (uint8 *) VARDATA(out));
	return out;
}

/* bare_encrypt(bytea) -> bytea */
Datum
bare_encrypt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(sealed(PG_GETARG_BYTEA_PP(0)));
}

/* bare_trigger() -> trigger */
Datum
bare_trigger(PG_FUNCTION_ARGS)
{
	const TriggerData *call = (const TriggerData *) fcinfo->context;
	TupleDesc	descriptor = RelationGetDescr(call->tg_relation);
	int			column = 2;
	bool		is_null;
	Datum		value = heap_getattr(call->tg_trigtuple, column, descriptor, &is_null);

	if (is_null)
		PG_RETURN_POINTER(call->tg_trigtuple);
	value = PointerGetDatum(sealed(DatumGetByteaPP(value)));
	PG_RETURN_POINTER(heap_modify_tuple_by_cols(call->tg_trigtuple, descriptor, 1, &column, &value, &is_null));
}

/* bare_decrypt(bytea) -> bytea */
Datum
bare_decrypt(PG_FUNCTION_ARGS)
{
	bytea	   *in = PG_GETARG_BYTEA_PP(0);
	size_t		len = VARSIZE_ANY_EXHDR(in);
	bytea	   *out;

	if (unlikely(blocks == NULL))
		start();
	if (len < OVERHEAD)
		elog(ERROR, "too short");
	len -= OVERHEAD;
	out = palloc(VARHDRSZ + len);
	SET_VARSIZE(out, VARHDRSZ + len);
	unseal((uint8 *) VARDATA_ANY(in), len, (uint8 *) VARDATA(out));
	PG_RETURN_BYTEA_P(out);
}

static int64
processor_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * INT64CONST(1000000000) + now.tv_nsec;
}

/* cpu_ns() -> bigint: as the first number of /proc/self/schedstat, but of this very moment */
Datum
cpu_ns(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(processor_ns());
}

/* xaes_loop(size integer, count integer, decrypt boolean) -> double precision: ns per message */
Datum
xaes_loop(PG_FUNCTION_ARGS)
{
	int			size = PG_GETARG_INT32(0);
	int			count = PG_GETARG_INT32(1);
	bool		decrypt = PG_GETARG_BOOL(2);
	uint8	   *plain;
	uint8	   *blob;
	int64		begin;

	if (size < 0 || size > 65536 || count < 1)
		elog(ERROR, "no such loop");
	plain = palloc0(size + 1);
	blob = palloc(size + OVERHEAD);
	if (blocks == NULL)
		start();
	seal(plain, size, blob);
	begin = processor_ns();
	for (int i = 0; i < count; i++)
		if (decrypt)
			unseal(blob, size, plain);
		else
			seal(plain, size, blob);
	PG_RETURN_FLOAT8((double) (processor_ns() - begin) / count);
}

/* callgrind_mark(label text) -> boolean: whether valgrind was there to count */
Datum
callgrind_mark(PG_FUNCTION_ARGS)
{
	char	   *label = text_to_cstring(PG_GETARG_TEXT_PP(0));

	CALLGRIND_DUMP_STATS_AT(label);
	PG_RETURN_BOOL(RUNNING_ON_VALGRIND != 0);
}
