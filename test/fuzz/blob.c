/*
 * Any bytes as a stored ciphertext: the parts lie inside, they are all of it,
 * it does not open, and what was refused leaves nothing behind.
 */
#include "blob.h"
#include "fuzz.h"

#include <openssl/err.h>

static kc_key keys[KC_SUITE_SM4_CTR_HMAC_SM3 + 1];
static kc_schedule *schedules[KC_SUITE_SM4_CTR_HMAC_SM3 + 1];

/* Random keys, so that no corpus can hold a blob that opens. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t		material[KC_KEY_MAX];

	(void) argc;
	(void) argv;
	must(kc_startup() == KC_OK);
	for (int suite = KC_SUITE_XAES_256_GCM; suite <= KC_SUITE_SM4_CTR_HMAC_SM3; suite++)
	{
		FILE	   *random = fopen("/dev/urandom", "rb");

		must(random != NULL && fread(material, 1, sizeof(material), random) == sizeof(material));
		fclose(random);
		schedules[suite] = kc_schedule_new();
		must(kc_key_init(&keys[suite], suite, kc_view_of(material, kc_key_len(suite))) == KC_OK);
		must(kc_schedule_set(schedules[suite], &keys[suite]) == KC_OK);
	}
	return 0;
}

static void
parts_lie_inside(const kc_blob *blob, const uint8_t *data, size_t size)
{
	size_t		tag_len = kc_tag_len(blob->suite);
	uint8_t		header[KC_HEADER_LEN];

	must(tag_len > 0 && blob->suite == data[0]);
	must(size == kc_blob_len(blob->suite, blob->ciphertext.len));
	must(blob->header.data == data && blob->header.len == KC_HEADER_LEN);
	must(blob->version_id == data + 1 && blob->nonce == blob->version_id + KC_VERSION_ID_LEN);
	must(blob->nonce + KC_NONCE_LEN == data + KC_HEADER_LEN);
	must(blob->ciphertext.data == data + KC_HEADER_LEN);
	must(blob->tag == blob->ciphertext.data + blob->ciphertext.len);
	must(blob->tag + tag_len == data + size);

	kc_blob_write_start(header, blob->suite, blob->version_id);
	memcpy(header + KC_NONCE_AT, blob->nonce, KC_NONCE_LEN);
	must(memcmp(header, data, KC_HEADER_LEN) == 0);
}

static void
does_not_open(const kc_blob *blob)
{
	size_t		len = blob->ciphertext.len;
	uint8_t    *out = malloc(len + 1);
	kc_status	status;

	must(out != NULL);
	memset(out, 0xaa, len + 1);
	status = kc_open(&keys[blob->suite], schedules[blob->suite], blob->nonce, blob->header,
					 kc_view_of("context", 7), blob->ciphertext, blob->tag, out);
	must(status == KC_BAD_TAG);
	for (size_t i = 0; i < len; i++)
		must(out[i] == 0);
	must(out[len] == 0xaa);
	must(ERR_peek_error() == 0);
	free(out);
}

/* The same bytes as a plaintext, under the nonce they would have as a blob. */
static void
comes_back(int suite, const uint8_t *nonce, kc_view text)
{
	uint8_t    *out = malloc(text.len + 1);
	uint8_t    *back = malloc(text.len + 1);
	uint8_t		tag[KC_TAG_MAX];

	must(out != NULL && back != NULL);
	must(kc_seal(&keys[suite], schedules[suite], nonce, text, kc_view_of(NULL, 0), text, out, tag) == KC_OK);
	must(kc_open(&keys[suite], schedules[suite], nonce, kc_view_of(NULL, 0), text,
				 kc_view_of(out, text.len), tag, back) == KC_OK);
	must(text.len == 0 || memcmp(back, text.data, text.len) == 0);
	free(out);
	free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const kc_blob none;
	kc_blob		blob;

	memset(&blob, 0xaa, sizeof(blob));
	if (kc_blob_parse(kc_view_of(data, size), &blob) != KC_OK)
	{
		must(memcmp(&blob, &none, sizeof(blob)) == 0);
		must(size < KC_HEADER_LEN || kc_tag_len(data[0]) == 0 ||
			 size < kc_blob_len(data[0], 0));
		return 0;
	}
	parts_lie_inside(&blob, data, size);
	does_not_open(&blob);
	comes_back(blob.suite, blob.nonce, kc_view_of(data, size));
	return 0;
}
