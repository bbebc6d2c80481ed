/*
 * Envelopes.  The data key lives on the stack; its schedule is the one for keys
 * used once, and is overwritten before the call returns, as are the contexts
 * that still hold the key of the chunks.
 */
#include "envelope.h"

#include <string.h>

#include <openssl/err.h>

#include "random.h"
#include "suite.h"

#define NUMBER_AT	15
#define LAST_AT		(KC_NONCE_LEN - 1)

static size_t
head_len(int suite)
{
	return KC_HEADER_LEN + kc_key_len(suite) + kc_tag_len(suite);
}

size_t
kc_envelope_len(int suite, size_t plaintext_len)
{
	size_t		tag_len = kc_tag_len(suite);
	size_t		chunks = plaintext_len == 0 ? 1 : (plaintext_len - 1) / KC_CHUNK_LEN + 1;

	if (tag_len == 0 || plaintext_len > KC_MESSAGE_MAX)
		return 0;
	return head_len(suite) + plaintext_len + chunks * tag_len;
}

/* Bytes of plaintext in so many bytes of chunks; false if no chunks have that length. */
static bool
plaintext_in(size_t chunks_len, size_t tag_len, size_t *plaintext_len)
{
	size_t		full = chunks_len / (KC_CHUNK_LEN + tag_len);
	size_t		rest = chunks_len % (KC_CHUNK_LEN + tag_len);

	*plaintext_len = full * KC_CHUNK_LEN;
	if (rest == 0)
		return full > 0;
	if (rest < tag_len || (rest == tag_len && full > 0))
		return false;
	*plaintext_len += rest - tag_len;
	return true;
}

size_t
kc_envelope_plaintext_max(int suite, size_t room)
{
	size_t		tag_len = kc_tag_len(suite);
	size_t		max;
	size_t		rest;

	if (tag_len == 0 || room < head_len(suite) + tag_len)
		return 0;
	max = (room - head_len(suite)) / (KC_CHUNK_LEN + tag_len) * KC_CHUNK_LEN;
	rest = (room - head_len(suite)) % (KC_CHUNK_LEN + tag_len);
	if (rest > tag_len)
		max += rest - tag_len;
	return max < KC_MESSAGE_MAX ? max : KC_MESSAGE_MAX;
}

kc_status
kc_envelope_parse(kc_view bytes, kc_envelope *envelope)
{
	size_t		key_len;
	size_t		tag_len;
	size_t		plaintext_len;
	int			suite;

	memset(envelope, 0, sizeof(*envelope));
	if (bytes.len < KC_HEADER_LEN || bytes.data[0] <= KC_ENVELOPE_FORMAT)
		return KC_BAD_INPUT;
	suite = bytes.data[0] - KC_ENVELOPE_FORMAT;
	key_len = kc_key_len(suite);
	tag_len = kc_tag_len(suite);
	if (tag_len == 0 || bytes.len < head_len(suite) ||
		!plaintext_in(bytes.len - head_len(suite), tag_len, &plaintext_len) ||
		plaintext_len > KC_MESSAGE_MAX)
		return KC_BAD_INPUT;

	envelope->suite = suite;
	envelope->version_id = bytes.data + 1;
	envelope->nonce = bytes.data + KC_NONCE_AT;
	envelope->header = kc_view_of(bytes.data, KC_HEADER_LEN);
	envelope->data_key = kc_view_of(bytes.data + KC_HEADER_LEN, key_len);
	envelope->tag = bytes.data + KC_HEADER_LEN + key_len;
	envelope->chunks = kc_view_of(envelope->tag + tag_len, bytes.len - head_len(suite));
	envelope->plaintext_len = plaintext_len;
	return KC_OK;
}

/* The nonce of the next chunk. */
static void
number_chunk(uint8_t nonce[KC_NONCE_LEN], uint64_t number, bool is_last)
{
	memset(nonce, 0, KC_NONCE_LEN);
	for (int i = 0; i < 8; i++)
		nonce[NUMBER_AT + i] = (uint8_t) (number >> (56 - 8 * i));
	nonce[LAST_AT] = is_last;
}

static kc_status
seal_chunks(const kc_key *data_key, kc_schedule *schedule, kc_view plaintext, uint8_t *out,
			bool (*cancelled) (void))
{
	kc_view		none = {NULL, 0};
	uint8_t		nonce[KC_NONCE_LEN];
	size_t		tag_len = kc_tag_len(data_key->suite);
	kc_status	status = KC_OK;

	for (uint64_t number = 0; status == KC_OK; number++)
	{
		size_t		len = plaintext.len < KC_CHUNK_LEN ? plaintext.len : KC_CHUNK_LEN;
		bool		is_last = plaintext.len == len;

		if (cancelled != NULL && cancelled())
			return KC_CANCELLED;
		number_chunk(nonce, number, is_last);
		status = kc_seal(data_key, schedule, nonce, none, none, kc_view_of(plaintext.data, len), out, out + len);
		if (is_last)
			break;
		plaintext = kc_view_of(plaintext.data + len, plaintext.len - len);
		out += len + tag_len;
	}
	return status;
}

static kc_status
open_chunks(const kc_key *data_key, kc_schedule *schedule, kc_view chunks, uint8_t *out,
			bool (*cancelled) (void))
{
	kc_view		none = {NULL, 0};
	uint8_t		nonce[KC_NONCE_LEN];
	size_t		tag_len = kc_tag_len(data_key->suite);
	kc_status	status = KC_OK;

	for (uint64_t number = 0; status == KC_OK; number++)
	{
		size_t		room = chunks.len - tag_len;
		size_t		len = room < KC_CHUNK_LEN ? room : KC_CHUNK_LEN;
		bool		is_last = room == len;

		if (cancelled != NULL && cancelled())
			return KC_CANCELLED;
		number_chunk(nonce, number, is_last);
		status = kc_open(data_key, schedule, nonce, none, none, kc_view_of(chunks.data, len),
						 chunks.data + len, out);
		if (is_last)
			break;
		chunks = kc_view_of(chunks.data + len + tag_len, room - len);
		out += len;
	}
	return status;
}

/* What the shared contexts still hold of the data key. */
static void
forget(const kc_suite_info *info)
{
	static const uint8_t zero[KC_DERIVED_MAX];

	kc_forget(info->passing);
	kc_forget(info->sealing);
	if (info->opening != NULL)
		kc_forget(info->opening);
	if (info->mac != NULL && EVP_MAC_init(info->mac, zero, sizeof(zero), NULL) != 1)
		ERR_clear_error();
}

/* Make the data key, and put it encrypted into the head of out. */
static kc_status
seal_data_key(const kc_key *key, kc_schedule *schedule, kc_view context, uint8_t *out, kc_key *data_key)
{
	uint8_t		material[KC_KEY_MAX];
	size_t		len = kc_key_len(key->suite);
	uint8_t    *sealed = out + KC_HEADER_LEN;
	kc_status	status = kc_random_key(material, len);

	if (status == KC_OK)
		status = kc_key_init(data_key, key->suite, kc_view_of(material, len));
	if (status == KC_OK)
		status = kc_nonce(out + KC_NONCE_AT);
	if (status == KC_OK)
		status = kc_seal(key, schedule, out + KC_NONCE_AT, kc_view_of(out, KC_HEADER_LEN), context,
						 kc_view_of(material, len), sealed, sealed + len);
	kc_wipe(material, sizeof(material));
	return status;
}

static kc_status
open_data_key(const kc_key *key, kc_schedule *schedule, const kc_envelope *envelope, kc_view context,
			  kc_key *data_key)
{
	uint8_t		material[KC_KEY_MAX];
	kc_status	status = kc_open(key, schedule, envelope->nonce, envelope->header, context,
								 envelope->data_key, envelope->tag, material);

	if (status == KC_OK)
		status = kc_key_init(data_key, key->suite, kc_view_of(material, envelope->data_key.len));
	kc_wipe(material, sizeof(material));
	return status;
}

kc_status
kc_envelope_seal(const kc_key *key, kc_schedule *schedule, const uint8_t version_id[KC_VERSION_ID_LEN],
				 kc_view context, kc_view plaintext, uint8_t *out, bool (*cancelled) (void))
{
	const kc_suite_info *info = kc_suite_find(key->suite);
	kc_key		data_key;
	kc_status	status;

	if (info == NULL || plaintext.len > KC_MESSAGE_MAX)
		return KC_BAD_INPUT;	/* no buffer is that long: nothing to wipe */
	kc_blob_write_start(out, KC_ENVELOPE_FORMAT + key->suite, version_id);
	status = info->ready ? seal_data_key(key, schedule, context, out, &data_key) : KC_UNSUPPORTED;
	if (status == KC_OK)
		status = kc_pass(info, &data_key);
	if (status == KC_OK)
		status = seal_chunks(&data_key, info->passing, plaintext, out + head_len(key->suite), cancelled);
	if (info->ready)
		forget(info);
	kc_wipe(&data_key, sizeof(data_key));
	if (status != KC_OK)
		kc_wipe(out, kc_envelope_len(key->suite, plaintext.len));
	return status;
}

kc_status
kc_envelope_open(const kc_key *key, kc_schedule *schedule, const kc_envelope *envelope, kc_view context,
				 uint8_t *out, bool (*cancelled) (void))
{
	const kc_suite_info *info = kc_suite_find(key->suite);
	kc_key		data_key;
	kc_status	status = KC_BAD_INPUT;

	if (info != NULL && envelope->suite == key->suite)
		status = info->ready ? open_data_key(key, schedule, envelope, context, &data_key) : KC_UNSUPPORTED;
	if (status == KC_OK)
		status = kc_pass(info, &data_key);
	if (status == KC_OK)
		status = open_chunks(&data_key, info->passing, envelope->chunks, out, cancelled);
	if (info != NULL && info->ready)
		forget(info);
	kc_wipe(&data_key, sizeof(data_key));
	if (status != KC_OK)
		kc_wipe(out, envelope->plaintext_len);
	return status;
}
