#ifndef CLB_SCHEDULE_HEAP_H
#define CLB_SCHEDULE_HEAP_H

/* A heap of collectors, the least first: by key, then in their order. For lib/schedule*.c. */
#include <stdlib.h>

#include "lib/mem.h"

struct clb_heap_node {
	uint64_t key;
	uint32_t collector;
};

/* Zero-initialised is empty. */
struct clb_heap {
	struct clb_heap_node *v;
	size_t n, cap;
};

static inline int
clb_heap_before(const struct clb_heap_node *a, const struct clb_heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->collector < b->collector;
}

static inline void
clb_heap_sink(struct clb_heap *h, size_t i)
{
	struct clb_heap_node x = h->v[i];

	for (size_t k; (k = 2 * i + 1) < h->n; i = k) {
		if (k + 1 < h->n && clb_heap_before(&h->v[k + 1], &h->v[k]))
			k++;
		if (!clb_heap_before(&h->v[k], &x))
			break;
		h->v[i] = h->v[k];
	}
	h->v[i] = x;
}

/* After keys were changed in place. */
static inline void
clb_heap_order(struct clb_heap *h)
{
	for (size_t i = h->n / 2; i-- > 0; )
		clb_heap_sink(h, i);
}

static inline void
clb_heap_push(struct clb_heap *h, uint64_t key, uint32_t collector)
{
	struct clb_heap_node x = { key, collector };
	size_t i = h->n++;

	if (h->n > h->cap) {
		h->cap = h->cap != 0 ? h->cap * 2 : 64;
		h->v = clb_xreallocarray(h->v, h->cap, sizeof(*h->v));
	}
	for (; i > 0 && clb_heap_before(&x, &h->v[(i - 1) / 2]); i = (i - 1) / 2)
		h->v[i] = h->v[(i - 1) / 2];
	h->v[i] = x;
}

static inline struct clb_heap_node
clb_heap_pop(struct clb_heap *h)
{
	struct clb_heap_node top = h->v[0];

	h->v[0] = h->v[--h->n];
	if (h->n > 0)
		clb_heap_sink(h, 0);
	return top;
}

static inline void
clb_heap_release(struct clb_heap *h)
{
	free(h->v);
	*h = (struct clb_heap){ NULL, 0, 0 };
}

#endif
