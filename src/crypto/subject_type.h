/*
 * The attributes of distinguished names, and which values they may have.
 * Private to this floor.
 */
#ifndef KC_SUBJECT_TYPE_H
#define KC_SUBJECT_TYPE_H

#include "der.h"

#define KC_DER_OID				0x06
#define KC_DER_UTF8_STRING		0x0c
#define KC_DER_NUMERIC_STRING	0x12
#define KC_DER_PRINTABLE_STRING	0x13
#define KC_DER_TELETEX_STRING	0x14
#define KC_DER_IA5_STRING		0x16
#define KC_DER_VISIBLE_STRING	0x1a
#define KC_DER_UNIVERSAL_STRING	0x1c
#define KC_DER_BMP_STRING		0x1e
#define KC_DER_SET				0x31

typedef struct kc_subject_type
{
	const char *name;			/* as it is written: OpenSSL's */
	const char *other_names[2];	/* also read; NULL: none */
	kc_view		oid;			/* content of the OBJECT IDENTIFIER */
	uint8_t		tag;			/* its only type of string; UTF8String: any */
	size_t		min;			/* characters */
	size_t		max;
} kc_subject_type;

/* NULL where there is none. */
extern const kc_subject_type *kc_subject_type_named(kc_view name);
extern const kc_subject_type *kc_subject_type_of(kc_view oid);

/* Longest content of an OBJECT IDENTIFIER here, and its longest text. */
#define KC_OID_MAX		64
#define KC_OID_TEXT_MAX	(4 * KC_OID_MAX)

/*
 * From "2.5.4.3" to the content of an OBJECT IDENTIFIER, and back, without a
 * final zero.  0: it is none, or too long.
 */
extern size_t kc_oid_parse(kc_view text, uint8_t out[KC_OID_MAX]);
extern size_t kc_oid_print(kc_view oid, char out[KC_OID_TEXT_MAX]);

/*
 * Take a character off the content of a string of this type.  False if it has none
 * there, or tag is not that of a string.
 */
extern bool kc_string_take(uint8_t tag, kc_view *content, uint32_t *character);

/* Whether the attribute may have this value; type is NULL for those without a name. */
extern bool kc_subject_value_fits(const kc_subject_type *type, uint8_t tag, kc_view content);

#endif
