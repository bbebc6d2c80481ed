/*
 * MACs of rows that decide: an edit by hand is noticed.
 */
#ifndef KMS_ROW_MAC_H
#define KMS_ROW_MAC_H

#include "postgres.h"

#include "base/record.h"
#include "store/seal.h"

/*
 * All of these free the record.
 *
 * Fill in the seal of a row about to be written: under the current domain key.
 * Raises while the server is sealed.
 */
extern void row_mac_make(KmsRecord *record, KmsSeal *seal);

/* The same under the domain key of an account that need not be the one in force. */
extern void row_mac_make_for(int64 account, KmsRecord *record, KmsSeal *seal);

/* Whether it is the row's; raises while the server is sealed. */
extern bool row_mac_fits(KmsRecord *record, const KmsSeal *seal);

#endif
