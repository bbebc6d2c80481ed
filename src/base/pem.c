/*
 * PEM as a string of PostgreSQL's.
 */
#include "base/pem.h"

#include "base/error.h"
#include "crypto/pem.h"

char *
pem_print(const char *label, kc_view der)
{
	size_t		len = KC_PEM_LEN(der.len);
	char	   *pem = palloc(len);

	err_crypto(kc_pem_write(label, der, pem, &len));
	return pem;
}
