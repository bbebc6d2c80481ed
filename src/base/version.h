/*
 * The release.
 */
#ifndef KMS_VERSION_H
#define KMS_VERSION_H

#define KMS_VERSION "1.0"

#endif
