/*
 * Distinguished names: text as in RFC 4514, and the Name (X.501) of a certificate, DER.
 *
 * Text is read as RFC 4514 has it, and as its forerunner RFC 2253 had it:
 *
 *	CN=example.com,OU=Sales+title=kms,O=Acme\, Inc.,C=CN
 *
 * The most specific part comes first; in DER it comes last.  Parts are parted by
 * commas, and attributes of one part by "+"; blanks around these and around "=" do
 * not count.  A value may stand in quotes.  A backslash goes before one of
 * blank " # + , ; < = > \ or before two hexadecimal digits of a byte of UTF-8;
 * control characters can be given in no other way.
 *
 * Attributes go by name, whatever the case (subject_type.c has the table), or by
 * object identifier, with or without "OID." before it.  Values become UTF8String;
 * C becomes PrintableString and is two letters, SERIALNUMBER and dnQualifier become
 * PrintableString, DC and emailAddress IA5String.  "#" and the hexadecimal digits of
 * a value's DER give any type of string that OpenSSL reads in names, where the
 * attribute may be of that type; an attribute without a name may be a BIT STRING, too.
 */
#ifndef KC_SUBJECT_H
#define KC_SUBJECT_H

#include "kc.h"

#define KC_SUBJECT_TEXT_MAX			8192
#define KC_SUBJECT_ATTRIBUTES_MAX	64

/* Longest DER of such a text, and room for what it is when written back, its final zero included. */
#define KC_SUBJECT_DER_MAX			10240
#define KC_SUBJECT_PRINT_MAX		18432

/*
 * *len is the room, then the length; KC_SUBJECT_DER_MAX is enough.  KC_BAD_INPUT for
 * anything that is not to the letter: an empty name or value, an attribute that is
 * not known or stands twice in a part, a value longer than X.520 allows, a zero byte,
 * invalid UTF-8, and for too much of text or attributes.  Then the room is wiped
 * and *len is 0.
 */
extern kc_status kc_subject_parse(kc_view text, uint8_t *der, size_t *len);

/*
 * Back to text, the one spelling that a Name has: *len is the room, then the length
 * without the final zero.  It is that of OpenSSL's XN_FLAG_RFC2253 without
 * ASN1_STRFLGS_ESC_MSB: characters beyond ASCII stand as they are, control characters
 * as \XX, attributes that have no name here by number with a value of "#" and
 * its DER; so have values that are not strings, or not valid ones.  The Name of no
 * parts is the empty text.
 *
 * KC_BAD_INPUT for what is not the DER of a Name, of more than KC_SUBJECT_DER_MAX bytes
 * or KC_SUBJECT_ATTRIBUTES_MAX attributes, or does not fit.  Names of
 * kc_subject_parse fit into KC_SUBJECT_PRINT_MAX, and their text is parsed to the
 * same name (with "#" for a type of string, to that name as UTF8String).
 */
extern kc_status kc_subject_print(kc_view der, char *out, size_t *len);

#endif
