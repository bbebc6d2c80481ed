/*
 * The layout of stored ciphertext.  Looks at format and length only; whether
 * the bytes are genuine is for kc_open to say.
 */
#include "blob.h"

#include <string.h>

#include "suite.h"

size_t
kc_blob_len(int suite, size_t plaintext_len)
{
	size_t		tag_len = kc_tag_len(suite);

	if (tag_len == 0 || plaintext_len > KC_MESSAGE_MAX)
		return 0;
	return KC_HEADER_LEN + plaintext_len + tag_len;
}

kc_status
kc_blob_parse(kc_view bytes, kc_blob *blob)
{
	size_t		tag_len;

	memset(blob, 0, sizeof(*blob));
	if (bytes.len < KC_HEADER_LEN)
		return KC_BAD_INPUT;
	tag_len = kc_tag_len(bytes.data[0]);
	if (tag_len == 0 || bytes.len - KC_HEADER_LEN < tag_len)
		return KC_BAD_INPUT;

	blob->suite = bytes.data[0];
	blob->version_id = bytes.data + 1;
	blob->nonce = blob->version_id + KC_VERSION_ID_LEN;
	blob->header = kc_view_of(bytes.data, KC_HEADER_LEN);
	blob->ciphertext = kc_view_of(bytes.data + KC_HEADER_LEN,
								  bytes.len - KC_HEADER_LEN - tag_len);
	blob->tag = bytes.data + bytes.len - tag_len;
	return KC_OK;
}

void
kc_blob_write_start(uint8_t *out, int suite, const uint8_t version_id[KC_VERSION_ID_LEN])
{
	out[0] = (uint8_t) suite;
	memcpy(out + 1, version_id, KC_VERSION_ID_LEN);
}
