/*
 * Subject alternative names (RFC 5280, 4.2.1.6) as text: what a name is can be
 * seen from it.
 *
 *	IP address     IPv4 with four decimal numbers, IPv6 as in RFC 4291; no zone
 *	URI            has "://"; scheme, authority and ASCII that need not be escaped
 *	e-mail         has "@"; a dot-atom of ASCII, and a DNS name
 *	DNS name       letters, digits and hyphens (RFC 1123), perhaps "*." before them;
 *	               its last label is not a number
 *
 * In this order: of two that would do, the first.
 */
#ifndef KC_ALTERNATIVE_NAME_H
#define KC_ALTERNATIVE_NAME_H

#include "kc.h"

#define KC_NAMES_MAX	10		/* that we ask for; certificates may have more */
#define KC_NAME_MAX		253		/* bytes, but for URIs */
#define KC_URI_MAX		2048

typedef enum kc_name_kind
{
	KC_NAME_NONE,				/* no name at all */
	KC_NAME_IP,
	KC_NAME_URI,
	KC_NAME_EMAIL,
	KC_NAME_DNS
} kc_name_kind;

extern kc_name_kind kc_name_kind_of(kc_view name);

#endif
