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

/* Short values, which lie in the row itself, are not copied for that. */
static kc_view
first_bytes(Datum value, int32 count)
{
	struct varlena *start = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_EXTERNAL(start) || VARATT_IS_COMPRESSED(start))
		start = PG_DETOAST_DATUM_SLICE(value, 0, count);
	return kc_view_of(VARDATA_ANY(start), Min(VARSIZE_ANY_EXHDR(start), (size_t) count));
}

kc_view
sealed_value_start(bool is_text, Datum value, size_t *len)
{
	*len = toast_raw_datum_size(value) - VARHDRSZ;
	if (is_text && *len >= SEALED_TEXT_PREFIX_LEN)
		*len = (*len - SEALED_TEXT_PREFIX_LEN) / 4 * 3;
	return sealed_value_unwrap(is_text, first_bytes(value, is_text ? TEXT_START : CIPHER_START));
}

bool
sealed_value_begins(bool is_text, Datum value)
{
	size_t		len;
	kc_view		start = sealed_value_start(is_text, value, &len);

	return cipher_begins(start, len);
}
