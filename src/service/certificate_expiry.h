/*
 * Warnings before a certificate expires.
 */
#ifndef KMS_CERTIFICATE_EXPIRY_H
#define KMS_CERTIFICATE_EXPIRY_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* When the next warning is due: 30, 7 and 1 days of 24 hours before; DT_NOEND: no more. */
extern TimestampTz certificate_next_warning(TimestampTz not_after, TimestampTz after);

#endif
