/*
 * The end of a key: protection, the waiting period, and the erasing.
 */
#ifndef KMS_KEY_DELETION_H
#define KMS_KEY_DELETION_H

#include "postgres.h"

#include "store/key.h"

/* Turning protection off forgets its description, too. */
extern void key_set_deletion_protection(Oid caller, const char *reference, bool protect, const char *description);

/* The delete date, days (7..366) from now. */
extern TimestampTz key_schedule_deletion(Oid caller, const char *reference, int days);

/* As long as the row is there, also past the date. */
extern void key_cancel_deletion(Oid caller, const char *reference);

#endif
