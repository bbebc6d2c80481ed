/*
 * Rows that mean a role, after the role was renamed or numbered otherwise.
 */
#ifndef KMS_ROLE_REFRESH_H
#define KMS_ROLE_REFRESH_H

/*
 * Inside store_open: rows that mean a role have it as it is called, and numbered,
 * today, after a rename.
 */
extern void role_refresh(void);

/* The same, before a database is said to be at home; and rows that mean nobody here will mean nobody. */
extern void role_settle(void);

#endif
