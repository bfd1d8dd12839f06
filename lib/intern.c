#include <stdlib.h>

#include "lib/hash.h"
#include "lib/intern.h"

void
clb_intern_release(struct clb_intern *t)
{
	free(t->str);
	free(t->slot);
	clb_arena_release(&t->arena);
	memset(t, 0, sizeof(*t));
}

/* The slot where s is, or where it belongs. */
static size_t
locate(const struct clb_intern *t, struct clb_str s)
{
	size_t i = (size_t)clb_hash_bytes(s.s, s.n) & (t->nslots - 1);

	while (t->slot[i] != 0 && !clb_str_eq(t->str[t->slot[i] - 1], s))
		i = (i + 1) & (t->nslots - 1);
	return i;
}

static void
widen(struct clb_intern *t)
{
	free(t->slot);
	t->nslots = t->nslots != 0 ? 2 * t->nslots : 64;
	t->slot = clb_xcalloc(t->nslots, sizeof(*t->slot));
	for (uint32_t k = 0; k < t->n; k++)
		t->slot[locate(t, t->str[k])] = k + 1;
}

uint32_t
clb_intern_find(const struct clb_intern *t, struct clb_str s)
{
	size_t i;

	if (t->nslots == 0)
		return CLB_INTERN_NONE;
	i = locate(t, s);
	return t->slot[i] != 0 ? t->slot[i] - 1 : CLB_INTERN_NONE;
}

uint32_t
clb_intern_put(struct clb_intern *t, struct clb_str s)
{
	uint32_t k = clb_intern_find(t, s);

	if (k != CLB_INTERN_NONE)
		return k;
	if (t->n >= t->nslots / 2)
		widen(t);
	if (t->n == t->cap) {
		t->cap = t->cap != 0 ? 2 * t->cap : 32;
		t->str = clb_xreallocarray(t->str, t->cap, sizeof(*t->str));
	}
	t->str[t->n] = clb_arena_str(&t->arena, s.s, s.n);
	t->slot[locate(t, s)] = t->n + 1;
	return t->n++;
}

static int
by_string(const void *a, const void *b, void *arg)
{
	const struct clb_str *str = arg;

	return clb_str_cmp(str[*(const uint32_t *)a], str[*(const uint32_t *)b]);
}

uint32_t *
clb_intern_ranks(const struct clb_intern *t)
{
	uint32_t *order = clb_xreallocarray(NULL, t->n, sizeof(*order));
	uint32_t *rank = clb_xreallocarray(NULL, t->n, sizeof(*rank));

	for (uint32_t k = 0; k < t->n; k++)
		order[k] = k;
	if (t->n > 1)
		qsort_r(order, t->n, sizeof(*order), by_string, t->str);
	for (uint32_t k = 0; k < t->n; k++)
		rank[order[k]] = k;
	free(order);
	return rank;
}
