/*
 * Any bytes as an envelope: the parts lie inside, they are all of it, the length
 * is the one of such a plaintext, and it does not open.  And what was sealed, cut
 * to pieces and put together in any other way, does not open either.
 */
#include "envelope.h"
#include "fuzz.h"
#include "random.h"
#include "suite.h"

#include <openssl/err.h>

#define SUITES		(KC_SUITE_SM4_CTR_HMAC_SM3 + 1)
#define MESSAGES	6
#define PIECES_MAX	(MESSAGES * 4)
#define JOINED_MAX	6			/* pieces of one input */
#define PIECE_LEN	(KC_CHUNK_LEN + KC_TAG_MAX)
#define CONTEXT		kc_view_of("context", 7)

/* Long enough for three chunks. */
#define TEXT_LEN	(2 * KC_CHUNK_LEN + 5)

static const size_t lengths[MESSAGES] = {0, 1, KC_CHUNK_LEN, KC_CHUNK_LEN + 1, 2 * KC_CHUNK_LEN, TEXT_LEN};

/* A key, and what was sealed under it: whole, and as heads and chunks. */
typedef struct lock
{
	kc_key		key;
	kc_schedule *schedule;
	kc_view		sealed[MESSAGES];
	kc_view		pieces[PIECES_MAX];
	size_t		count;
} lock;

static lock locks[SUITES];
static uint8_t text[TEXT_LEN];

static void
add_piece(lock *l, kc_view *rest, size_t len)
{
	must(l->count < PIECES_MAX && len <= rest->len);
	l->pieces[l->count++] = kc_view_of(rest->data, len);
	*rest = kc_view_of(rest->data + len, rest->len - len);
}

static void
seal(lock *l, size_t message)
{
	static const uint8_t version_id[KC_VERSION_ID_LEN] = "one of the keys";
	size_t		tag_len = kc_tag_len(l->key.suite);
	size_t		len = kc_envelope_len(l->key.suite, lengths[message]);
	uint8_t    *out = malloc(len);
	kc_view		rest = kc_view_of(out, len);

	must(out != NULL);
	must(kc_envelope_seal(&l->key, l->schedule, version_id, CONTEXT, kc_view_of(text, lengths[message]), out,
						  NULL) == KC_OK);
	l->sealed[message] = rest;
	add_piece(l, &rest, KC_HEADER_LEN + kc_key_len(l->key.suite) + tag_len);
	while (rest.len > KC_CHUNK_LEN + tag_len)
		add_piece(l, &rest, KC_CHUNK_LEN + tag_len);
	add_piece(l, &rest, rest.len);
}

/* Random keys, so that no corpus can hold an envelope that opens. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t		material[KC_KEY_MAX];

	(void) argc;
	(void) argv;
	must(kc_startup() == KC_OK);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t) (i % 251);
	for (int suite = KC_SUITE_XAES_256_GCM; suite < SUITES; suite++)
	{
		lock	   *l = &locks[suite];
		size_t		len = kc_key_len(suite);

		l->schedule = kc_schedule_new();
		must(kc_random_key(material, len) == KC_OK);
		must(kc_key_init(&l->key, suite, kc_view_of(material, len)) == KC_OK);
		must(kc_schedule_set(l->schedule, &l->key) == KC_OK);
		for (size_t message = 0; message < MESSAGES; message++)
			seal(l, message);
	}
	return 0;
}

static void
parts_lie_inside(const kc_envelope *envelope, kc_view bytes)
{
	size_t		tag_len = kc_tag_len(envelope->suite);

	must(tag_len > 0 && envelope->suite + KC_ENVELOPE_FORMAT == bytes.data[0]);
	must(bytes.len == kc_envelope_len(envelope->suite, envelope->plaintext_len));
	must(envelope->plaintext_len == kc_envelope_plaintext_max(envelope->suite, bytes.len));
	must(envelope->header.data == bytes.data && envelope->header.len == KC_HEADER_LEN);
	must(envelope->version_id == bytes.data + 1 && envelope->nonce == bytes.data + KC_NONCE_AT);
	must(envelope->data_key.data == bytes.data + KC_HEADER_LEN);
	must(envelope->data_key.len == kc_key_len(envelope->suite));
	must(envelope->tag == envelope->data_key.data + envelope->data_key.len);
	must(envelope->chunks.data == envelope->tag + tag_len);
	must(envelope->chunks.data + envelope->chunks.len == bytes.data + bytes.len);
}

static bool
parses(kc_view bytes, kc_envelope *envelope)
{
	static const kc_envelope none;
	kc_status	status;

	memset(envelope, 0xaa, sizeof(*envelope));
	status = kc_envelope_parse(bytes, envelope);
	if (status == KC_OK)
	{
		parts_lie_inside(envelope, bytes);
		return true;
	}
	must(status == KC_BAD_INPUT);
	must(memcmp(envelope, &none, sizeof(none)) == 0);
	return false;
}

/* It opens if and only if it is an envelope we made, and then as what it was. */
static void
opens_as(const kc_envelope *envelope, const size_t *plaintext_len)
{
	lock	   *l = &locks[envelope->suite];
	size_t		len = envelope->plaintext_len;
	uint8_t    *out = malloc(len + 1);
	kc_status	status;

	must(out != NULL);
	memset(out, 0xaa, len + 1);
	status = kc_envelope_open(&l->key, l->schedule, envelope, CONTEXT, out, NULL);
	must(out[len] == 0xaa);
	must(ERR_peek_error() == 0);
	if (plaintext_len != NULL)
		must(status == KC_OK && len == *plaintext_len && memcmp(out, text, len) == 0);
	else
		must(status == KC_BAD_TAG && all_zero(out, len));
	free(out);
}

/* The first eight bytes as how much room there is. */
static void
lengths_agree(kc_view bytes)
{
	uint64_t	number;
	size_t		room;

	if (bytes.len < sizeof(number))
		return;
	memcpy(&number, bytes.data, sizeof(number));
	room = (size_t) (number >> (number & 63));
	for (int suite = KC_SUITE_XAES_256_GCM; suite < SUITES; suite++)
	{
		size_t		max = kc_envelope_plaintext_max(suite, room);

		must(max <= KC_MESSAGE_MAX);
		must(max == 0 || kc_envelope_len(suite, max) <= room);
		must(max == KC_MESSAGE_MAX || kc_envelope_len(suite, max + 1) > room);
	}
}

static void
as_envelope(kc_view bytes)
{
	kc_envelope envelope;

	lengths_agree(bytes);
	if (parses(bytes, &envelope))
		opens_as(&envelope, NULL);
}

static size_t
number_of(const uint8_t bytes[3])
{
	return (size_t) bytes[0] << 16 | (size_t) bytes[1] << 8 | bytes[2];
}

/*
 * Below 0xf0: append that piece.  0xf0: where (3) and how (1) to change a byte.
 * Anything else: how many bytes remain (3).
 */
static kc_view
joined(const lock *l, kc_view orders, uint8_t *out)
{
	size_t		len = 0;
	int			pieces = 0;

	while (orders.len > 0)
	{
		const uint8_t *order = orders.data;
		size_t		used = order[0] < 0xf0 ? 1 : order[0] == 0xf0 ? 5 : 4;

		if (used > orders.len)
			break;
		orders = kc_view_of(orders.data + used, orders.len - used);
		if (order[0] < 0xf0 && pieces++ < JOINED_MAX)
		{
			kc_view		piece = l->pieces[order[0] % l->count];

			memcpy(out + len, piece.data, piece.len);
			len += piece.len;
		}
		else if (order[0] == 0xf0 && len > 0)
			out[number_of(order + 1) % len] ^= order[4];
		else if (order[0] > 0xf0)
			len = number_of(order + 1) % (len + 1);
	}
	return kc_view_of(out, len);
}

static void
as_pieces(const lock *l, kc_view orders)
{
	uint8_t    *out = malloc(JOINED_MAX * PIECE_LEN);
	const size_t *plaintext_len = NULL;
	kc_envelope envelope;
	kc_view		bytes;

	must(out != NULL);
	bytes = joined(l, orders, out);
	for (size_t i = 0; i < MESSAGES; i++)
		if (bytes.len == l->sealed[i].len && memcmp(bytes.data, l->sealed[i].data, bytes.len) == 0)
			plaintext_len = &lengths[i];
	if (parses(bytes, &envelope))
		opens_as(&envelope, plaintext_len);
	else
		must(plaintext_len == NULL);
	free(out);
}

/* From 0xf0 on the first byte says of which suite the pieces are; no format is so high. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] >= 0xf0)
		as_pieces(&locks[1 + data[0] % (SUITES - 1)], kc_view_of(data + 1, size - 1));
	else
		as_envelope(kc_view_of(data, size));
	return 0;
}
