/*
 * All tests of the crypto floor: "main [folder of the known answers]".
 */
#include <stdio.h>

#include "fault.h"
#include "support.h"
#include "tests.h"

int
main(int argc, char **argv)
{
	if (argc > 1)
		vectors_folder = argv[1];
	fault_install();
	test_startup();
	test_xaes();
	test_suites();
	test_message();
	test_key();
	test_blob();
	test_wrap();
	test_derive();
	test_random();
	test_password();
	test_rootkey();
	test_der();
	test_digest();
	test_transport();
	test_pair();
	test_signature();
	test_pke();
	test_mac();
	test_envelope();
	test_subject();
	test_certificate();
	test_request();
	test_pkcs12();
	test_signature_length();
	test_fault();
	printf("# %d tests, %d failed\n", tap_count(), tap_failures());
	return tap_failures() == 0 ? 0 : 1;
}
