/* One function per file of tests; main.c runs them in this order. */
#ifndef TESTS_H
#define TESTS_H

extern void test_startup(void);	/* first: it needs processes not yet started */
extern void test_xaes(void);
extern void test_suites(void);
extern void test_message(void);
extern void test_key(void);
extern void test_blob(void);
extern void test_wrap(void);
extern void test_derive(void);
extern void test_random(void);
extern void test_password(void);
extern void test_rootkey(void);
extern void test_der(void);
extern void test_digest(void);
extern void test_transport(void);
extern void test_pair(void);
extern void test_signature(void);
extern void test_pke(void);
extern void test_mac(void);
extern void test_envelope(void);
extern void test_subject(void);
extern void test_certificate(void);
extern void test_request(void);
extern void test_pkcs12(void);
extern void test_signature_length(void);
extern void test_fault(void);

#endif
