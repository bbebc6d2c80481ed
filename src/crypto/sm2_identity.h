/*
 * Who signs with SM2 where nobody says otherwise (GM/T 0009).  Private to this floor.
 */
#ifndef KC_SM2_IDENTITY_H
#define KC_SM2_IDENTITY_H

#define KC_SM2_IDENTITY	"1234567812345678"

#endif
