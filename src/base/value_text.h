/*
 * Values of columns as text that is authenticated: the same whatever the session's
 * settings are (DateStyle, TimeZone, extra_float_digits), and one text for one value.
 *
 * Of most types it is what a cast to text gives; of numeric without trailing zeros
 * (trim_scale); dates and times as JSON writes them, with a time zone in UTC.
 */
#ifndef KMS_VALUE_TEXT_H
#define KMS_VALUE_TEXT_H

#include "postgres.h"

#include "crypto/kc.h"

/* Whether there is such a text of this base type. */
extern bool value_text_exists(Oid type);

/* UTF-8, in the value itself or in the current memory context; argument: its name in errors. */
extern kc_view value_text(const char *argument, Oid type, Datum value);

#endif
