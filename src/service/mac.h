/*
 * Message authentication codes and blind indexes.
 */
#ifndef KMS_MAC_H
#define KMS_MAC_H

#include "crypto/mac.h"
#include "service/key_use.h"

extern bytea *mac_generate(KmsCallSite *site, Oid caller, kc_view reference, kc_view message);
extern bool mac_verify(KmsCallSite *site, Oid caller, kc_view reference, kc_view message, kc_view code);

/* 32 bytes; the key must be of spec HMAC_SHA_256.  Asks for the right to generate MACs. */
extern bytea *mac_blind_index(KmsCallSite *site, Oid caller, kc_view reference, kc_view value, kc_view context);

#endif
