#include <stdlib.h>

#include "lib/hash.h"
#include "lib/memo.h"

#define SLOTS 4096	/* a power of two */

void
clb_memo_release(struct clb_memo *m)
{
	free(m->slot);
	clb_arena_release(&m->arena);
	memset(m, 0, sizeof(*m));
}

static void
forget(struct clb_memo *m)
{
	if (m->slot == NULL)
		m->slot = clb_xmalloc(SLOTS * sizeof(*m->slot));
	memset(m->slot, 0, SLOTS * sizeof(*m->slot));
	clb_arena_release(&m->arena);
	m->n = 0;
}

struct clb_memo_entry *
clb_memo_get(struct clb_memo *m, struct clb_str name, int *fresh)
{
	uint64_t hash = clb_hash_bytes(name.s, name.n);
	struct clb_memo_entry *en;
	size_t i;

	if (m->slot == NULL || m->n == SLOTS / 2)
		forget(m);
	for (i = hash & (SLOTS - 1); (en = &m->slot[i])->name.s != NULL;
	    i = (i + 1) & (SLOTS - 1))
		if (en->hash == hash && clb_str_eq(en->name, name)) {
			*fresh = 0;
			return en;
		}
	m->n++;
	en->name = clb_arena_str(&m->arena, name.s, name.n);
	en->name.plain = name.plain;
	en->hash = hash;
	*fresh = 1;
	return en;
}
