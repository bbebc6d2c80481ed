/*
 * Certificates for the tests: some of the openssl command, and a builder of others
 * that is OpenSSL's library and nothing of ours.
 */
#include "certificates.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/*
 * openssl ca, with curves P-256 and SM2, from 2020-01-01 to 2099-12-31 23:59:59.
 */
const char stored_root[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBlzCCAT2gAwIBAgIJALHC0+T1BgcYMAoGCCqGSM49BAMCMC4xCzAJBgNVBAYT\n"
	"AkNOMRAwDgYDVQQKDAdUZXN0IMOWMQ0wCwYDVQQDDARSb290MCAXDTIwMDEwMTAw\n"
	"MDAwMFoYDzIwOTkxMjMxMjM1OTU5WjAuMQswCQYDVQQGEwJDTjEQMA4GA1UECgwH\n"
	"VGVzdCDDljENMAsGA1UEAwwEUm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA\n"
	"BHrR4dWjvXg3MxMPUuzkifwryo6PF+pnW1+Loed0GOXthdisiQoMoRM9iMHEznfv\n"
	"zixeVG/WXQ7egMKcN83K3rmjQjBAMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/\n"
	"BAQDAgEGMB0GA1UdDgQWBBS80NCaPxPU/8cFlVaquB+3JHvN2jAKBggqhkjOPQQD\n"
	"AgNIADBFAiEAwIHx7SLXjp7yiS5UarZzcaSlXmO61HYwLLjdBO1twPUCIDw8JtSJ\n"
	"wU+bQ+G3GiHLlHkKFdQsSAkcPpW+Ju4kt0pO\n"
	"-----END CERTIFICATE-----\n";

const char stored_intermediate[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBvDCCAWKgAwIBAgIJALHC0+T1BgcZMAoGCCqGSM49BAMCMC4xCzAJBgNVBAYT\n"
	"AkNOMRAwDgYDVQQKDAdUZXN0IMOWMQ0wCwYDVQQDDARSb290MCAXDTIwMDEwMTAw\n"
	"MDAwMFoYDzIwOTkxMjMxMjM1OTU5WjAvMQswCQYDVQQGEwJDTjEQMA4GA1UECgwH\n"
	"VGVzdCDDljEOMAwGA1UEAwwFSW50ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
	"AAR/UaVFwNhKyMUejp0kMjR+sgY8uT21fota+2YaSXfSCP7pW4dQMuXDEJ0YEQq+\n"
	"r5p34WwbOUA+zsc5AdBiZPpJo2YwZDASBgNVHRMBAf8ECDAGAQH/AgEAMA4GA1Ud\n"
	"DwEB/wQEAwIBBjAdBgNVHQ4EFgQUAq6SDzYkQdvTkDRgv57e07OA0XIwHwYDVR0j\n"
	"BBgwFoAUvNDQmj8T1P/HBZVWqrgftyR7zdowCgYIKoZIzj0EAwIDSAAwRQIhAI/d\n"
	"4hIa6vLBK/T/miXNyFniypNPgpYKKkjWYVh4iV+sAiBbXBQs6pmG/dcA4sUDu74I\n"
	"XnGpezOZ0kt3+VLe8n20lw==\n"
	"-----END CERTIFICATE-----\n";

const char stored_leaf[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIICTjCCAfSgAwIBAgIJALHC0+T1BgcaMAoGCCqGSM49BAMCMC8xCzAJBgNVBAYT\n"
	"AkNOMRAwDgYDVQQKDAdUZXN0IMOWMQ4wDAYDVQQDDAVJbnRlcjAgFw0yMDAxMDEw\n"
	"MDAwMDBaGA8yMDk5MTIzMTIzNTk1OVowPDELMAkGA1UEBhMCQ04xEzARBgNVBAoM\n"
	"ClRlc3QsIEluYy4xGDAWBgNVBAMMD3d3dy5leGFtcGxlLmNvbTBZMBMGByqGSM49\n"
	"AgEGCCqGSM49AwEHA0IABJKHnJxtnmO0EXfBkh2gthwzxOwXC1CH/J8P7BqRi3QS\n"
	"Vtw5ME3pMz1BFkaamnuZb1r+/SQ9mzmKat4/j4J/tVejgekwgeYwCQYDVR0TBAIw\n"
	"ADAOBgNVHQ8BAf8EBAMCB4AwHQYDVR0OBBYEFGjiC/ifHZptaD4sdtR4RkdCiKwL\n"
	"MB8GA1UdIwQYMBaAFAKukg82JEHb05A0YL+e3tOzgNFyMIGIBgNVHREEgYAwfoIP\n"
	"d3d3LmV4YW1wbGUuY29tgg0qLmV4YW1wbGUuY29tgRBpbmZvQGV4YW1wbGUuY29t\n"
	"hhdodHRwczovL2V4YW1wbGUuY29tL2E/YocEwAACAYcQIAENuAAAAAAAAAAAAAAA\n"
	"AaQOMAwxCjAIBgNVBAMMAXigCQYCKgOgAwwBeDAKBggqhkjOPQQDAgNIADBFAiEA\n"
	"6wbWbUKuXF/deUgLJYbcPIhU5/jbtdklvGEjzUTN9zACIGkUngvsjzJKN/HCGNlQ\n"
	"lQmjj/436XxhKBXZWb9R/7kx\n"
	"-----END CERTIFICATE-----\n";

const char stored_sm2_root[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBmTCCAT+gAwIBAgIJALHC0+T1BgcbMAoGCCqBHM9VAYN1MC8xCzAJBgNVBAYT\n"
	"AkNOMQ0wCwYDVQQKDARUZXN0MREwDwYDVQQDDAhTTTIgUm9vdDAgFw0yMDAxMDEw\n"
	"MDAwMDBaGA8yMDk5MTIzMTIzNTk1OVowLzELMAkGA1UEBhMCQ04xDTALBgNVBAoM\n"
	"BFRlc3QxETAPBgNVBAMMCFNNMiBSb290MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0D\n"
	"QgAEfln3X3A8Xz0vFF+ACCdMB9MhZqqGe8J0Ptjy0rgjIYeB+h7ZsE7mtDewwUH1\n"
	"fBx+fv71c44lGRUzlFoJ1ojAN6NCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8B\n"
	"Af8EBAMCAQYwHQYDVR0OBBYEFDj2SrH7BcIJEBnHa2sA5yTSh1fzMAoGCCqBHM9V\n"
	"AYN1A0gAMEUCICp4DlE3dO48N2ejE6m+qSfbA639tDDMdTFDiwMzK3+QAiEAnThK\n"
	"tAiUMap8OYipoIl1Th4Q8ZAUQSE34IFCJ37z8HY=\n"
	"-----END CERTIFICATE-----\n";

const char stored_sm2_leaf[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIICSDCCAe6gAwIBAgIJALHC0+T1BgccMAoGCCqBHM9VAYN1MC8xCzAJBgNVBAYT\n"
	"AkNOMQ0wCwYDVQQKDARUZXN0MREwDwYDVQQDDAhTTTIgUm9vdDAgFw0yMDAxMDEw\n"
	"MDAwMDBaGA8yMDk5MTIzMTIzNTk1OVowNjELMAkGA1UEBhMCQ04xDTALBgNVBAoM\n"
	"BFRlc3QxGDAWBgNVBAMMD3NtMi5leGFtcGxlLmNvbTBZMBMGByqGSM49AgEGCCqB\n"
	"HM9VAYItA0IABP9FFiodykCmlFtlRmAvLEZq6nA1VT0Bgg879qZURWMLhB0fxuxb\n"
	"gCFHYAdccJYRVgxdvXRVcu2tr4zE4jwOYtujgekwgeYwCQYDVR0TBAIwADAOBgNV\n"
	"HQ8BAf8EBAMCB4AwHQYDVR0OBBYEFFV1TiDhSHFaAWYmXWmk+QZUZDnIMB8GA1Ud\n"
	"IwQYMBaAFDj2SrH7BcIJEBnHa2sA5yTSh1fzMIGIBgNVHREEgYAwfoIPd3d3LmV4\n"
	"YW1wbGUuY29tgg0qLmV4YW1wbGUuY29tgRBpbmZvQGV4YW1wbGUuY29thhdodHRw\n"
	"czovL2V4YW1wbGUuY29tL2E/YocEwAACAYcQIAENuAAAAAAAAAAAAAAAAaQOMAwx\n"
	"CjAIBgNVBAMMAXigCQYCKgOgAwwBeDAKBggqgRzPVQGDdQNIADBFAiA+LPLSP9g7\n"
	"CFDR+av07AlIISAhmVTXjzSyWMCKOIAKvQIhAIsXNvET9nsOH4hbqtdKJA7ITqKA\n"
	"ZpgGTGt4k5GB7WQo\n"
	"-----END CERTIFICATE-----\n";

#define CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			ERR_print_errors_fp(stderr); \
			abort(); \
		} \
	} while (0)

static void
set_extensions(X509 *x509, const X509 *issuer, const char *const extensions[][2])
{
	X509V3_CTX	ctx;

	X509V3_set_ctx(&ctx, (X509 *) issuer, x509, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	for (int i = 0; i < EXTENSIONS_MAX && extensions[i][0] != NULL; i++)
	{
		X509_EXTENSION *extension = X509V3_EXT_nconf(NULL, &ctx, extensions[i][0], extensions[i][1]);

		CHECK(extension != NULL && X509_add_ext(x509, extension, -1) == 1);
		X509_EXTENSION_free(extension);
	}
}

static void
sign(X509 *x509, EVP_PKEY *key, const char *digest, bool is_pss)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	const EVP_MD *md = EVP_PKEY_is_a(key, "ED25519") ? NULL :
		EVP_get_digestbyname(EVP_PKEY_is_a(key, "SM2") ? "SM3" : digest != NULL ? digest : "SHA256");

	if (EVP_PKEY_is_a(key, "SM2"))
		CHECK(EVP_PKEY_CTX_set1_id(key_ctx, "1234567812345678", 16) == 1);
	EVP_MD_CTX_set_pkey_ctx(ctx, key_ctx);
	CHECK(EVP_DigestSignInit(ctx, NULL, md, NULL, key) == 1);
	if (is_pss)
		CHECK(EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
			  EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
	CHECK(X509_sign_ctx(x509, ctx) > 0);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_CTX_free(key_ctx);
}

static void
set_time(ASN1_TIME *time, const char *given, const char *otherwise)
{
	const char *text = given != NULL ? given : otherwise;

	/* As it is: some tests want dates that are none. */
	CHECK(ASN1_STRING_set(time, text, -1) == 1);
	time->type = strlen(text) == 13 ? V_ASN1_UTCTIME : V_ASN1_GENERALIZEDTIME;
}

static void
number_it(X509 *x509)
{
	static long last = 0x1000;

	CHECK(ASN1_INTEGER_set(X509_get_serialNumber(x509), ++last) == 1);
}

issued
issue(const blueprint *b)
{
	X509	   *x509 = X509_new();
	X509_NAME  *name = X509_NAME_new();
	const X509 *issuer = b->issuer != NULL ? b->issuer->x509 : x509;
	uint8_t    *der = NULL;
	issued		made;
	int			len;

	CHECK(X509_set_version(x509, b->version_1 ? X509_VERSION_1 : X509_VERSION_3) == 1);
	number_it(x509);
	if (b->subject[0] != '\0')
		CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *) b->subject, -1, -1, 0) == 1);
	CHECK(X509_set_subject_name(x509, name) == 1);
	CHECK(X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1);
	set_time(X509_getm_notBefore(x509), b->not_before, "20200101000000Z");
	set_time(X509_getm_notAfter(x509), b->not_after, "20991231235959Z");
	CHECK(X509_set_pubkey(x509, b->key) == 1);
	set_extensions(x509, issuer, b->extensions);
	sign(x509, b->issuer != NULL && !b->signs_itself ? b->issuer->key : b->key, b->digest, b->is_pss);
	X509_NAME_free(name);

	len = i2d_X509(x509, &der);
	CHECK(len > 0);
	made.der = kc_view_of(exactly(der, (size_t) len), (size_t) len);
	OPENSSL_free(der);
	made.key = b->key;
	made.x509 = x509;
	return made;
}

void
issued_free(issued *made)
{
	free((void *) made->der.data);
	X509_free(made->x509);
	memset(made, 0, sizeof(*made));
}

char *
pem_of(const char *label, kc_view der)
{
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *bytes;
	char	   *text;
	long		len;

	CHECK(PEM_write_bio(bio, label, "", der.data, (long) der.len) > 0);
	len = BIO_get_mem_data(bio, &bytes);
	text = calloc(1, (size_t) len + 1);
	memcpy(text, bytes, (size_t) len);
	BIO_free(bio);
	return text;
}

char *
joined(const char *first, ...)
{
	char	   *text = calloc(1, strlen(first) + 1);
	const char *next;
	va_list		args;

	strcpy(text, first);
	va_start(args, first);
	while ((next = va_arg(args, const char *)) != NULL)
	{
		text = realloc(text, strlen(text) + strlen(next) + 1);
		strcat(text, next);
	}
	va_end(args);
	return text;
}
