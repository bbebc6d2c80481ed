/*
 * Data keys.
 */
#include "service/data_key.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/random.h"

static void
require_byte_count(int number_of_bytes)
{
	if (number_of_bytes < 1 || number_of_bytes > DATA_KEY_MAX)
		err_invalid("number_of_bytes", "it must be 1 to 1024");
}

int
data_key_length(const char *key_spec, int number_of_bytes)
{
	int			by_spec = 32;

	if (key_spec != NULL && strcmp(key_spec, "AES_128") == 0)
		by_spec = 16;
	else if (key_spec != NULL && strcmp(key_spec, "AES_256") != 0)
		err_invalid("key_spec", "it must be AES_256 or AES_128");
	if (number_of_bytes == -1)
		return by_spec;
	require_byte_count(number_of_bytes);
	return number_of_bytes;
}

/* Make len random bytes and encrypt them; they leave the stack only for plaintext. */
static void
make_data_key(Oid caller, KmsAction action, kc_view reference, kc_view context,
			  const size_t len, bytea *const plaintext, KmsDataKey *result)
{
	KmsCallSite site = {0};
	uint8		key[DATA_KEY_MAX];

	PG_TRY();
	{
		err_crypto(kc_random_key(key, len));
		result->ciphertext_blob = cipher_encrypt(&site, caller, action, reference,
												 kc_view_of(key, len), context, &result->used);
		if (plaintext != NULL)
			memcpy(VARDATA(plaintext), key, len);
	}
	PG_CATCH();
	{
		kc_wipe(key, sizeof(key));
		PG_RE_THROW();
	}
	PG_END_TRY();
	kc_wipe(key, sizeof(key));
}

void
data_key_generate(Oid caller, KmsAction action, kc_view reference, const char *key_spec,
				  int number_of_bytes, kc_view context, bool with_plaintext, KmsDataKey *result)
{
	int			len = data_key_length(key_spec, number_of_bytes);

	result->plaintext = NULL;
	if (with_plaintext)
		result->plaintext = bytes_new(len);
	make_data_key(caller, action, reference, context, len, result->plaintext, result);
}

bytea *
random_generate(int number_of_bytes)
{
	bytea	   *bytes;

	require_byte_count(number_of_bytes);
	bytes = bytes_new(number_of_bytes);
	err_crypto(kc_random((uint8 *) VARDATA(bytes), number_of_bytes));
	return bytes;
}
