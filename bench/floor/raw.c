/*
 * raw_loop(what text, count integer) -> bigint: OpenSSL alone, in a loop without
 * SQL, with a prepared key and contexts that are kept.
 *
 *	rsa_sign, rsa_verify			RSA-2048, PSS with SHA-256, salt 32
 *	rsa_encrypt, rsa_decrypt		RSA-2048, OAEP with SHA-256, 32 bytes
 *	p256_sign, p256_verify			ECDSA on P-256, 32 bytes
 *	sm2_sign, sm2_verify			SM2DSA, 32 bytes
 *	sm2_encrypt, sm2_decrypt		SM2PKE as OpenSSL writes it, 32 bytes
 *	hmac							HMAC-SHA-256 of 64 bytes, begun anew without a key
 *	gcm								AES-256-GCM of 16 MB into a buffer that is used again
 *	gcm_fresh						the same into fresh memory each time, as a result must be
 */
#include "postgres.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(raw_loop);
PG_FUNCTION_INFO_V1(raw_block);

#define BLOCK	(16 * 1024 * 1024)

/* A key, a context per direction, and what goes in and came out. */
typedef struct Raw
{
	EVP_PKEY   *key;
	EVP_PKEY_CTX *there;		/* sign, encrypt */
	EVP_PKEY_CTX *back;			/* verify, decrypt */
	uint8		in[32];
	uint8		out[512];
	size_t		out_len;
} Raw;

static void
check(bool ok)
{
	if (unlikely(!ok))
		elog(ERROR, "OpenSSL refuses");
}

static bool
set_up(EVP_PKEY_CTX *ctx, bool is_rsa, bool signs)
{
	if (!is_rsa)
		return true;
	if (!signs)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
			EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32) == 1;
}

static bool
start_one(Raw *raw, EVP_PKEY_CTX **ctx, int (*init) (EVP_PKEY_CTX *), bool is_rsa, bool signs)
{
	*ctx = EVP_PKEY_CTX_new_from_pkey(NULL, raw->key, NULL);
	return *ctx != NULL && init(*ctx) == 1 && set_up(*ctx, is_rsa, signs);
}

static void
there(Raw *raw, bool signs)
{
	raw->out_len = sizeof(raw->out);
	check((signs ? EVP_PKEY_sign : EVP_PKEY_encrypt) (raw->there, raw->out, &raw->out_len, raw->in, sizeof(raw->in)) == 1);
}

static void
back(Raw *raw, bool signs)
{
	uint8		plain[512];
	size_t		len = sizeof(plain);

	if (signs)
		check(EVP_PKEY_verify(raw->back, raw->out, raw->out_len, raw->in, sizeof(raw->in)) == 1);
	else
		check(EVP_PKEY_decrypt(raw->back, plain, &len, raw->out, raw->out_len) == 1);
}

static Raw *
start(const char *type, bool signs)
{
	Raw		   *raw = MemoryContextAllocZero(TopMemoryContext, sizeof(Raw));
	bool		is_rsa = strcmp(type, "RSA") == 0;

	raw->key = is_rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) 2048) :
		strcmp(type, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	check(raw->key != NULL &&
		  start_one(raw, &raw->there, signs ? EVP_PKEY_sign_init : EVP_PKEY_encrypt_init, is_rsa, signs) &&
		  start_one(raw, &raw->back, signs ? EVP_PKEY_verify_init : EVP_PKEY_decrypt_init, is_rsa, signs));
	there(raw, signs);
	return raw;
}

static void
pair_loop(int kind, const char *direction, int count)
{
	static const char *const types[] = {"RSA", "EC", "SM2"};
	static Raw *raws[3][2];
	bool		signs = strcmp(direction, "sign") == 0 || strcmp(direction, "verify") == 0;
	bool		forth = strcmp(direction, "sign") == 0 || strcmp(direction, "encrypt") == 0;
	Raw		  **raw = &raws[kind][signs];

	if (*raw == NULL)
		*raw = start(types[kind], signs);
	for (int i = 0; i < count; i++)
		(forth ? there : back) (*raw, signs);
}

static void
hmac_loop(int count)
{
	static EVP_MAC_CTX *ctx;
	uint8		message[64] = {0};
	size_t		len;

	if (ctx == NULL)
	{
		OSSL_PARAM	params[2] = {
			OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *) "SHA256", 0),
			OSSL_PARAM_construct_end()
		};

		ctx = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, "HMAC", NULL));
		check(ctx != NULL && EVP_MAC_init(ctx, message, 32, params) == 1);
	}
	for (int i = 0; i < count; i++)
		check(EVP_MAC_init(ctx, NULL, 0, NULL) == 1 && EVP_MAC_update(ctx, message, sizeof(message)) == 1 &&
			  EVP_MAC_final(ctx, message, &len, 32) == 1);
}

static void
gcm_loop(bool fresh, int count)
{
	static EVP_CIPHER_CTX *ctx;
	static uint8 *in;
	static uint8 *kept;
	uint8		key[32] = {0};
	uint8		iv[12] = {0};
	uint8		tag[16];
	int			len;

	if (ctx == NULL)
	{
		ctx = EVP_CIPHER_CTX_new();
		in = MemoryContextAllocZero(TopMemoryContext, BLOCK);
		kept = MemoryContextAllocZero(TopMemoryContext, BLOCK);
		check(ctx != NULL && EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, iv, NULL) == 1);
	}
	for (int i = 0; i < count; i++)
	{
		uint8	   *out = fresh ? palloc(BLOCK) : kept;

		check(EVP_EncryptInit_ex2(ctx, NULL, key, iv, NULL) == 1 &&
			  EVP_EncryptUpdate(ctx, out, &len, in, BLOCK) == 1 && EVP_EncryptFinal_ex(ctx, tag, &len) == 1 &&
			  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, sizeof(tag), tag) == 1);
		if (fresh)
			pfree(out);
	}
}

Datum
raw_loop(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"rsa_", "p256_", "sm2_"};
	char	   *what = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			count = PG_GETARG_INT32(1);

	for (int kind = 0; kind < (int) lengthof(kinds); kind++)
		if (strncmp(what, kinds[kind], strlen(kinds[kind])) == 0)
		{
			pair_loop(kind, what + strlen(kinds[kind]), count);
			PG_RETURN_INT64(count);
		}
	if (strcmp(what, "hmac") == 0)
		hmac_loop(count);
	else if (strcmp(what, "gcm") == 0 || strcmp(what, "gcm_fresh") == 0)
		gcm_loop(strcmp(what, "gcm_fresh") == 0, count);
	else
		elog(ERROR, "no such loop");
	PG_RETURN_INT64(count);
}

/* raw_block() -> bytea: 16 MB, the same each time, which costs nothing */
Datum
raw_block(PG_FUNCTION_ARGS)
{
	static bytea *block;

	if (block == NULL)
	{
		block = MemoryContextAllocZero(TopMemoryContext, VARHDRSZ + BLOCK);
		SET_VARSIZE(block, VARHDRSZ + BLOCK);
	}
	PG_RETURN_BYTEA_P(block);
}
