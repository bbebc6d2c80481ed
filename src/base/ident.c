/*
 * Identifiers.  The server's uuid_in takes half a dozen spellings; ours takes
 * one, because an id that names a key should look the same everywhere.
 */
#include "base/ident.h"

#include "base/error.h"
#include "crypto/random.h"

static const int8 hex_value[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5,
	['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
	['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
	['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16
};

/* Position of each byte's first digit; the hyphens stand at 8, 13, 18 and 23. */
static const uint8 digit_at[UUID_LEN] = {
	0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34
};

bool
uuid_parse(const char *text, size_t len, pg_uuid_t *uuid)
{
	if (len != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
		return false;
	for (int i = 0; i < UUID_LEN; i++)
	{
		int			high = hex_value[(uint8) text[digit_at[i]]];
		int			low = hex_value[(uint8) text[digit_at[i] + 1]];

		if (high == 0 || low == 0)
			return false;
		uuid->data[i] = (uint8) ((high - 1) << 4 | (low - 1));
	}
	return true;
}

static const char digits[] = "0123456789abcdef";

char *
hex_print(const uint8 *bytes, size_t len)
{
	char	   *text = palloc(2 * len + 1);

	for (size_t i = 0; i < len; i++)
	{
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * len] = '\0';
	return text;
}

char *
uuid_print(const pg_uuid_t *uuid, char out[37])
{
	out[8] = out[13] = out[18] = out[23] = '-';
	for (int i = 0; i < UUID_LEN; i++)
	{
		out[digit_at[i]] = digits[uuid->data[i] >> 4];
		out[digit_at[i] + 1] = digits[uuid->data[i] & 15];
	}
	out[36] = '\0';
	return out;
}

pg_uuid_t
uuid_random(void)
{
	pg_uuid_t	uuid;

	err_crypto(kc_random(uuid.data, UUID_LEN));
	uuid.data[6] = (uuid.data[6] & 0x0f) | 0x40;
	uuid.data[8] = (uuid.data[8] & 0x3f) | 0x80;
	return uuid;
}
