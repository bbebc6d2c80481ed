/*
 * Subject alternative names: what they are, and their DER.
 */
#include "alternative_name.h"

#include <string.h>

#include "general_name.h"

#define LABEL_MAX	63
#define LOCAL_MAX	64

static bool
is_letter(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_in(uint8_t c, const char *set)
{
	return c != 0 && strchr(set, c) != NULL;
}

/* Where it begins; text.len if it is nowhere. */
static size_t
find(kc_view text, const char *word)
{
	size_t		len = strlen(word);

	for (size_t at = 0; at + len <= text.len; at++)
		if (memcmp(text.data + at, word, len) == 0)
			return at;
	return text.len;
}

static kc_view
behind(kc_view text, size_t count)
{
	return kc_view_of(text.data + count, text.len - count);
}

static bool
is_label(kc_view label)
{
	if (label.len == 0 || label.len > LABEL_MAX || label.data[0] == '-' || label.data[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++)
		if (!is_letter(label.data[i]) && !is_digit(label.data[i]) && label.data[i] != '-')
			return false;
	return true;
}

static bool
is_number(kc_view label)
{
	for (size_t i = 0; i < label.len; i++)
		if (!is_digit(label.data[i]))
			return false;
	return true;
}

static bool
is_host(kc_view name)
{
	for (;;)
	{
		size_t		len = find(name, ".");
		kc_view		label = kc_view_of(name.data, len);

		if (!is_label(label))
			return false;
		if (len == name.len)
			return !is_number(label);
		name = behind(name, len + 1);
	}
}

static bool
is_dns(kc_view name)
{
	if (name.len > KC_NAME_MAX)
		return false;
	return is_host(name.len > 2 && memcmp(name.data, "*.", 2) == 0 ? behind(name, 2) : name);
}

/* Dot-atom of RFC 5322. */
static bool
is_local_part(kc_view local)
{
	if (local.len == 0 || local.len > LOCAL_MAX || local.data[0] == '.' || local.data[local.len - 1] == '.')
		return false;
	for (size_t i = 0; i < local.len; i++)
		if (!is_letter(local.data[i]) && !is_digit(local.data[i]) && !is_in(local.data[i], "!#$%&'*+-/=?^_`{|}~."))
			return false;
	return find(local, "..") == local.len;
}

static bool
is_email(kc_view name)
{
	size_t		at = find(name, "@");

	return name.len <= KC_NAME_MAX && at < name.len && is_local_part(kc_view_of(name.data, at)) &&
		is_host(behind(name, at + 1));
}

static bool
is_scheme(kc_view scheme)
{
	for (size_t i = 0; i < scheme.len; i++)
		if (!is_letter(scheme.data[i]) && (i == 0 || (!is_digit(scheme.data[i]) && !is_in(scheme.data[i], "+-."))))
			return false;
	return scheme.len > 0;
}

/* Characters of RFC 3986; an authority stands behind the slashes. */
static bool
is_uri(kc_view name)
{
	size_t		at = find(name, "://");
	kc_view		rest;

	if (name.len > KC_URI_MAX || at == name.len || !is_scheme(kc_view_of(name.data, at)))
		return false;
	rest = behind(name, at + 3);
	for (size_t i = 0; i < rest.len; i++)
		if (!is_letter(rest.data[i]) && !is_digit(rest.data[i]) && !is_in(rest.data[i], "-._~:/?#[]@!$&'()*+,;=%"))
			return false;
	return rest.len > 0 && !is_in(rest.data[0], "/?#");
}

kc_name_kind
kc_name_kind_of(kc_view name)
{
	uint8_t		bytes[KC_IP_MAX];

	if (kc_ip_parse(name, bytes) > 0)
		return KC_NAME_IP;
	if (find(name, "://") < name.len)
		return is_uri(name) ? KC_NAME_URI : KC_NAME_NONE;
	if (find(name, "@") < name.len)
		return is_email(name) ? KC_NAME_EMAIL : KC_NAME_NONE;
	return is_dns(name) ? KC_NAME_DNS : KC_NAME_NONE;
}

static uint8_t
tag_of(kc_name_kind kind)
{
	return kind == KC_NAME_URI ? KC_DER_URI : kind == KC_NAME_EMAIL ? KC_DER_EMAIL : KC_DER_DNS;
}

bool
kc_general_name_put(kc_der_writer *out, kc_view name)
{
	kc_name_kind kind = kc_name_kind_of(name);
	uint8_t		bytes[KC_IP_MAX];
	size_t		len;

	if (kind == KC_NAME_NONE)
		return false;
	if (kind == KC_NAME_IP)
	{
		len = kc_ip_parse(name, bytes);
		kc_der_put(out, kc_view_of(bytes, len));
		kc_der_put_header(out, KC_DER_IP, len);
		return true;
	}
	kc_der_put(out, name);
	kc_der_put_header(out, tag_of(kind), name.len);
	return true;
}
