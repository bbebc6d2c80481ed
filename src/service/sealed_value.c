/*
 * Values of an encrypted column.
 */
#include "service/sealed_value.h"

#include "access/detoast.h"
#include "base/compat.h"
#include "base/sealed_text.h"
#include "service/cipher.h"

/* What a text has in front of as many bytes as cipher_begins wants to see. */
#define TEXT_START		(SEALED_TEXT_PREFIX_LEN + (CIPHER_START + 2) / 3 * 4)

kc_view
sealed_value_bytes(Datum value)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(value);

	return kc_view_of(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

kc_view
sealed_value_unwrap(bool is_text, kc_view bytes)
{
	bytea	   *ciphertext;

	if (!is_text)
		return bytes;
	ciphertext = sealed_text_decode(bytes);
	return ciphertext == NULL ? kc_view_of(NULL, 0) : kc_view_of(VARDATA(ciphertext), VARSIZE(ciphertext) - VARHDRSZ);
}

bool
sealed_value_begins(bool is_text, Datum value, pg_uuid_t *version_id)
{
	size_t		len = toast_raw_datum_size(value) - VARHDRSZ;
	struct varlena *start = PG_DETOAST_DATUM_SLICE(value, 0, is_text ? TEXT_START : CIPHER_START);
	kc_view		bytes = sealed_value_unwrap(is_text, kc_view_of(VARDATA_ANY(start), VARSIZE_ANY_EXHDR(start)));

	if (is_text && len >= SEALED_TEXT_PREFIX_LEN)
		len = (len - SEALED_TEXT_PREFIX_LEN) / 4 * 3;
	if (!cipher_begins(bytes, len))
		return false;
	if (version_id != NULL)
		memcpy(version_id->data, bytes.data + CIPHER_VERSION_AT, UUID_LEN);
	return true;
}
