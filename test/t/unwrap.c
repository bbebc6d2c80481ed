/*
 * For 005_leak.pl: the keys as bytes, from what the tables hold and the root key.
 * One answer a line, in hexadecimal; "-" where nothing opens.
 *
 *	derive KEY LABEL LENGTH		kc_derive
 *	unwrap KEY PLACE WRAPPED	kc_unwrap
 *	subkey SUITE KEY			the CMAC subkey that is kept with a key
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rootkey.h"
#include "wrap.h"

#define FIELD_MAX 8192

static kc_view
unhex(const char *text, uint8_t *out)
{
	size_t		len = strlen(text) / 2;

	for (size_t i = 0; i < len; i++)
	{
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			exit(2);
		out[i] = (uint8_t) byte;
	}
	return kc_view_of(out, len);
}

static void
answer(kc_status status, const uint8_t *data, size_t len)
{
	if (status != KC_OK)
		printf("-");
	for (size_t i = 0; status == KC_OK && i < len; i++)
		printf("%02x", data[i]);
	printf("\n");
}

int
main(void)
{
	char		what[FIELD_MAX];
	char		field[3][FIELD_MAX];
	uint8_t		bytes[3][FIELD_MAX];
	uint8_t		out[FIELD_MAX];
	kc_key		key;

	if (kc_startup() != KC_OK)
		return 1;
	while (scanf("%8191s", what) == 1)
	{
		if (strcmp(what, "derive") == 0 && scanf("%8191s %8191[^:]:%8191s", field[0], field[1], field[2]) == 3)
		{
			size_t		len = (size_t) atoi(field[2]);

			answer(kc_derive(unhex(field[0], bytes[0]), field[1], out, len), out, len);
		}
		else if (strcmp(what, "unwrap") == 0 && scanf("%8191s %8191s %8191s", field[0], field[1], field[2]) == 3)
		{
			kc_view		wrapped = unhex(field[2], bytes[2]);
			kc_status	status = kc_key_init(&key, KC_SUITE_XAES_256_GCM, unhex(field[0], bytes[0]));

			if (status == KC_OK)
				status = kc_unwrap(&key, unhex(field[1], bytes[1]), wrapped, out);
			answer(status, out, wrapped.len - KC_WRAP_OVERHEAD);
		}
		else if (strcmp(what, "subkey") == 0 && scanf("%8191s %8191s", field[0], field[1]) == 2)
			answer(kc_key_init(&key, atoi(field[0]), unhex(field[1], bytes[1])), key.subkey, sizeof(key.subkey));
		else
			return 2;
	}
	return 0;
}
