#ifndef CLB_SORT_H
#define CLB_SORT_H

/* Sorting many numbers: radix sort, in time that is linear in their number. */
#include <stddef.h>
#include <stdint.h>

struct clb_keyed {
	uint64_t key;
	uint64_t value;
};

/*
 * Sort v by key; equal keys keep their order. Digits that all keys share cost
 * nothing, so small keys are sorted faster. tmp is room for another n.
 */
void clb_sort_keyed(struct clb_keyed *v, struct clb_keyed *tmp, size_t n);

#endif
