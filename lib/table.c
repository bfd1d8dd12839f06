#include <stdlib.h>

#include "lib/mem.h"
#include "lib/table.h"

struct clb_table_slot {
	uint64_t key, value;	/* key 0: free */
};

static struct clb_table_slot *
table_slot(const struct clb_table *t, uint64_t key)
{
	size_t i = (size_t)key & (t->cap - 1);

	while (t->slot[i].key != 0 && t->slot[i].key != key)
		i = (i + 1) & (t->cap - 1);
	return &t->slot[i];
}

uint64_t
clb_table_get(const struct clb_table *t, uint64_t key)
{
	return t->cap != 0 ? table_slot(t, key)->value : 0;
}

void
clb_table_put(struct clb_table *t, uint64_t key, uint64_t value)
{
	struct clb_table_slot *s;

	if (t->n >= t->cap / 4 * 3) {
		struct clb_table bigger = { NULL, t->n, t->cap != 0 ? t->cap * 2 : 64 };

		bigger.slot = clb_xcalloc(bigger.cap, sizeof(*bigger.slot));
		for (size_t i = 0; i < t->cap; i++)
			if (t->slot[i].key != 0)
				*table_slot(&bigger, t->slot[i].key) = t->slot[i];
		free(t->slot);
		*t = bigger;
	}
	s = table_slot(t, key);
	t->n += s->key == 0;
	*s = (struct clb_table_slot){ key, value };
}

/* What stands behind a removed key moves up where it would no longer be found. */
void
clb_table_remove(struct clb_table *t, uint64_t key)
{
	size_t mask = t->cap - 1, hole, i;

	if (t->cap == 0 || table_slot(t, key)->key == 0)
		return;
	hole = (size_t)(table_slot(t, key) - t->slot);
	for (i = (hole + 1) & mask; t->slot[i].key != 0; i = (i + 1) & mask) {
		size_t home = (size_t)t->slot[i].key & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			t->slot[hole] = t->slot[i];
			hole = i;
		}
	}
	t->slot[hole] = (struct clb_table_slot){ 0, 0 };
	t->n--;
}

void
clb_table_release(struct clb_table *t)
{
	free(t->slot);
	*t = (struct clb_table){ NULL, 0, 0 };
}
