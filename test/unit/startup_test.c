/*
 * Starting, and what happens where OpenSSL or its policy lacks an algorithm.
 */
#include "fault.h"
#include "support.h"
#include "tests.h"

#include <unistd.h>

#include <openssl/evp.h>

static kc_status
init_key(int suite)
{
	static const uint8_t material[KC_KEY_MAX] = {1};
	kc_key		key;

	return kc_key_init(&key, suite, kc_view_of(material, kc_key_len(suite)));
}

static bool
nothing_works_before(void)
{
	for (int suite = SUITE_FIRST; suite <= SUITE_LAST; suite++)
		if (init_key(suite) != KC_UNSUPPORTED)
			return false;
	return queue_empty();
}

/* Only these suites go missing when OpenSSL lacks the named thing. */
static bool
loses(const char *denied, bool aes_192, bool aes_128, bool sm4)
{
	kc_status	status;

	fault_deny(denied);
	status = kc_startup();
	if (!fault_off() || status != KC_OK || !queue_empty())
		return false;
	return init_key(KC_SUITE_XAES_256_GCM) == KC_OK &&
		init_key(KC_SUITE_AES_192_GCM) == (aes_192 ? KC_UNSUPPORTED : KC_OK) &&
		init_key(KC_SUITE_AES_128_GCM) == (aes_128 ? KC_UNSUPPORTED : KC_OK) &&
		init_key(KC_SUITE_SM4_CTR_HMAC_SM3) == (sm4 ? KC_UNSUPPORTED : KC_OK) &&
		queue_empty();
}

static bool without_sm4_ecb(void) { return loses("SM4-ECB", false, false, true); }
static bool without_sm4_ctr(void) { return loses("SM4-CTR", false, false, true); }
static bool without_hmac(void) { return loses("HMAC", false, false, true); }
static bool without_sm3(void) { return loses("EVP_MAC_CTX_set_params", false, false, true); }
static bool without_aes_192(void) { return loses("AES-192-GCM", true, false, false); }
static bool without_aes_128(void) { return loses("AES-128-ECB", false, true, false); }

static bool
missing_suite_wipes(void)
{
	uint8_t		out[5] = "12345";
	uint8_t		tag[KC_TAG_MAX];
	kc_key		key = {.suite = KC_SUITE_SM4_CTR_HMAC_SM3};
	kc_schedule *schedule;
	bool		good;

	if (!without_sm4_ctr())
		return false;
	schedule = kc_schedule_new();
	memset(tag, 1, sizeof(tag));
	good = kc_schedule_set(schedule, &key) == KC_UNSUPPORTED &&
		kc_seal(&key, schedule, NONCE, NONE, NONE, text_view("hello"), out, tag) == KC_UNSUPPORTED &&
		all_bytes(out, 5, 0) && all_bytes(tag, sizeof(tag), 0);
	memset(out, 1, sizeof(out));
	good = good &&
		kc_open(&key, schedule, NONCE, NONE, NONE, text_view("hello"), tag, out) == KC_UNSUPPORTED &&
		all_bytes(out, 5, 0) && queue_empty();
	kc_schedule_free(schedule);
	return good;
}

/* A real policy: no provider that was loaded satisfies it. */
static bool
fips_without_provider(void)
{
	return EVP_set_default_properties(NULL, "fips=yes") &&
		kc_startup() == KC_UNSUPPORTED && queue_empty() &&
		EVP_set_default_properties(NULL, "") &&
		kc_startup() == KC_OK && init_key(KC_SUITE_XAES_256_GCM) == KC_OK;
}

/*
 * Each allocation of a startup, one per process.  OpenSSL itself has begun by
 * then: its own beginnings do not survive a lack of memory.
 */
#define OVER	77				/* the status where there was no such allocation */

static int	allocation;

static bool
survives_allocation(void)
{
	kc_status	status;
	bool		good;

	EVP_CIPHER_free(EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL));
	fault_allocation(allocation);
	status = kc_startup();
	if (!fault_off())
		_exit(OVER);
	good = queue_empty() && (status == KC_OK || kc_startup() == KC_OK) &&
		init_key(KC_SUITE_XAES_256_GCM) == KC_OK;
	/* Past the leak check: OpenSSL's parser of properties loses a name here. */
	_exit(good ? 0 : 1);
}

static void
starved(void)
{
	int			status;

	for (allocation = 0; (status = child_status(survives_allocation)) == 0; allocation++)
		continue;
	ok(status == OVER && allocation > 0, "startup can be repeated after any of %d allocations failed",
	   allocation);
}

static int	call;

static bool
survives_call(void)
{
	kc_status	status;

	fault_call(call);
	status = kc_startup();
	return fault_off() && queue_empty() &&
		(status == KC_OK || kc_startup() == KC_OK) &&
		init_key(KC_SUITE_XAES_256_GCM) == KC_OK;
}

static bool
draws_nothing(void)
{
	return kc_startup() == KC_OK && fault_random_calls() == 0;
}

static bool
starts_twice(void)
{
	long		before;

	if (kc_startup() != KC_OK)
		return false;
	before = fault_allocations();
	return kc_startup() == KC_OK && fault_allocations() == before;
}

void
test_startup(void)
{
	tap_section("startup");
	ok(in_child(nothing_works_before), "before startup no suite is usable");
	ok(in_child(without_sm4_ecb), "without SM4-ECB only the SM4 suite is unsupported");
	ok(in_child(without_sm4_ctr), "without SM4-CTR only the SM4 suite is unsupported");
	ok(in_child(without_hmac), "without HMAC only the SM4 suite is unsupported");
	ok(in_child(without_sm3), "without SM3 only the SM4 suite is unsupported");
	ok(in_child(without_aes_192), "without AES-192 only its suite is unsupported");
	ok(in_child(without_aes_128), "without AES-128 only its suite is unsupported");
	ok(in_child(missing_suite_wipes), "sealing and opening with an unsupported suite wipe the output");
	ok(in_child(fips_without_provider), "a policy that forbids AES-256 stops startup, and lifting it heals");
	for (call = 0; call < 12; call++)
		ok(in_child(survives_call), "startup can be repeated after OpenSSL call %d failed", call);
	starved();
	ok(in_child(draws_nothing), "startup draws no random bytes");
	ok(in_child(starts_twice), "a second startup allocates nothing");
	ok(kc_startup() == KC_OK, "startup succeeds");
}
