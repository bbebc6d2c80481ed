/*
 * Reading an encrypted column: what the view with the decrypted columns is made of.
 */
#ifndef KMS_COLUMN_READER_H
#define KMS_COLUMN_READER_H

#include "postgres.h"

#include "service/cipher.h"

/* Where the value of a pair of the context comes from. */
typedef struct KmsReaderPair
{
	kc_view		key;
	Oid			type;			/* base type of the value, */
	int			argument;		/* and its place in values */
} KmsReaderPair;

/* What a place in a query remembers. */
typedef struct KmsColumnReader
{
	KmsCallSite site;
	ContextWriter context;
	int			count;
	KmsReaderPair *pairs;
} KmsColumnReader;

/* In the current memory context; put the pairs in, then say that they are there.  InvalidParameter for two of a name. */
extern KmsColumnReader *column_reader_new(int count);
extern void column_reader_ready(KmsColumnReader *reader);

/*
 * A value decrypted; itself, if it is no ciphertext: then it is from before the column was
 * encrypted.  Raises what kms_decrypt raises.
 */
extern Datum column_reader_read(KmsColumnReader *reader, Oid caller, bool is_text, Datum value,
								const NullableDatum *values);

#endif
