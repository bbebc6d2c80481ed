/*
 * Subject alternative names as DER.  Private to this floor.
 */
#ifndef KC_GENERAL_NAME_H
#define KC_GENERAL_NAME_H

#include "alternative_name.h"
#include "der.h"

/* The tags of GeneralName that text stands for. */
#define KC_DER_EMAIL	0x81
#define KC_DER_DNS		0x82
#define KC_DER_URI		0x86
#define KC_DER_IP		0x87

/* Longest address, and its text. */
#define KC_IP_MAX		16
#define KC_IP_TEXT_MAX	46

/* Write a name last; false if it is none. */
extern bool kc_general_name_put(kc_der_writer *out, kc_view name);

/* How many bytes an address has, 4 or 16; 0 if the text is none. */
extern size_t kc_ip_parse(kc_view text, uint8_t out[KC_IP_MAX]);

/* 4 or 16 bytes as text (RFC 5952), with a zero; 0 for another length. */
extern size_t kc_ip_print(kc_view bytes, char out[KC_IP_TEXT_MAX]);

#endif
