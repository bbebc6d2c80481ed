/*
 * The layout of stored ciphertext.
 */
#include "support.h"
#include "tests.h"

#include <openssl/crypto.h>

static const uint8_t version_id[KC_VERSION_ID_LEN] = "version id here";

static uint8_t *
blob_new(const lock *l, kc_view context, kc_view text, size_t *len)
{
	int			suite = l->key.suite;
	uint8_t    *bytes = malloc(*len = kc_blob_len(suite, text.len));
	uint8_t    *out = bytes + KC_HEADER_LEN;

	kc_blob_write_start(bytes, suite, version_id);
	memcpy(bytes + KC_NONCE_AT, NONCE, KC_NONCE_LEN);
	if (kc_seal(&l->key, l->schedule, NONCE, kc_view_of(bytes, KC_HEADER_LEN), context, text,
				out, out + text.len) != KC_OK)
		abort();
	return bytes;
}

/* As kms_decrypt does it: parse, then open with the key the caller found. */
static kc_status
open_blob(const lock *l, kc_view context, kc_view bytes)
{
	uint8_t		out[256];
	kc_blob		blob;
	kc_status	status = kc_blob_parse(bytes, &blob);

	if (status != KC_OK)
		return status;
	if (blob.suite != l->key.suite)
		return KC_BAD_INPUT;
	status = kc_open(&l->key, l->schedule, blob.nonce, blob.header, context, blob.ciphertext,
					 blob.tag, out);
	return status == KC_BAD_TAG && !all_bytes(out, blob.ciphertext.len, 0) ? KC_FAILED : status;
}

static void
parts(const lock *l, const char *name, const char *text)
{
	size_t		len;
	uint8_t    *bytes = blob_new(l, NONE, text_view(text), &len);
	uint8_t		header[KC_HEADER_LEN];
	kc_blob		blob;

	ok(len == 41 + strlen(text) + kc_tag_len(l->key.suite) &&
	   kc_blob_parse(kc_view_of(bytes, len), &blob) == KC_OK && blob.suite == l->key.suite &&
	   memcmp(blob.version_id, version_id, KC_VERSION_ID_LEN) == 0 &&
	   memcmp(blob.nonce, NONCE, KC_NONCE_LEN) == 0 &&
	   blob.header.data == bytes && blob.header.len == 41 &&
	   blob.ciphertext.data == bytes + 41 && blob.ciphertext.len == strlen(text) &&
	   blob.tag == bytes + len - kc_tag_len(l->key.suite),
	   "%s: a blob of %zu bytes is split into its parts", name, strlen(text));
	kc_blob_write_start(header, blob.suite, blob.version_id);
	memcpy(header + KC_NONCE_AT, blob.nonce, KC_NONCE_LEN);
	ok(memcmp(header, bytes, KC_HEADER_LEN) == 0, "%s: its header written again is the same", name);
	ok(open_blob(l, NONE, kc_view_of(bytes, len)) == KC_OK, "%s: it opens", name);
	ok(open_blob(l, text_view("x"), kc_view_of(bytes, len)) == KC_BAD_TAG, "%s: not with a context", name);
	free(bytes);
}

static void
damage(const lock *l, const char *name)
{
	size_t		len;
	kc_view		context = text_view("context");
	uint8_t    *bytes = blob_new(l, context, text_view("some plaintext"), &len);
	bool		cut = true;
	bool		flipped = true;

	for (size_t i = 0; i < len; i++)
	{
		uint8_t    *exact = exactly(bytes, i);

		cut = cut && open_blob(l, context, kc_view_of(exact, i)) != KC_OK;
		free(exact);
		for (int change = 1; change < 256; change++)
		{
			bytes[i] ^= (uint8_t) change;
			flipped = flipped &&
				open_blob(l, context, kc_view_of(bytes, len)) == (i == 0 ? KC_BAD_INPUT : KC_BAD_TAG);
			bytes[i] ^= (uint8_t) change;
		}
	}
	ok(cut, "%s: cut at any length it does not open", name);
	ok(flipped, "%s: with any byte changed to any value it does not open", name);
	ok(open_blob(l, context, kc_view_of(bytes, len)) == KC_OK, "%s: unchanged it does", name);
	free(bytes);
}

static void
refused(void)
{
	uint8_t		bytes[KC_HEADER_LEN + KC_TAG_MAX] = {0};
	bool		unknown = true;
	bool		shortest = true;
	kc_blob		blob;

	for (int format = 0; format < 256; format++)
	{
		size_t		tag_len = kc_tag_len(format);

		bytes[0] = (uint8_t) format;
		if (tag_len == 0)
			unknown = unknown && kc_blob_parse(kc_view_of(bytes, sizeof(bytes)), &blob) == KC_BAD_INPUT &&
				all_bytes(&blob, sizeof(blob), 0);
		for (size_t len = 0; tag_len > 0 && len <= sizeof(bytes); len++)
		{
			uint8_t    *exact = exactly(bytes, len);
			kc_status	status = kc_blob_parse(kc_view_of(exact, len), &blob);

			shortest = shortest && status == (len < KC_HEADER_LEN + tag_len ? KC_BAD_INPUT : KC_OK);
			free(exact);
		}
	}
	ok(unknown, "a format byte that is no suite is refused");
	ok(shortest, "a blob is refused below, and accepted at, the length of an empty message");
	ok(kc_blob_parse(NONE, &blob) == KC_BAD_INPUT, "nothing is no blob");
}

static void
lengths(void)
{
	size_t		most = (size_t) 1 << 30;

	ok(kc_blob_len(1, 0) == 57 && kc_blob_len(2, 1) == 58 && kc_blob_len(3, 100) == 157 &&
	   kc_blob_len(4, 0) == 73, "a blob is header, plaintext and tag long");
	ok(kc_blob_len(0, 1) == 0 && kc_blob_len(5, 1) == 0 && kc_blob_len(-1, 1) == 0 && kc_blob_len(256, 1) == 0,
	   "there is no length for a number that is no suite");
	ok(kc_blob_len(1, most) == most + 57 && kc_blob_len(1, most + 1) == 0 && kc_blob_len(1, SIZE_MAX) == 0 &&
	   kc_blob_len(4, SIZE_MAX - 72) == 0, "there is no length for a plaintext beyond 1 GB");
}

void
test_blob(void)
{
	tap_section("blobs");
	for (int suite = SUITE_FIRST; suite <= SUITE_LAST; suite++)
	{
		lock		l = lock_new(suite, 3);

		parts(&l, suite_name(suite), "");
		parts(&l, suite_name(suite), "x");
		parts(&l, suite_name(suite), "a longer text than one block of either cipher");
		damage(&l, suite_name(suite));
		lock_free(&l);
	}
	refused();
	lengths();
}
