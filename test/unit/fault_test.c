/*
 * Every call into OpenSSL may fail, and every allocation of OpenSSL's: then
 * nothing is given away, nothing leaks, no error stays in the queue, and the
 * next try succeeds.
 */
#include "certificates.h"
#include "fault.h"
#include "pkcs12.h"
#include "request.h"
#include "support.h"
#include "tests.h"

#include <stdio.h>

#define TEXT	"some text to be sealed"
#define TEXT_LEN	(sizeof(TEXT) - 1)

static lock l;
static uint8_t out[256];
static uint8_t ciphertext[TEXT_LEN];
static uint8_t tag[KC_TAG_MAX];
static uint8_t wrapped[TEXT_LEN + KC_WRAP_OVERHEAD];
static kc_key key;
static kc_root_keys keys;
static kc_schedule *schedule;

/*
 * What is run under faults.  out is what it writes; a fault may pass unnoticed
 * where the call was only there to forget something.
 */
typedef struct operation
{
	const char *name;
	kc_status	(*run) (void);
	void	   *out;
	size_t		out_len;
	bool		may_survive;
} operation;

static kc_status
run_seal(void)
{
	return kc_seal(&l.key, l.schedule, NONCE, text_view("header"), text_view("context"),
				   text_view(TEXT), out, out + TEXT_LEN);
}

static kc_status
run_open(void)
{
	return kc_open(&l.key, l.schedule, NONCE, text_view("header"), text_view("context"),
				   kc_view_of(ciphertext, TEXT_LEN), tag, out);
}

static kc_status
run_key_init(void)
{
	return kc_key_init(&key, l.key.suite, kc_view_of(l.key.material, kc_key_len(l.key.suite)));
}

static kc_status
run_schedule(void)
{
	kc_status	status;

	kc_schedule_free(schedule);
	schedule = kc_schedule_new();
	if (schedule == NULL)
		return KC_FAILED;
	status = kc_schedule_set(schedule, &l.key);
	return status == KC_OK ? kc_schedule_set(schedule, &l.key) : status;
}

static kc_status
run_wrap(void)
{
	return kc_wrap(&l.key, text_view("place"), text_view(TEXT), out);
}

static kc_status
run_unwrap(void)
{
	return kc_unwrap(&l.key, text_view("place"), kc_view_of(wrapped, sizeof(wrapped)), out);
}

static kc_status
run_derive(void)
{
	return kc_derive(kc_view_of(l.key.material, 32), "label", out, 40);
}

static kc_status
run_parse(void)
{
	return kc_root_keys_parse(text_view("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
										"1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"),
							  &keys);
}

static kc_status
run_digest(void)
{
	return kc_digest(kc_view_of(l.key.material, 32), "label", text_view(TEXT), out);
}

static const operation operations[] = {
	{"sealing", run_seal, out, TEXT_LEN, false},
	{"opening", run_open, out, TEXT_LEN, false},
	{"making a key", run_key_init, &key, sizeof(key), true},
	{"setting a schedule", run_schedule, NULL, 0, false},
	{"wrapping", run_wrap, out, sizeof(wrapped), true},
	{"unwrapping", run_unwrap, out, TEXT_LEN, true},
	{"deriving", run_derive, out, 40, false},
	{"digesting", run_digest, out, KC_DIGEST_LEN, false},
	{"reading root keys", run_parse, &keys, sizeof(keys), false},
};

/*
 * One fault: false if the operation was over before it.  *good turns false if
 * the failure was not handled as promised.
 */
static bool
with_fault(const operation *op, void (*arrange) (int), int n, bool may_survive, bool *good)
{
	kc_status	status;
	bool		hit;

	if (op->out != NULL)
		memset(op->out, 0xaa, op->out_len);
	arrange(n);
	status = op->run();
	hit = fault_off();
	if (status == KC_OK)
		*good = *good && (!hit || may_survive) &&
			(op->out == NULL || !all_bytes(op->out, op->out_len, 0xaa));
	else
		*good = *good && hit && (op->out == NULL || all_bytes(op->out, op->out_len, 0));
	*good = *good && queue_empty() && op->run() == KC_OK;
	return hit;
}

/* Out of memory for good, from more and more places on. */
static void
with_no_memory(const operation *op, const char *name)
{
	bool		good = true;
	int			allocation = 0;
	int			count = 0;

	for (; with_fault(op, fault_memory, allocation, true, &good); count++)
		allocation += 1 + allocation / 4;
	ok(good, "%s, %s: memory may be over, tried from %d places on", op->name, name, count);
}

/* Each call, and each step-th allocation. */
static void
with_faults_every(const operation *op, int step, const char *suite)
{
	bool		good = true;
	int			calls = 0;
	int			allocations = 0;

	while (with_fault(op, fault_call, calls, op->may_survive, &good))
		calls++;
	ok(good && calls > 0, "%s, %s: each of %d calls may fail", op->name, suite, calls);
	/* OpenSSL can do without some of what it allocates. */
	while (with_fault(op, fault_allocation, allocations, true, &good))
		allocations += step;
	if (step == 1)
		ok(good, "%s, %s: each of %d allocations may fail", op->name, suite, allocations);
	else
		ok(good, "%s, %s: of %d allocations each %dth may fail", op->name, suite, allocations, step);
	with_no_memory(op, suite);
}

static void
with_faults(const operation *op, const char *suite)
{
	with_faults_every(op, 1, suite);
}

static travel traveller;
static uint8_t encrypted[ENCRYPTED_MAX];
static size_t encrypted_len;
static uint8_t pair[KC_TRANSPORT_PRIVATE_MAX + KC_TRANSPORT_PUBLIC_MAX];

static kc_status
run_transport_open(void)
{
	return kc_transport_open(traveller.transport,
							 kc_view_of(traveller.private_der, traveller.private_len),
							 kc_view_of(encrypted, encrypted_len), out, TEXT_LEN);
}

static kc_status
run_transport_generate(void)
{
	size_t		private_len = KC_TRANSPORT_PRIVATE_MAX;
	size_t		public_len = KC_TRANSPORT_PUBLIC_MAX;

	return kc_transport_generate(traveller.transport, pair, &private_len,
								 pair + KC_TRANSPORT_PRIVATE_MAX, &public_len, NULL);
}

/*
 * SM2 of OpenSSL 3.0 crashes where it finds no memory for numbers, or for its KDF,
 * so the allocations before that function are all that may fail.
 */
static void
with_faults_before(const char *function, const operation *op, const char *name)
{
	bool		good = true;
	int			calls = 0;
	long		before;
	int			allocations;

	while (with_fault(op, fault_call, calls, false, &good))
		calls++;
	ok(good && calls > 0, "%s, %s: each of %d calls may fail", op->name, name, calls);
	fault_deny(function);
	before = fault_allocations();
	op->run();
	allocations = (int) (fault_allocations_struck() - before);
	fault_off();
	for (int n = 0; n < allocations; n += 1 + allocations / 1000)
		with_fault(op, fault_allocation, n, true, &good);
	ok(good && allocations > 0, "%s, %s: %d allocations may fail", op->name, name, allocations);
}

/* Each of the many allocations would take too long: fewer and fewer of them. */
static void
with_some_faults(const operation *op, const char *name)
{
	bool		good = true;
	int			calls = 0;
	int			allocation = 0;
	int			count = 0;

	while (with_fault(op, fault_call, calls, false, &good))
		calls++;
	ok(good && calls > 0, "%s, %s: each of %d calls may fail", op->name, name, calls);
	for (; with_fault(op, fault_allocation, allocation, true, &good); count++)
		allocation += 1 + allocation / 2;
	ok(good, "%s, %s: %d of its many allocations may fail", op->name, name, count);
	with_no_memory(op, name);
}

/* The same where the calls are many as well. */
static void
with_few_faults(const operation *op, const char *name)
{
	bool		good = true;
	int			call = 0;
	int			allocation = 0;
	int			count = 0;

	for (; with_fault(op, fault_call, call, false, &good); count++)
		call += 1 + (call > 20 ? call : 0);
	ok(good && count > 0, "%s, %s: %d of its many calls may fail", op->name, name, count);
	for (count = 0; with_fault(op, fault_allocation, allocation, true, &good); count++)
		allocation += 1 + allocation / 2;
	ok(good, "%s, %s: %d of its many allocations may fail", op->name, name, count);
	with_no_memory(op, name);
}

static void
test_transport_faults(void)
{
	static const operation opening = {"opening", run_transport_open, out, TEXT_LEN, false};
	static const operation making = {"making a pair", run_transport_generate, pair, sizeof(pair), false};

	for (int transport = TRANSPORT_FIRST; transport <= TRANSPORT_LAST; transport++)
	{
		traveller = travel_new(transport);
		encrypted_len = travel_encrypt(&traveller, text_view(TEXT), encrypted);
		if (transport == KC_PKE_SM2PKE)
			with_faults_before("EVP_PKEY_decrypt", &opening, transport_name(transport));
		else
			with_faults(&opening, transport_name(transport));
		if (transport == KC_PKE_RSA_OAEP_SHA_1 || transport == KC_PKE_SM2PKE)
			with_some_faults(&making, transport_name(transport));
	}
}

/* ---- pairs, signatures, encryption ---- */

static const made *owner;
static int	algorithm;
static uint8_t value[KC_SIGNATURE_MAX];
static size_t value_len;
static uint8_t made_der[KC_PRIVATE_MAX + KC_PUBLIC_MAX];
static uint8_t plain[KC_PKE_PLAINTEXT_MAX];
static uint8_t ciphertext_of_text[KC_PKE_CIPHERTEXT_MAX];

static kc_view
signed_input(void)
{
	static const uint8_t digest[64] = {1, 2, 3};

	return kc_view_of(digest, kc_signature_digest_len(algorithm) > 0 ? kc_signature_digest_len(algorithm) : 64);
}

/* Each opens the pair anew, so that its contexts are made under faults as well. */
static kc_status
open_owner(bool is_public, kc_pair **pair)
{
	return is_public ? kc_pair_open_public(owner->kind, kc_view_of(owner->public_der, owner->public_len), pair) :
		kc_pair_open(owner->kind, kc_view_of(owner->private_der, owner->private_len), pair);
}

static kc_status
run_sign(void)
{
	kc_pair    *opened;
	size_t		len = sizeof(value);
	kc_status	status = open_owner(false, &opened);

	if (status == KC_OK)
		status = kc_sign(opened, algorithm, signed_input(), value, &len);
	else
		memset(value, 0, sizeof(value));
	kc_pair_free(opened);
	return status;
}

static kc_status
run_verify(void)
{
	kc_pair    *opened;
	kc_status	status = open_owner(true, &opened);

	if (status == KC_OK)
		status = kc_verify(opened, algorithm, signed_input(), kc_view_of(value, value_len));
	kc_pair_free(opened);
	return status;
}

/* The same, where the message is hashed on the way. */
static kc_status
run_sign_message(void)
{
	kc_pair    *opened;
	size_t		len = sizeof(value);
	kc_status	status = open_owner(false, &opened);

	if (status == KC_OK)
		status = kc_sign_message(opened, algorithm, text_view(TEXT), value, &len);
	else
		memset(value, 0, sizeof(value));
	kc_pair_free(opened);
	return status;
}

static kc_status
run_verify_message(void)
{
	kc_pair    *opened;
	kc_status	status = open_owner(true, &opened);

	if (status == KC_OK)
		status = kc_verify_message(opened, algorithm, text_view(TEXT), kc_view_of(value, value_len));
	kc_pair_free(opened);
	return status;
}

static kc_status
run_public(void)
{
	kc_pair    *opened;
	size_t		len = KC_PUBLIC_MAX;
	kc_status	status = open_owner(false, &opened);

	if (status == KC_OK)
		status = kc_pair_public(opened, made_der, &len);
	else
		memset(made_der, 0, KC_PUBLIC_MAX);
	kc_pair_free(opened);
	return status;
}

static kc_status
run_generate(void)
{
	size_t		private_len = KC_PRIVATE_MAX;
	size_t		public_len = KC_PUBLIC_MAX;

	return kc_pair_generate(owner->kind, made_der, &private_len, made_der + KC_PRIVATE_MAX, &public_len, NULL);
}

static kc_status
run_encrypt(void)
{
	kc_pair    *opened;
	kc_status	status = open_owner(true, &opened);
	size_t		len = kc_pke_ciphertext_len(algorithm, owner->kind, TEXT_LEN);

	if (status == KC_OK)
		status = kc_pke_encrypt(opened, algorithm, text_view(TEXT), ciphertext_of_text);
	else
		memset(ciphertext_of_text, 0, len);
	kc_pair_free(opened);
	return status;
}

static kc_status
run_decrypt(void)
{
	kc_pair    *opened;
	size_t		len;
	kc_status	status = open_owner(false, &opened);

	if (status == KC_OK)
		status = kc_pke_decrypt(opened, algorithm, kc_view_of(ciphertext_of_text, kc_pke_ciphertext_len(algorithm,
			owner->kind, TEXT_LEN)),
								plain, &len);
	else
		memset(plain, 0, TEXT_LEN);
	kc_pair_free(opened);
	return status;
}

/* For somebody's public key. */
static kc_status
run_encrypt_for(void)
{
	return kc_pke_encrypt_for(owner->kind, kc_view_of(owner->public_der, owner->public_len), algorithm, text_view(TEXT),
							  ciphertext_of_text);
}

static const char *
title(int kind, const char *way)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s%s", pair_name(kind), way);
	return name;
}

static void
test_signature_faults(int kind, int signature, const char *way)
{
	static const operation signing = {"signing", run_sign, value, sizeof(value), false};
	static const operation verifying = {"verifying", run_verify, NULL, 0, false};
	static const operation showing = {"showing the public key", run_public, made_der, KC_PUBLIC_MAX, false};
	static const operation making = {"making a pair", run_generate, made_der, sizeof(made_der), false};
	kc_pair    *pair_of_owner;

	owner = made_of(kind);
	if (owner == NULL)
		return;
	algorithm = signature;
	if (signature == KC_SM2DSA)
		with_faults_before("EVP_PKEY_sign", &signing, title(kind, way));
	else
		with_faults(&signing, title(kind, way));
	pair_of_owner = made_pair(owner);
	value_len = sizeof(value);
	kc_sign(pair_of_owner, algorithm, signed_input(), value, &value_len);
	kc_pair_free(pair_of_owner);
	if (signature == KC_SM2DSA)
		with_faults_before("EVP_PKEY_verify", &verifying, title(kind, way));
	else
		with_faults(&verifying, title(kind, way));
	if (signature == KC_RSA_PKCS1_SHA_256)
		return;					/* has been with the other */
	with_faults(&showing, title(kind, ""));
	if (!PAIR_IS_RSA(kind) && kind != KC_PAIR_EC_SM2)
		with_some_faults(&making, title(kind, ""));
}

static void
test_message_faults(int kind, int signature, const char *way)
{
	static const operation signing = {"signing a message", run_sign_message, value, sizeof(value), false};
	static const operation verifying = {"verifying a message", run_verify_message, NULL, 0, false};
	kc_pair    *pair_of_owner;

	owner = made_of(kind);
	algorithm = signature;
	if (signature == KC_SM2DSA)
		with_faults_before("EVP_DigestSign", &signing, title(kind, way));
	else
		with_faults(&signing, title(kind, way));
	pair_of_owner = made_pair(owner);
	value_len = sizeof(value);
	kc_sign_message(pair_of_owner, algorithm, text_view(TEXT), value, &value_len);
	kc_pair_free(pair_of_owner);
	if (signature == KC_SM2DSA)
		with_faults_before("EVP_DigestVerify", &verifying, title(kind, way));
	else
		with_faults(&verifying, title(kind, way));
}

static void
test_encryption_faults(int kind, int pke, const char *way)
{
	operation	encrypting = {"encrypting", run_encrypt, ciphertext_of_text, 0, false};
	operation	encrypting_for = {"encrypting for somebody", run_encrypt_for, ciphertext_of_text, 0, false};
	static const operation decrypting = {"decrypting", run_decrypt, plain, TEXT_LEN, false};

	owner = made_of(kind);
	algorithm = pke;
	encrypting.out_len = encrypting_for.out_len = kc_pke_ciphertext_len(pke, kind, TEXT_LEN);
	if (pke == KC_PKE_SM2PKE)
	{
		with_faults_before("EVP_PKEY_encrypt", &encrypting, title(kind, way));
		with_faults_before("EVP_PKEY_encrypt", &encrypting_for, title(kind, way));
	}
	else
	{
		with_faults(&encrypting, title(kind, way));
		with_faults(&encrypting_for, title(kind, way));
	}
	run_encrypt();
	if (pke == KC_PKE_SM2PKE)
		with_faults_before("EVP_PKEY_decrypt", &decrypting, title(kind, way));
	else
		with_faults(&decrypting, title(kind, way));
}

/* ---- codes and envelopes ---- */

static int	mac_kind;
static kc_mac *kept_mac;
static uint8_t code[KC_MAC_MAX];

static kc_status
run_mac_new(void)
{
	static const uint8_t bytes[KC_MAC_KEY_MAX] = {1};
	kc_mac	   *mac;
	kc_status	status = kc_mac_new(mac_kind, kc_view_of(bytes, kc_mac_key_len(mac_kind)), &mac);

	if (status == KC_OK)
		status = kc_mac_generate(mac, text_view(TEXT), out, NULL);
	else
		memset(out, 0, kc_mac_len(mac_kind));
	kc_mac_free(mac);
	return status;
}

static kc_status
run_mac_generate(void)
{
	return kc_mac_generate(kept_mac, text_view(TEXT), out, NULL);
}

static kc_status
run_mac_verify(void)
{
	return kc_mac_verify(kept_mac, text_view(TEXT), kc_view_of(code, kc_mac_len(mac_kind)), NULL);
}

static kc_status
run_blind_index(void)
{
	return kc_mac_blind_index(kept_mac, text_view("context"), text_view(TEXT), out, NULL);
}

static void
test_mac_faults(void)
{
	static const char *const names[] = {NULL, "HMAC-SHA-256", "HMAC-SHA-384", "HMAC-SHA-512", "HMAC-SM3"};
	static const uint8_t bytes[KC_MAC_KEY_MAX] = {1};

	for (mac_kind = KC_MAC_HMAC_SHA_256; mac_kind <= KC_MAC_HMAC_SM3; mac_kind++)
	{
		size_t		len = kc_mac_len(mac_kind);
		operation	making = {"making a key of codes", run_mac_new, out, len, false};
		operation	generating = {"making a code", run_mac_generate, out, len, false};
		operation	verifying = {"checking a code", run_mac_verify, NULL, 0, false};
		operation	indexing = {"making a blind index", run_blind_index, out, KC_BLIND_INDEX_LEN, false};

		with_faults(&making, names[mac_kind]);
		if (kc_mac_new(mac_kind, kc_view_of(bytes, kc_mac_key_len(mac_kind)), &kept_mac) != KC_OK)
			abort();
		with_faults(&generating, names[mac_kind]);
		kc_mac_generate(kept_mac, text_view(TEXT), code, NULL);
		with_faults(&verifying, names[mac_kind]);
		if (mac_kind == KC_MAC_HMAC_SHA_256)
			with_faults(&indexing, names[mac_kind]);
		kc_mac_free(kept_mac);
	}
}

/* Two chunks, the second of some bytes. */
#define LARGE	(KC_CHUNK_LEN + 10)

static uint8_t large[LARGE];
static uint8_t opened_large[LARGE];
static uint8_t envelope[LARGE + 256];
static uint8_t sealed_envelope[LARGE + 256];

static kc_status
run_envelope_seal(void)
{
	return kc_envelope_seal(&l.key, l.schedule, (const uint8_t *) "0123456789abcdef", text_view("context"),
							kc_view_of(large, LARGE), envelope, NULL);
}

static kc_status
run_envelope_open(void)
{
	kc_envelope parts;
	kc_status	status;

	if (kc_envelope_parse(kc_view_of(sealed_envelope, kc_envelope_len(l.key.suite, LARGE)), &parts) != KC_OK)
		abort();
	status = kc_envelope_open(&l.key, l.schedule, &parts, text_view("context"), opened_large, NULL);
	if (status == KC_OK && memcmp(opened_large, large, LARGE) != 0)
		abort();
	return status;
}

static void
test_envelope_faults(void)
{
	memset(large, 0x55, sizeof(large));
	for (int suite = SUITE_FIRST; suite <= SUITE_LAST; suite++)
	{
		operation	sealing = {"sealing an envelope", run_envelope_seal, envelope, kc_envelope_len(suite, LARGE), true};
		static const operation opening = {"opening an envelope", run_envelope_open, opened_large, LARGE, true};

		l = lock_new(suite, 1);
		run_envelope_seal();
		memcpy(sealed_envelope, envelope, sizeof(envelope));
		with_faults(&sealing, suite_name(suite));
		with_faults(&opening, suite_name(suite));
		lock_free(&l);
	}
}

/* ---- certificates ---- */

static char request[KC_REQUEST_PEM_MAX];
static uint8_t certificate_der[KC_CERTIFICATE_DER_MAX];
static const char *certificate_pem;
static uint8_t chain_der[2 * KC_CERTIFICATE_DER_MAX];
static char chain_pem[16384];
static kc_certificate_info description;
static char identifier[KC_KEY_IDENTIFIER_TEXT];
static uint8_t exported[KC_PKCS12_MAX];
static issued chain[3];				/* leaf, intermediate, root */

static kc_status
run_request(void)
{
	static const uint8_t subject[] = {
		0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x02, 'm', 'e'
	};
	kc_view		name = text_view("example.com");
	size_t		len = sizeof(request);
	kc_pair    *opened;
	kc_status	status = open_owner(false, &opened);

	if (status == KC_OK)
		status = kc_request_make(opened, kc_view_of(subject, sizeof(subject)), &name, 1, request, &len);
	else
		memset(request, 0, sizeof(request));
	kc_pair_free(opened);
	return status;
}

static kc_status
run_read(void)
{
	kc_certificate_finding finding;
	size_t		len = sizeof(certificate_der);

	return kc_certificate_read(text_view(certificate_pem), certificate_der, &len, &finding);
}

static kc_status
run_read_chain(void)
{
	kc_certificate_finding finding;
	kc_view		others[KC_CHAIN_MAX];
	size_t		count;
	size_t		len = sizeof(chain_der);

	return kc_chain_read(text_view(chain_pem), chain_der, &len, others, &count, &finding);
}

static kc_status
run_check(void)
{
	kc_certificate_finding finding;
	kc_view		others[] = {chain[1].der, chain[2].der};

	return kc_certificate_check(chain[0].der, others, 2, kc_view_of(owner->public_der, owner->public_len), NOW, &finding);
}

static kc_status
run_describe(void)
{
	return kc_certificate_describe(chain[0].der, &description);
}

static kc_status
run_identify(void)
{
	return kc_key_identifier(kc_view_of(owner->public_der, owner->public_len), identifier);
}

static kc_status
run_export(void)
{
	size_t		len = sizeof(exported);
	kc_pair    *opened;
	kc_status	status = open_owner(false, &opened);

	if (status == KC_OK)
		status = kc_pkcs12_export(opened, chain[0].der, &chain[1].der, 1, text_view("passphrase"), exported, &len);
	else
		memset(exported, 0, sizeof(exported));
	kc_pair_free(opened);
	return status;
}

static void
test_request_faults(int kind)
{
	static const operation making = {"making a request", run_request, request, sizeof(request), false};

	owner = made_of(kind);
	if (kind == KC_PAIR_EC_SM2)
		with_faults_before("EVP_DigestSign", &making, title(kind, ""));
	else
		with_faults(&making, title(kind, ""));
}

static void
test_certificate_faults(int kind)
{
	static const operation reading = {"reading a certificate", run_read, certificate_der, sizeof(certificate_der), false};
	static const operation reading_chain = {"reading a chain", run_read_chain, chain_der, sizeof(chain_der), false};
	static const operation checking = {"checking a chain", run_check, NULL, 0, false};
	static const operation describing = {"describing a certificate", run_describe, &description, sizeof(description), false};
	static const operation identifying = {"identifying a key", run_identify, identifier, sizeof(identifier), false};
	static const operation exporting = {"exporting", run_export, exported, sizeof(exported), false};
	EVP_PKEY   *ca_key = made_theirs(made_of(kind));
	char	   *pem;
	char	   *root_pem;

	owner = made_of(kind);
	chain[2] = issue(&(blueprint) {.subject = "root", .key = ca_key,
					 .extensions = {CA_EXTENSIONS, {"nameConstraints", "critical,permitted;DNS:example.com"}}});
	chain[1] = issue(&(blueprint) {.subject = "inter", .issuer = &chain[2], .key = ca_key,
					 .extensions = {CA_EXTENSIONS, {"authorityKeyIdentifier", "keyid"}}});
	chain[0] = issue(&(blueprint) {.subject = "leaf", .issuer = &chain[1], .key = ca_key,
					 .extensions = {{"subjectAltName", "DNS:example.com,IP:::1"}}});
	pem = pem_of("CERTIFICATE", chain[0].der);
	certificate_pem = pem;
	with_faults_every(&reading, kind == KC_PAIR_EC_P256 ? 3 : 11, title(kind, ""));
	root_pem = pem_of("CERTIFICATE", chain[2].der);
	snprintf(chain_pem, sizeof(chain_pem), "%s%s", pem, root_pem);
	free(root_pem);
	if (kind == KC_PAIR_EC_P256)
		with_faults_every(&reading_chain, 13, title(kind, ""));
	with_faults_every(&describing, 31, title(kind, ""));
	if (kind == KC_PAIR_EC_SM2)
		with_faults_before("X509_verify", &checking, title(kind, ""));
	else
		with_faults_every(&checking, 41, title(kind, ""));
	if (kind == KC_PAIR_EC_P256)
	{
		with_faults(&identifying, title(kind, ""));
		with_few_faults(&exporting, title(kind, ""));
	}
	free(pem);
	for (int i = 0; i < 3; i++)
		issued_free(&chain[i]);
	EVP_PKEY_free(ca_key);
}

void
test_fault(void)
{
	size_t		count = sizeof(operations) / sizeof(operations[0]);

	tap_section("failures of OpenSSL");
	for (int suite = SUITE_FIRST; suite <= SUITE_LAST; suite++)
	{
		l = lock_new(suite, 1);
		run_seal();
		memcpy(ciphertext, out, TEXT_LEN);
		memcpy(tag, out + TEXT_LEN, sizeof(tag));
		if (suite == KC_SUITE_XAES_256_GCM)
			kc_wrap(&l.key, text_view("place"), text_view(TEXT), wrapped);
		for (size_t i = 0; i < (suite == KC_SUITE_XAES_256_GCM ? count : 4); i++)
			with_faults(&operations[i], suite_name(suite));
		lock_free(&l);
	}
	kc_schedule_free(schedule);
	schedule = NULL;
	test_transport_faults();
	test_signature_faults(KC_PAIR_RSA_2048, KC_RSA_PSS_SHA_256, " with PSS");
	test_signature_faults(KC_PAIR_RSA_2048, KC_RSA_PKCS1_SHA_256, " with PKCS #1 v1.5");
	test_signature_faults(KC_PAIR_EC_P256, KC_ECDSA_SHA_256, "");
	test_signature_faults(KC_PAIR_EC_SM2, KC_SM2DSA, "");
	test_signature_faults(KC_PAIR_ED25519, KC_ED25519, "");
	test_signature_faults(KC_PAIR_ML_DSA_44, KC_ML_DSA_44, "");
	test_message_faults(KC_PAIR_RSA_2048, KC_RSA_PSS_SHA_256, " with PSS");
	test_message_faults(KC_PAIR_RSA_2048, KC_RSA_PKCS1_SHA_256, " with PKCS #1 v1.5");
	test_message_faults(KC_PAIR_EC_P256, KC_ECDSA_SHA_256, "");
	test_message_faults(KC_PAIR_EC_SM2, KC_SM2DSA, "");
	test_encryption_faults(KC_PAIR_RSA_2048, KC_PKE_RSA_OAEP_SHA_1, " with OAEP and SHA-1");
	test_encryption_faults(KC_PAIR_RSA_2048, KC_PKE_RSA_OAEP_SHA_256, " with OAEP and SHA-256");
	test_encryption_faults(KC_PAIR_EC_SM2, KC_PKE_SM2PKE, "");
	test_mac_faults();
	test_envelope_faults();
	test_request_faults(KC_PAIR_RSA_2048);
	test_request_faults(KC_PAIR_EC_P256);
	test_request_faults(KC_PAIR_EC_SM2);
	test_certificate_faults(KC_PAIR_RSA_2048);
	test_certificate_faults(KC_PAIR_EC_P256);
	test_certificate_faults(KC_PAIR_EC_SM2);
}
