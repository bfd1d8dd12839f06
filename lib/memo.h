#ifndef CLB_MEMO_H
#define CLB_MEMO_H

/*
 * What a rule makes of a label name, remembered: the same few hundred names
 * come back with every target. Bounded; forgets everything when it is full.
 */
#include "lib/mem.h"

struct clb_memo_entry {
	struct clb_str name;	/* s == NULL: the slot is free */
	uint64_t hash;
	int matched;
	struct clb_str result;
};

/* Zero-initialised is empty. */
struct clb_memo {
	struct clb_memo_entry *slot;
	size_t n;
	struct clb_arena arena;	/* for names and results */
};

void clb_memo_release(struct clb_memo *m);

/*
 * The entry for name. *fresh is 1 if it is new: the caller fills in matched
 * and result, with strings from m->arena. Valid until the next call.
 */
struct clb_memo_entry *clb_memo_get(struct clb_memo *m, struct clb_str name, int *fresh);

#endif
