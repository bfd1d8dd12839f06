#ifndef CLB_INTERN_H
#define CLB_INTERN_H

/*
 * Strings to numbers: the first string is 0, each new one gets the next
 * number. The strings are copied and live until release. Zero-initialised is
 * empty.
 */
#include "lib/mem.h"

#define CLB_INTERN_NONE UINT32_MAX

struct clb_intern {
	struct clb_str *str;	/* by number */
	uint32_t n, cap;
	uint32_t *slot;		/* a hash table of numbers plus 1 */
	size_t nslots;
	struct clb_arena arena;
};

void clb_intern_release(struct clb_intern *t);

/* The number of s, which is a new one if s was not there. */
uint32_t clb_intern_put(struct clb_intern *t, struct clb_str s);

/* The number of s, or CLB_INTERN_NONE. */
uint32_t clb_intern_find(const struct clb_intern *t, struct clb_str s);

/*
 * For each number its place in the order of the strings, as a new array.
 * Strings of lower rank come first.
 */
uint32_t *clb_intern_ranks(const struct clb_intern *t);

#endif
