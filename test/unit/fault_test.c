/*
 * Every call into OpenSSL may fail, and every allocation of OpenSSL's: then
 * nothing is given away, nothing leaks, no error stays in the queue, and the
 * next try succeeds.
 */
#include "fault.h"
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

static void
with_faults(const operation *op, const char *suite)
{
	bool		good = true;
	int			calls = 0;
	int			allocations = 0;

	while (with_fault(op, fault_call, calls, op->may_survive, &good))
		calls++;
	ok(good && calls > 0, "%s, %s: each of %d calls may fail", op->name, suite, calls);
	/* OpenSSL can do without some of what it allocates. */
	while (with_fault(op, fault_allocation, allocations, true, &good))
		allocations++;
	ok(good, "%s, %s: each of %d allocations may fail", op->name, suite, allocations);
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
 * SM2 decryption of OpenSSL 3.0 crashes where it finds no memory for its KDF, so
 * the allocations before it are all that may fail.
 */
static void
with_faults_before_decryption(const operation *op, const char *name)
{
	bool		good = true;
	int			calls = 0;
	long		before;
	int			allocations;

	while (with_fault(op, fault_call, calls, false, &good))
		calls++;
	ok(good && calls > 0, "%s, %s: each of %d calls may fail", op->name, name, calls);
	fault_deny("EVP_PKEY_decrypt");
	before = fault_allocations();
	op->run();
	allocations = (int) (fault_allocations() - before);
	fault_off();
	for (int n = 0; n < allocations; n++)
		with_fault(op, fault_allocation, n, true, &good);
	ok(good && allocations > 0, "%s, %s: each of %d allocations may fail", op->name, name, allocations);
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
		allocation += 1 + allocation / 4;
	ok(good, "%s, %s: %d of its many allocations may fail", op->name, name, count);
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
			with_faults_before_decryption(&opening, transport_name(transport));
		else
			with_faults(&opening, transport_name(transport));
		if (transport == KC_PKE_RSA_OAEP_SHA_1 || transport == KC_PKE_SM2PKE)
			with_some_faults(&making, transport_name(transport));
	}
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
}
