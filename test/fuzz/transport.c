/*
 * Any bytes as what arrived for a pair, as a private key, and as DER: they are
 * refused and leave nothing behind, and what is read, written again, is the same.
 */
#include "der.h"
#include "fuzz.h"
#include "transport.h"

#include <openssl/err.h>

#define LAST	KC_PKE_SM2PKE
#define LEN		32

static uint8_t privates[LAST + 1][KC_TRANSPORT_PRIVATE_MAX];
static size_t private_lens[LAST + 1];

/* Made anew each time, so that no corpus can hold what opens. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t		public_der[KC_TRANSPORT_PUBLIC_MAX];

	(void) argc;
	(void) argv;
	for (int transport = KC_PKE_RSA_OAEP_SHA_1; transport <= LAST; transport++)
	{
		size_t		public_len = sizeof(public_der);

		private_lens[transport] = sizeof(privates[transport]);
		must(kc_transport_generate(transport, privates[transport], &private_lens[transport],
								   public_der, &public_len, NULL) == KC_OK);
	}
	return 0;
}

static kc_status
opened(int transport, kc_view key, kc_view encrypted, size_t len)
{
	uint8_t		out[KC_TRANSPORT_MATERIAL_MAX + 1];
	kc_status	status;

	memset(out, 0xaa, sizeof(out));
	status = kc_transport_open(transport, key, encrypted, out, len);
	must(out[len] == 0xaa);
	must(ERR_peek_error() == 0);
	for (size_t i = 0; i < len && status != KC_OK; i++)
		must(out[i] == 0);
	return status;
}

/* Bytes as a key: taken or not, it must end.  Ours opens nothing of anybody's. */
static void
as_key(int transport, kc_view bytes)
{
	uint8_t		encrypted[256] = {0x00, 0x01};
	kc_view		view = kc_view_of(encrypted, sizeof(encrypted));

	memset(encrypted + 2, 0x55, sizeof(encrypted) - 2);
	if (transport == KC_PKE_SM2PKE)
	{
		/* The generator of the curve, as somebody's C1. */
		static const uint8_t point[] = {
			0x04,
			0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9, 0x94,
			0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7,
			0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53,
			0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0
		};

		memcpy(encrypted, point, sizeof(point));
		view.len = 97 + LEN;
	}
	must(opened(transport, bytes, view, LEN) != KC_OK);
}

/* Elements and integers, one after the other. */
static void
as_der(kc_view bytes)
{
	static const uint8_t tags[] = {
		KC_DER_INTEGER, KC_DER_BIT_STRING, KC_DER_OCTET_STRING, KC_DER_SEQUENCE
	};
	uint8_t		again[6100];
	uint8_t		number[64];

	while (bytes.len > 0)
	{
		kc_view		start = bytes;
		kc_view		content = {NULL, 0};
		kc_der_writer writer = kc_der_writer_on(again, sizeof(again));
		size_t		len;
		bool		taken = kc_der_take_unsigned(&bytes, number, sizeof(number));

		if (taken)
			kc_der_put_unsigned(&writer, kc_view_of(number, sizeof(number)));
		for (size_t i = 0; i < sizeof(tags) && !taken; i++)
		{
			taken = kc_der_take(&bytes, tags[i], &content);
			if (taken)
			{
				kc_der_put(&writer, content);
				kc_der_put_header(&writer, tags[i], content.len);
			}
		}
		if (!taken)
		{
			must(bytes.data == start.data && bytes.len == start.len);
			return;
		}
		must(kc_der_finish(&writer, &len));
		must(len == start.len - bytes.len && memcmp(again, start.data, len) == 0);
	}
}

/* The first byte says which transport; the others are the bytes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	kc_view		bytes;
	int			transport;

	if (size == 0)
		return 0;
	transport = 1 + data[0] % LAST;
	bytes = kc_view_of(data + 1, size - 1);
	must(opened(transport, kc_view_of(privates[transport], private_lens[transport]), bytes, LEN) == KC_BAD_TAG);
	if (bytes.len > 97 && bytes.len <= 97 + KC_TRANSPORT_MATERIAL_MAX)
		must(opened(LAST, kc_view_of(privates[LAST], private_lens[LAST]), bytes, bytes.len - 97) == KC_BAD_TAG);
	as_key(transport, bytes);
	as_der(bytes);
	return 0;
}
