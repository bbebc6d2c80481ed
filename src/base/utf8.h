/*
 * Text as UTF-8, which is what is encrypted and authenticated whatever the
 * server's encoding.  The server's own conversions quote the bytes that they
 * cannot convert; these never do.
 */
#ifndef KMS_UTF8_H
#define KMS_UTF8_H

#include "postgres.h"

#include "crypto/kc.h"

/*
 * The UTF-8 of a string in the server's encoding: the string itself where that
 * is UTF-8 or SQL_ASCII, else in the current memory context.  InvalidParameter
 * if it cannot be converted; argument is its name in the error.
 */
extern kc_view utf8_from_server(const char *argument, const char *string, size_t len);

/*
 * UTF-8 as text in the server's encoding, in place if nothing needs to be
 * converted.  22021, InvalidParameter if it is no UTF-8 or has a character that
 * the server's encoding lacks.
 */
#define ERR_NOT_TEXT_MESSAGE	"decrypted bytes are not text in this database's encoding"
extern text *utf8_to_server(bytea *utf8);

/* Likewise; NULL instead of an error. */
extern text *utf8_try_to_server(bytea *utf8);

#endif
