/*
 * Distinguished names, as text and as DER.
 */
#include "subject.h"
#include "subject_type.h"
#include "support.h"
#include "tests.h"
#include "utf8.h"

#include <stdio.h>

#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

/* The text is read from an exact copy, the DER is written into exactly the room. */
static bool
parses_as(kc_view text, kc_status expected, uint8_t *der, size_t *len)
{
	uint8_t    *copy = exactly(text.data, text.len);
	kc_status	status;

	memset(der, 0xaa, KC_SUBJECT_DER_MAX);
	*len = KC_SUBJECT_DER_MAX;
	status = kc_subject_parse(kc_view_of(copy, text.len), der, len);
	free(copy);
	return status == expected && (status == KC_OK || *len == 0) && queue_empty() &&
		all_bytes(der + *len, KC_SUBJECT_DER_MAX - *len, 0);
}

static bool
prints_as(kc_view der, kc_status expected, char *text)
{
	uint8_t    *copy = exactly(der.data, der.len);
	size_t		len = KC_SUBJECT_PRINT_MAX;
	kc_status	status;

	memset(text, 0xaa, KC_SUBJECT_PRINT_MAX);
	status = kc_subject_print(kc_view_of(copy, der.len), text, &len);
	free(copy);
	return status == expected && strlen(text) == len && queue_empty() &&
		all_bytes(text + len, KC_SUBJECT_PRINT_MAX - len, 0);
}

/* Read, and written back; what was written is read as the same, or as UTF8String. */
static bool
means_bytes(kc_view text, const char *canonical)
{
	uint8_t		der[KC_SUBJECT_DER_MAX];
	char		printed[KC_SUBJECT_PRINT_MAX];
	char		again[KC_SUBJECT_PRINT_MAX];
	size_t		len;

	return parses_as(text, KC_OK, der, &len) && prints_as(kc_view_of(der, len), KC_OK, printed) &&
		strcmp(printed, canonical) == 0 && parses_as(text_view(printed), KC_OK, der, &len) &&
		prints_as(kc_view_of(der, len), KC_OK, again) && strcmp(again, printed) == 0;
}

static void
means(const char *text, const char *canonical, const char *why)
{
	ok(means_bytes(text_view(text), canonical), "read: %s", why);
}

static void
refused_bytes(kc_view text, const char *why)
{
	uint8_t		der[KC_SUBJECT_DER_MAX];
	size_t		len;

	ok(parses_as(text, KC_BAD_INPUT, der, &len), "refused and wiped: %s", why);
}

static void
refused(const char *text, const char *why)
{
	refused_bytes(text_view(text), why);
}

/* ---- against OpenSSL ---- */

static X509_NAME *
theirs_of(kc_view der)
{
	const uint8_t *at = der.data;
	X509_NAME  *name = d2i_X509_NAME(NULL, &at, (long) der.len);

	if (name == NULL || at != der.data + der.len)
		abort();
	return name;
}

static bool
same_der(X509_NAME *name, kc_view der)
{
	uint8_t    *bytes = NULL;
	int			len = i2d_X509_NAME(name, &bytes);
	bool		same = len >= 0 && (size_t) len == der.len && memcmp(bytes, der.data, der.len) == 0;

	OPENSSL_free(bytes);
	return same;
}

static bool
same_text(X509_NAME *name, const char *text)
{
	BIO		   *bio = BIO_new(BIO_s_mem());
	char	   *bytes;
	long		len;
	bool		same;

	X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	len = BIO_get_mem_data(bio, &bytes);
	same = (size_t) len == strlen(text) && memcmp(bytes, text, (size_t) len) == 0;
	BIO_free(bio);
	return same;
}

typedef struct entry
{
	const char *type;
	const char *value;
	bool		joins;			/* the part of the one before */
} entry;

/* Entries in the order of DER, as OpenSSL puts them together. */
static void
as_openssl(const char *text, const entry *entries, size_t count, const char *why)
{
	X509_NAME  *name = X509_NAME_new();
	uint8_t		der[KC_SUBJECT_DER_MAX];
	char		printed[KC_SUBJECT_PRINT_MAX];
	size_t		len;
	bool		good = parses_as(text_view(text), KC_OK, der, &len);

	for (size_t i = 0; i < count; i++)
		if (X509_NAME_add_entry_by_txt(name, entries[i].type, MBSTRING_UTF8, (const uint8_t *) entries[i].value,
									   -1, -1, entries[i].joins ? -1 : 0) != 1)
			abort();
	good = good && same_der(name, kc_view_of(der, len)) && prints_as(kc_view_of(der, len), KC_OK, printed);
	X509_NAME_free(name);
	name = theirs_of(kc_view_of(der, len));
	ok(good && same_text(name, printed), "the same bytes and text as OpenSSL's: %s", why);
	X509_NAME_free(name);
}

#define ENTRIES(...)	(const entry[]) {__VA_ARGS__}, sizeof((const entry[]) {__VA_ARGS__}) / sizeof(entry)

static void
known_answers(void)
{
	static const uint8_t der[] = {
		0x30, 0x1a,
		0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13, 0x02, 'C', 'N',
		0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x02, 'm', 'e'
	};
	uint8_t		made[KC_SUBJECT_DER_MAX];
	size_t		len;

	ok(parses_as(text_view("CN=me,C=CN"), KC_OK, made, &len) && len == sizeof(der) &&
	   memcmp(made, der, len) == 0, "the most specific part comes first in text and last in DER");
	as_openssl("CN=userName,OU=kms,O=aliyun,C=CN",
			   ENTRIES({"C", "CN", false}, {"O", "aliyun", false}, {"OU", "kms", false}, {"CN", "userName", false}),
			   "the sample of the cloud");
	as_openssl("CN=a+OU=b+O=c,L=d+ST=e",
			   ENTRIES({"L", "d", false}, {"ST", "e", true}, {"CN", "a", false}, {"OU", "b", true}, {"O", "c", true}),
			   "parts of several attributes");
	as_openssl("OU=b+CN=aaaaaa,O=c",
			   ENTRIES({"O", "c", false}, {"CN", "aaaaaa", false}, {"OU", "b", true}),
			   "and whatever their order");
	as_openssl("E=a@b.example,DC=www,DC=example,UID=u1,SERIALNUMBER=77 A,T=Dr,GN=Li,SN=Wang,STREET=S 1",
			   ENTRIES({"street", "S 1", false}, {"SN", "Wang", false}, {"GN", "Li", false}, {"title", "Dr", false},
					   {"serialNumber", "77 A", false}, {"UID", "u1", false}, {"DC", "example", false},
					   {"DC", "www", false}, {"emailAddress", "a@b.example", false}), "every type of string");
	as_openssl("CN=L\xc3\xbc\xe5\xbc\xa0\xf0\x9f\x94\x91,C=de",
			   ENTRIES({"C", "de", false}, {"CN", "L\xc3\xbc\xe5\xbc\xa0\xf0\x9f\x94\x91", false}),
			   "characters of two, three and four bytes");
	as_openssl("CN=\\ \\#\\,\\+\\\"\\\\\\<\\>\\;\\=\\01\\7f \\ ",
			   ENTRIES({"CN", " #,+\"\\<>;=\001\177  ", false}), "everything that is escaped");
	as_openssl("CN=\\#x,O=\\ ", ENTRIES({"O", " ", false}, {"CN", "#x", false}), "at the ends, too");
	as_openssl("1.2.3.4=x,2.5.4.3=y", ENTRIES({"2.5.4.3", "y", false}, {"1.2.3.4", "x", false}), "by number");
}

/* Every attribute that has a name has OpenSSL's, and its bounds. */
static void
every_type(void)
{
	static const char *const names[] = {
		"CN", "SN", "serialNumber", "C", "L", "ST", "street", "O", "OU", "title", "description",
		"businessCategory", "postalCode", "name", "GN", "initials", "generationQualifier", "dnQualifier",
		"pseudonym", "UID", "DC", "emailAddress"
	};
	bool		good = true;
	bool		bounds = true;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const kc_subject_type *type = kc_subject_type_named(text_view(names[i]));
		int			nid = OBJ_sn2nid(names[i]);
		const ASN1_OBJECT *object = OBJ_nid2obj(nid);
		ASN1_STRING_TABLE *table = ASN1_STRING_TABLE_get(nid);

		good = good && nid != NID_undef && type != NULL && OBJ_length(object) == type->oid.len &&
			memcmp(OBJ_get0_data(object), type->oid.data, type->oid.len) == 0 &&
			kc_subject_type_of(type->oid) == type && strcmp(type->name, names[i]) == 0;
		if (good && table != NULL && table->maxsize > 0)
			bounds = bounds && (size_t) table->maxsize == type->max;
		if (good && table != NULL && table->mask != 0)
			bounds = bounds && (table->mask == B_ASN1_IA5STRING ? type->tag == KC_DER_IA5_STRING :
								table->mask == B_ASN1_PRINTABLESTRING ? type->tag == KC_DER_PRINTABLE_STRING :
								type->tag == KC_DER_UTF8_STRING);
	}
	ok(good, "attributes have OpenSSL's names and numbers");
	ok(good && bounds, "and its bounds and types of string");
}

static void
spellings(void)
{
	means("cn=a,Ou=b,o=c,oU=d", "CN=a,OU=b,O=c,OU=d", "names in any case");
	means("commonName=a,countryName=CN,organizationName=b,organizationalUnitName=c,localityName=d,"
		  "stateOrProvinceName=e,streetAddress=f,domainComponent=g,userId=h,surname=i,givenName=j,email=k,S=l,G=m",
		  "CN=a,C=CN,O=b,OU=c,L=d,ST=e,street=f,DC=g,UID=h,SN=i,GN=j,emailAddress=k,ST=l,GN=m", "long names");
	means("OID.2.5.4.3=a,oid.2.5.4.10=b,2.5.4.11=c", "CN=a,O=b,OU=c", "names as numbers, with OID. or without");
	means("CN = a , O  =  b  +  OU=c ", "CN=a,OU=c+O=b", "blanks around separators");
	means("  CN=a", "CN=a", "blanks before");
	means("CN=a b  c", "CN=a b  c", "blanks within");
	means("CN=a\\20", "CN=a\\ ", "an escaped blank at the end, by number");
	means("CN=\\  a \\ ", "CN=\\  a \\ ", "blanks that are meant");
	means("CN=\"a, b + c; <d> = #e\\\"\\\\\"", "CN=a\\, b \\+ c\\; \\<d\\> = #e\\\"\\\\", "a value in quotes");
	means("CN=\" a \" , O=\"#1\"", "CN=\\ a\\ ,O=\\#1", "blanks and numbers in quotes");
	means("CN=a=b,O=c#d", "CN=a=b,O=c#d", "signs that need no escape within");
	means("CN=\\C4\\8d\\c3\\BC", "CN=\xc4\x8d\xc3\xbc", "characters byte by byte");
	means("CN=a\\0a\\0db", "CN=a\\0A\\0Db", "control characters by number");
	means("CN=Before\\0dAfter,O=Test,C=GB", "CN=Before\\0DAfter,O=Test,C=GB", "RFC 4514's sample of one");
	means("1.3.6.1.4.1.1466.0=#0C024869", "1.3.6.1.4.1.1466.0=#0C024869", "RFC 4514's sample of a number");
	means("CN=#0c0141,O=#130142,OU=#1e020043,L=#1c0400000044,ST=#140145",
		  "CN=A,O=B,OU=C,L=D,ST=E", "strings of every type by their DER");
	means("C=#1302434e,DC=#160161", "C=CN,DC=a", "and where only one will do");
	means("1.2.3=abc", "1.2.3=#0C03616263", "an attribute without a name");
	means("1.2.3=#03020640,1.2.4=#030100,1.2.5=#120131,1.2.6=#160161",
		  "1.2.3=#03020640,1.2.4=#030100,1.2.5=#120131,1.2.6=#160161", "other values of such");
	means("2.25.329800735698586629295641978511506172918=x", "2.25.329800735698586629295641978511506172918=#0C0178",
		  "a number of 128 bits");
	means("0.39=x,1.39=x,2.0=x,2.999.1=x,2.48=x", "0.39=#0C0178,1.39=#0C0178,2.0=#0C0178,2.999.1=#0C0178,2.48=#0C0178",
		  "first numbers");
}

static void
refusals(void)
{
	refused("", "the empty name");
	refused(" ", "blanks");
	refused("CN", "no value");
	refused("CN=", "an empty value");
	refused("CN=  ,O=a", "a value of blanks");
	refused("CN=\"\"", "an empty value in quotes");
	refused("=a", "no attribute");
	refused(",CN=a", "nothing before a comma");
	refused("CN=a,", "nothing behind a comma");
	refused("CN=a,,O=b", "nothing between commas");
	refused("CN=a+", "nothing behind a plus");
	refused("CN=a+,O=b", "nothing between plus and comma");
	refused("CN=a;O=b", "semicolons between parts");
	refused("/CN=a/O=b", "slashes between parts");
	refused("foo=a", "an unknown attribute");
	refused("C N=a", "a blank in a name");
	refused("CN\xc3\xbc=a", "a name beyond ASCII");
	refused("CN=a\"b", "a quote within");
	refused("CN=a<b", "less than");
	refused("CN=a>b", "greater than");
	refused("CN=\"a", "a quote that does not end");
	refused("CN=\"a\" b", "something behind the quote");
	refused("CN=\"a\"b", "something close behind the quote");
	refused("CN=a\\", "a backslash at the end");
	refused("CN=a\\x", "a backslash before another letter");
	refused("CN=a\\4", "one digit");
	refused("CN=a\\4g", "a digit that is none");
	refused("CN=\"a\\\"", "a quote that is escaped at the end");
	refused("CN=a\nO=b", "a line break");
	refused("CN=a\tb", "a tab");
	refused("CN=a\x7f", "delete");
	refused_bytes(kc_view_of("CN=a\0b", 6), "a zero byte");
	refused_bytes(kc_view_of("CN=a\0", 5), "a zero byte at the end");
	refused_bytes(kc_view_of("CN=a\\\0", 6), "a zero byte behind a backslash");
	refused("CN=a\\00b", "a zero byte by number");
	refused("CN=#0c03610062", "a zero byte in DER");
	refused("CN=\xff", "a byte that is no UTF-8");
	refused("CN=\xc3", "a character cut off");
	refused("CN=\xc0\x80", "a character spelled too long");
	refused("CN=\xed\xa0\x80", "a surrogate");
	refused("CN=\xf4\x90\x80\x80", "a character beyond Unicode");
	refused("CN=\\c3", "a character cut off, by number");
	refused("CN=#", "no DER");
	refused("CN=#0", "half a byte");
	refused("CN=#0c0", "a byte and a half");
	refused("CN=#0c0241", "DER that is cut off");
	refused("CN=#0c014142", "DER and something behind it");
	refused("CN=#0c01ff", "invalid UTF-8 in DER");
	refused("CN=#0c00", "an empty value in DER");
	refused("CN=#0c810141", "a length that is longer than it need be");
	refused("CN=#130140", "a PrintableString that is none");
	refused("CN=#1e0100", "half a character");
	refused("CN=#1e02d800", "a surrogate of two bytes");
	refused("CN=#1c0400110000", "a character of four bytes beyond Unicode");
	refused("CN=#16024142", "IA5String where it may not be");
	refused("CN=#020101", "an INTEGER");
	refused("CN=#04024869", "bytes where a string must be");
	refused("1.2.3=#020101", "an INTEGER where there is no name");
	refused("1.2.3=#3000", "a SEQUENCE");
	refused("1.2.3=#0400", "an OCTET STRING");
	refused("1.2.3=#1a0161", "a VisibleString, which OpenSSL does not read in names");
	refused("1.2.3=#03020841", "eight unused bits");
	refused("1.2.3=#03020141", "unused bits that are not zero");
	refused("1.2.3=#030101", "unused bits of nothing");
	refused("1.2.3=#0300", "a BIT STRING without its first byte");
	refused("1=a", "an identifier of one number");
	refused("1.2.=a", "one that ends with a point");
	refused(".1.2=a", "one that begins with a point");
	refused("1..2=a", "one with nothing between");
	refused("1.02=a", "one with a needless zero");
	refused("3.1=a", "one of a third kind");
	refused("1.40=a", "one that would be another");
	refused("OID.=a", "none behind OID.");
	refused("OID.CN=a", "a name behind OID.");
	refused("C=D", "a country of one letter");
	refused("C=DEU", "a country of three letters");
	refused("C=D1", "a country with a digit");
	refused("C=\xc3\xbc", "a country beyond ASCII");
	refused("C=#0c02434e", "a country as UTF8String");
	refused("E=\xc3\xbc@example.com", "e-mail beyond ASCII");
	refused("DC=\xc3\xbc", "a domain beyond ASCII");
	refused("SERIALNUMBER=a_b", "a serial number that is no PrintableString");
	refused("CN=a+CN=b", "an attribute twice in a part");
	refused("CN=a+O=x+2.5.4.3=b", "under another name, too");
	refused("1.2.3=a+1.2.3=a", "and without a name");
}

/* How many of a character a value may have. */
static bool
longest_is(const char *name, const char *character, size_t max)
{
	static char text[KC_SUBJECT_TEXT_MAX + KC_UTF8_MAX + 1];
	uint8_t		der[KC_SUBJECT_DER_MAX];
	size_t		len;
	size_t		at = (size_t) sprintf(text, "%s=", name);

	for (size_t i = 0; i < max; i++)
		at += (size_t) sprintf(text + at, "%s", character);
	if (!parses_as(text_view(text), KC_OK, der, &len))
		return false;
	strcpy(text + at, character);
	return parses_as(text_view(text), KC_BAD_INPUT, der, &len);
}

static void
bounds(void)
{
	uint8_t		der[KC_SUBJECT_DER_MAX];
	char		printed[KC_SUBJECT_PRINT_MAX];
	char	   *text = calloc(1, 65537);
	size_t		len;
	size_t		at = 0;

	ok(longest_is("CN", "a", 64) && longest_is("O", "\xc3\xbc", 64) && longest_is("OU", "\xf0\x9f\x94\x91", 64) &&
	   longest_is("L", "a", 128) && longest_is("ST", "a", 128) && longest_is("E", "a", 128) &&
	   longest_is("serialNumber", "1", 64) && longest_is("postalCode", "1", 40) && longest_is("UID", "a", 256),
	   "bounds count characters, not bytes");
	ok(longest_is("DC", "a", KC_SUBJECT_TEXT_MAX - 3) && longest_is("1.2.3", "a", KC_SUBJECT_TEXT_MAX - 6),
	   "a text has 8 KB at most");
	for (int i = 0; i < KC_SUBJECT_ATTRIBUTES_MAX; i++)
		at += (size_t) sprintf(text + at, "%sDC=a", i == 0 ? "" : ",");
	ok(parses_as(text_view(text), KC_OK, der, &len) && prints_as(kc_view_of(der, len), KC_OK, printed) &&
	   strcmp(printed, text) == 0, "64 attributes");
	strcpy(text + at, ",DC=a");
	refused(text, "65 attributes");

	/* What needs most room when printed: hexadecimal digits, and long names for short ones. */
	at = (size_t) sprintf(text, "1.2=");
	memset(text + at, 'a', KC_SUBJECT_TEXT_MAX - at);
	text[KC_SUBJECT_TEXT_MAX] = '\0';
	ok(parses_as(text_view(text), KC_OK, der, &len) && prints_as(kc_view_of(der, len), KC_OK, printed) &&
	   strlen(printed) > 2 * KC_SUBJECT_TEXT_MAX - 8, "the longest value as DER fits when printed");
	for (int i = at = 0; i < KC_SUBJECT_ATTRIBUTES_MAX; i++)
	{
		char		quoted[128 + 1] = {0};

		memset(quoted, ',', i == 63 ? 100 : 122);
		at += (size_t) sprintf(text + at, "%sE=\"%s\"", i == 0 ? "" : ",", quoted);
	}
	ok(parses_as(text_view(text), KC_OK, der, &len) && prints_as(kc_view_of(der, len), KC_OK, printed) &&
	   strlen(printed) > 16000, "and so do signs that need an escape");
	for (int i = at = 0; i < KC_SUBJECT_ATTRIBUTES_MAX; i++)
	{
		char		value[128] = {0};

		memset(value, 'a', i == 63 ? 100 : 120);
		at += (size_t) sprintf(text + at, "%s1.2.3=%s", i == 0 ? "" : ",", value);
	}
	ok(parses_as(text_view(text), KC_OK, der, &len) && prints_as(kc_view_of(der, len), KC_OK, printed) &&
	   strlen(printed) > 16000, "and 64 values as DER");
	memset(text, 'a', 65536);
	memcpy(text, "CN=", 3);
	refused(text, "64 KB");
	memset(text, ',', 65536);
	refused(text, "64 KB of commas");
	free(text);
}

static void
rooms(void)
{
	static const char text[] = "CN=a\\,b,C=CN";
	uint8_t		der[64];
	char		printed[64];
	size_t		whole = sizeof(der);
	size_t		len;
	bool		good = kc_subject_parse(text_view(text), der, &whole) == KC_OK;

	for (size_t room = 0; room < whole; room++)
	{
		uint8_t    *exact = malloc(room);

		len = room;
		good = good && kc_subject_parse(text_view(text), exact, &len) == KC_BAD_INPUT && len == 0 &&
			all_bytes(exact, room, 0);
		free(exact);
	}
	ok(good, "DER that does not fit is refused and wiped");
	for (size_t room = 0; room <= sizeof(text) - 1; room++)
	{
		char	   *exact = malloc(room);

		len = room;
		good = good && kc_subject_print(kc_view_of(der, whole), exact, &len) == KC_BAD_INPUT && len == 0 &&
			all_bytes(exact, room, 0);
		free(exact);
	}
	len = sizeof(text);
	ok(good && kc_subject_print(kc_view_of(der, whole), printed, &len) == KC_OK && len == sizeof(text) - 1 &&
	   strcmp(printed, text) == 0, "and so is text, whose zero needs room as well");
}

/* ---- what others put into certificates ---- */

/* SEQUENCE { SET { SEQUENCE { oid, value } } } */
static kc_view
name_of(kc_view oid, kc_view value)
{
	static uint8_t buffer[1024];
	kc_der_writer writer = kc_der_writer_on(buffer, sizeof(buffer));
	size_t		len;

	kc_der_put(&writer, value);
	kc_der_put(&writer, oid);
	kc_der_put_header(&writer, KC_DER_OID, oid.len);
	kc_der_put_header(&writer, KC_DER_SEQUENCE, kc_der_written(&writer));
	kc_der_put_header(&writer, KC_DER_SET, kc_der_written(&writer));
	kc_der_put_header(&writer, KC_DER_SEQUENCE, kc_der_written(&writer));
	if (!kc_der_finish(&writer, &len))
		abort();
	return kc_view_of(buffer, len);
}

#define BYTES(text)	kc_view_of(text, sizeof(text) - 1)

static bool
printed(kc_view der, const char *expected)
{
	char		text[KC_SUBJECT_PRINT_MAX];

	return prints_as(der, expected != NULL ? KC_OK : KC_BAD_INPUT, text) &&
		(expected == NULL || strcmp(text, expected) == 0);
}

static void
foreign_names(void)
{
	kc_view		cn = BYTES("\x55\x04\x03");
	char		text[KC_SUBJECT_PRINT_MAX];
	uint8_t    *big;
	bool		good = true;

	ok(printed(BYTES("\x30\x00"), ""), "the empty name is the empty text");
	ok(printed(name_of(cn, BYTES("\x0c\x00")), "CN="), "an empty value is printed as such");
	ok(printed(name_of(cn, BYTES("\x0c\x03""a\0b")), "CN=a\\00b"), "a zero byte is seen");
	ok(printed(name_of(cn, BYTES("\x0c\x01\xff")), "CN=#0C01FF") &&
	   printed(name_of(cn, BYTES("\x1e\x01\x41")), "CN=#1E0141") &&
	   printed(name_of(cn, BYTES("\x1e\x02\xd8\x00")), "CN=#1E02D800") &&
	   printed(name_of(cn, BYTES("\x16\x01\xe4")), "CN=#1601E4"), "an invalid string is printed as DER");
	ok(printed(name_of(cn, BYTES("\x14\x01\xe4")), "CN=\xc3\xa4") &&
	   printed(name_of(cn, BYTES("\x1e\x02\x4e\x2d")), "CN=\xe4\xb8\xad") &&
	   printed(name_of(cn, BYTES("\x1c\x04\x00\x01\xf5\x11")), "CN=\xf0\x9f\x94\x91") &&
	   printed(name_of(cn, BYTES("\x1a\x01~")), "CN=~") && printed(name_of(cn, BYTES("\x12\x01\x31")), "CN=1"),
	   "strings of every type become UTF-8");
	ok(printed(name_of(cn, BYTES("\x02\x01\x05")), "CN=#020105") &&
	   printed(name_of(cn, BYTES("\x30\x00")), "CN=#3000"), "what is no string is printed as DER");
	ok(printed(name_of(BYTES("\x2a\x03"), BYTES("\x0c\x01""a")), "1.2.3=#0C0161"),
	   "an attribute without a name is printed by number and as DER");
	ok(printed(name_of(BYTES("\x88\x37"), BYTES("\x0c\x01""a")), "2.999=#0C0161") &&
	   printed(name_of(BYTES("\x78"), BYTES("\x0c\x01""a")), "2.40=#0C0161") &&
	   printed(name_of(BYTES("\x81\x20"), BYTES("\x0c\x01""a")), "2.80=#0C0161") &&
	   printed(name_of(BYTES("\x4f"), BYTES("\x0c\x01""a")), "1.39=#0C0161") &&
	   printed(name_of(BYTES("\x50"), BYTES("\x0c\x01""a")), "2.0=#0C0161") &&
	   printed(name_of(BYTES("\x00"), BYTES("\x0c\x01""a")), "0.0=#0C0161"), "whatever its first numbers are");

	ok(printed(NONE, NULL) && printed(BYTES("\x31\x00"), NULL) && printed(BYTES("\x30\x00\x00"), NULL) &&
	   printed(BYTES("\x30\x02\x31\x00"), NULL) && printed(BYTES("\x30\x04\x31\x02\x30\x00"), NULL) &&
	   printed(BYTES("\x30\x81\x00"), NULL) && printed(BYTES("\x30\x02\x30\x00"), NULL) &&
	   printed(BYTES("\x30\x80\x00\x00"), NULL), "what is no name is refused");
	ok(printed(name_of(NONE, BYTES("\x0c\x01""a")), NULL) && printed(name_of(BYTES("\x2a\x80\x01"), BYTES("\x0c\x01""a")), NULL) &&
	   printed(name_of(BYTES("\x2a\x83"), BYTES("\x0c\x01""a")), NULL) && printed(name_of(cn, NONE), NULL) &&
	   printed(name_of(cn, BYTES("\x0c\x02""a")), NULL) && printed(name_of(cn, BYTES("\x0c\x01""ab")), NULL),
	   "and so is one that is broken inside");

	/* 65 attributes, and more than may be. */
	big = calloc(1, 11000);
	for (size_t count = 64; count <= 65; count++)
	{
		kc_view		one = name_of(cn, BYTES("\x0c\x01""a"));
		kc_der_writer writer = kc_der_writer_on(big, 11000);
		size_t		len;

		for (size_t i = 0; i < count; i++)
			kc_der_put(&writer, kc_view_of(one.data + 2, one.len - 2));
		kc_der_put_header(&writer, KC_DER_SEQUENCE, kc_der_written(&writer));
		good = good && kc_der_finish(&writer, &len) &&
			prints_as(kc_view_of(big, len), count == 64 ? KC_OK : KC_BAD_INPUT, text);
	}
	free(big);
	ok(good, "64 attributes are printed, 65 are not");
}

/* Each prefix and each turned bit of a name: refused, or printed. */
static void
turned(void)
{
	uint8_t		der[KC_SUBJECT_DER_MAX];
	char		text[KC_SUBJECT_PRINT_MAX];
	size_t		len = sizeof(der);
	bool		good = kc_subject_parse(text_view("CN=a\\,b+OU=\xc3\xbc,1.2.3=x,DC=example,C=CN"), der, &len) == KC_OK;

	for (size_t cut = 0; cut < len; cut++)
		good = good && prints_as(kc_view_of(der, cut), KC_BAD_INPUT, text);
	for (size_t bit = 0; bit < 8 * len; bit++)
	{
		der[bit / 8] ^= (uint8_t) (1 << bit % 8);
		good = good && (prints_as(kc_view_of(der, len), KC_OK, text) ||
						prints_as(kc_view_of(der, len), KC_BAD_INPUT, text));
		der[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ok(good, "a name cut off is refused, with a bit turned it is another or none");
}

static void
characters(void)
{
	uint8_t		spelling[KC_UTF8_MAX];
	bool		good = true;

	for (uint32_t c = 0; c < 0x110800; c++)
	{
		size_t		len = kc_utf8_put(c, spelling);
		kc_view		rest = kc_view_of(spelling, len);
		uint32_t	again = 0;

		if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
			good = good && len == 0;
		else
			good = good && len > 0 && kc_utf8_take(&rest, &again) && again == c && rest.len == 0;
	}
	ok(good, "every character is read as it was written");
	good = true;
	for (uint32_t four = 0; four < 0x1000000; four++)
	{
		/* All beginnings, and bytes at the edges behind them. */
		static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
		uint8_t		bytes[4] = {
			(uint8_t) (four % 256), edges[four / 256 % 10], edges[four / 2560 % 10], edges[four / 25600 % 10]
		};
		kc_view		rest = kc_view_of(bytes, 4);
		uint32_t	c;

		if (four >= 256000)
			break;
		if (kc_utf8_take(&rest, &c))
			good = good && kc_utf8_put(c, spelling) == 4 - rest.len && memcmp(spelling, bytes, 4 - rest.len) == 0;
		else
			good = good && rest.len == 4;
	}
	ok(good, "and has no other spelling");
}

void
test_subject(void)
{
	tap_section("distinguished names");
	characters();
	known_answers();
	every_type();
	spellings();
	refusals();
	bounds();
	rooms();
	foreign_names();
	turned();
}
