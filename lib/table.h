#ifndef CLB_TABLE_H
#define CLB_TABLE_H

/*
 * From 64-bit keys to 64-bit values, neither of them ever 0: hashes of names
 * to hashes of what has the name, or to places in a file. 16 bytes a place, at
 * most three places in four taken.
 */
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty. */
struct clb_table {
	struct clb_table_slot *slot;
	size_t n, cap;
};

/* The value of key, 0 if it is not there. */
uint64_t clb_table_get(const struct clb_table *t, uint64_t key);
/* Set it, whether it is there or not. */
void clb_table_put(struct clb_table *t, uint64_t key, uint64_t value);
void clb_table_remove(struct clb_table *t, uint64_t key);
void clb_table_release(struct clb_table *t);

#endif
