/*
 * The text form of root keys, as a file or a command hands them over: one key a
 * line, 64 hexadecimal digits (either case).  Spaces, tabs and carriage returns
 * around a key and empty lines are ignored.  The first key is the current one,
 * the others only unwrap.
 */
#ifndef KC_ROOTKEY_H
#define KC_ROOTKEY_H

#include "kc.h"

#define KC_ROOT_KEY_LEN		32
#define KC_ROOT_KEY_ID_LEN	8
#define KC_ROOT_KEYS_MAX	8
#define KC_ROOT_TEXT_MAX	4096	/* longer texts are refused */

typedef struct kc_root_keys
{
	uint32_t	count;			/* 1..KC_ROOT_KEYS_MAX */
	uint8_t		key[KC_ROOT_KEYS_MAX][KC_ROOT_KEY_LEN];
	uint8_t		id[KC_ROOT_KEYS_MAX][KC_ROOT_KEY_ID_LEN];
} kc_root_keys;

/*
 * KC_BAD_INPUT, with keys wiped, unless text is 1..8 well-formed and different
 * keys, none of them all zero, in at most KC_ROOT_TEXT_MAX bytes.  Each id is
 * kc_derive(key, "kms root key id", 8): it names the key and tells nothing of it.
 */
extern kc_status kc_root_keys_parse(kc_view text, kc_root_keys *keys);

#endif
