#include <math.h>
#include <stdlib.h>

#include "lib/schedule.h"

/* ---- a heap of collectors ---- */

/* The least first: by key, then in the order of collectors. */
struct node {
	uint64_t key;
	uint32_t collector;
};

struct heap {
	struct node *v;
	size_t n, cap;
};

static int
before(const struct node *a, const struct node *b)
{
	return a->key != b->key ? a->key < b->key : a->collector < b->collector;
}

static void
sink(struct heap *h, size_t i)
{
	struct node x = h->v[i];

	for (size_t k; (k = 2 * i + 1) < h->n; i = k) {
		if (k + 1 < h->n && before(&h->v[k + 1], &h->v[k]))
			k++;
		if (!before(&h->v[k], &x))
			break;
		h->v[i] = h->v[k];
	}
	h->v[i] = x;
}

static void
heapify(struct heap *h)
{
	for (size_t i = h->n / 2; i-- > 0; )
		sink(h, i);
}

static void
push(struct heap *h, uint64_t key, uint32_t collector)
{
	struct node x = { key, collector };
	size_t i = h->n++;

	if (h->n > h->cap) {
		h->cap = h->cap != 0 ? h->cap * 2 : 64;
		h->v = clb_xreallocarray(h->v, h->cap, sizeof(*h->v));
	}
	for (; i > 0 && before(&x, &h->v[(i - 1) / 2]); i = (i - 1) / 2)
		h->v[i] = h->v[(i - 1) / 2];
	h->v[i] = x;
}

static struct node
pop(struct heap *h)
{
	struct node top = h->v[0];

	h->v[0] = h->v[--h->n];
	if (h->n > 0)
		sink(h, 0);
	return top;
}

/* ---- how many targets of a job a collector has ---- */

struct counts {
	uint64_t *key;		/* job and collector, plus 1; 0 is free */
	uint32_t *count;
	size_t n, cap;
};

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
	return x ^ x >> 32;
}

static size_t
locate(const struct counts *c, uint64_t key)
{
	size_t i = (size_t)mix(key) & (c->cap - 1);

	while (c->key[i] != 0 && c->key[i] != key)
		i = (i + 1) & (c->cap - 1);
	return i;
}

static void
widen(struct counts *c)
{
	struct counts old = *c;

	c->cap = old.cap != 0 ? old.cap * 2 : 256;
	c->key = clb_xcalloc(c->cap, sizeof(*c->key));
	c->count = clb_xcalloc(c->cap, sizeof(*c->count));
	for (size_t i = 0; i < old.cap; i++)
		if (old.key[i] != 0) {
			size_t k = locate(c, old.key[i]);

			c->key[k] = old.key[i];
			c->count[k] = old.count[i];
		}
	free(old.key);
	free(old.count);
}

static uint64_t
count_key(uint32_t job, uint32_t collector)
{
	return ((uint64_t)job << 32 | collector) + 1;
}

static uint32_t
count_of(const struct counts *c, uint32_t job, uint32_t collector)
{
	return c->cap != 0 ? c->count[locate(c, count_key(job, collector))] : 0;
}

static void
count_up(struct counts *c, uint32_t job, uint32_t collector)
{
	uint64_t key = count_key(job, collector);
	size_t i;

	if (c->n >= c->cap / 4 * 3)
		widen(c);
	i = locate(c, key);
	if (c->key[i] == 0) {
		c->key[i] = key;
		c->n++;
	}
	c->count[i]++;
}

/* ---- place what has no collector ---- */

struct work {
	struct clb_schedule *s;
	uint64_t *load;		/* of each collector */
	uint32_t nready;
	uint64_t total;
};

/* In the order of weight, the heaviest first, then of the array. */
static int
heaviest_first(const void *a, const void *b, void *arg)
{
	const struct clb_placement *t = arg;
	size_t i = *(const size_t *)a, k = *(const size_t *)b;

	if (t[i].weight != t[k].weight)
		return t[i].weight > t[k].weight ? -1 : 1;
	return i < k ? -1 : i > k;
}

/*
 * All collectors that share the least load, as a heap by the count of the job.
 * The count is right for one job only: order is called for each.
 */
static void
take_level(struct heap *loads, struct heap *level)
{
	uint64_t least = loads->v[0].key;

	while (loads->n > 0 && loads->v[0].key == least)
		push(level, 0, pop(loads).collector);
}

static void
order_level(struct heap *level, const struct counts *c, uint32_t job)
{
	for (size_t i = 0; i < level->n; i++)
		level->v[i].key = count_of(c, job, level->v[i].collector);
	heapify(level);
}

/*
 * Collectors wait in loads. Those with the least load are taken out together
 * into level, where the job's spread decides; each goes back with its new load,
 * which is above the level's, as a weight is at least 1.
 */
static void
place_all(struct work *w, const size_t *order, size_t n)
{
	struct heap loads = { NULL, 0, 0 }, level = { NULL, 0, 0 };
	struct counts counts = { NULL, NULL, 0, 0 };
	struct clb_placement *t = w->s->target;
	uint32_t job = CLB_NOWHERE;

	for (size_t i = 0; i < w->s->ntargets; i++)
		if (t[i].collector != CLB_NOWHERE)
			count_up(&counts, t[i].job, t[i].collector);
	for (uint32_t c = 0; c < w->s->ncollectors; c++)
		if (w->s->ready[c])
			push(&loads, w->load[c], c);
	for (size_t i = 0; i < n; i++) {
		struct clb_placement *p = &t[order[i]];
		uint32_t c;

		if (level.n == 0) {
			take_level(&loads, &level);
			job = CLB_NOWHERE;
		}
		if (p->job != job)
			order_level(&level, &counts, job = p->job);
		p->collector = c = pop(&level).collector;
		w->load[c] += p->weight;
		count_up(&counts, p->job, c);
		push(&loads, w->load[c], c);
	}
	free(loads.v);
	free(level.v);
	free(counts.key);
	free(counts.count);
}

static void
place(struct work *w)
{
	struct clb_schedule *s = w->s;
	size_t *order, n = 0;

	for (size_t i = 0; i < s->ntargets; i++)
		n += s->target[i].collector == CLB_NOWHERE;
	s->placed = n;
	if (n == 0)
		return;
	order = clb_xreallocarray(NULL, n, sizeof(*order));
	for (size_t i = n = 0; i < s->ntargets; i++)
		if (s->target[i].collector == CLB_NOWHERE)
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), heaviest_first, s->target);
	place_all(w, order, n);
	free(order);
}

/* ---- balance ---- */

/* A target in its collector's stock, which is sorted by weight. */
struct stock {
	uint64_t weight;
	uint32_t rank;	/* among equal weights: see set_ranks */
	uint32_t target;
};

struct balance {
	struct work *w;
	double mean;		/* what a collector should have */
	uint64_t lo, hi;	/* and what is near enough */
	struct stock *stock;	/* by collector, weight and rank */
	size_t *first;		/* of each collector; the next one's is the end */
	/* The next entry at or below, at or above, that has not moved. */
	size_t *down, *up;
	uint64_t *got;		/* the heaviest that a collector has got in this pass */
	const uint32_t *origin;	/* where each target was before the run */
	size_t moved;		/* targets that are no longer at their origin */
};

static int
by_weight_falling(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x > y ? -1 : x < y;
}

/*
 * The mean, without what no assignment can even out: a target heavier than the
 * mean of the rest fills a collector by itself. Loads are whole numbers, and so
 * are the bounds, with the two around the mean always inside.
 */
static void
set_bounds(struct balance *b)
{
	const struct clb_schedule *s = b->w->s;
	uint64_t rest = b->w->total, n = b->w->nready, *heavy, k = 0;

	heavy = clb_xreallocarray(NULL, s->ntargets, sizeof(*heavy));
	for (size_t i = 0; i < s->ntargets; i++)
		if (s->target[i].weight > rest / n)
			heavy[k++] = s->target[i].weight;
	if (k > 1)
		qsort(heavy, k, sizeof(*heavy), by_weight_falling);
	for (size_t i = 0; i < k && n > 1 && heavy[i] > rest / n + (rest % n != 0); i++, n--)
		rest -= heavy[i];
	free(heavy);

	b->mean = (double)rest / (double)n;
	b->lo = rest / n;
	b->hi = rest / n + (rest % n != 0);
	if (ceil(b->mean * (1 - s->tolerance)) < (double)b->lo)
		b->lo = s->tolerance < 1 ? (uint64_t)ceil(b->mean * (1 - s->tolerance)) : 0;
	if (floor(b->mean * (1 + s->tolerance)) > (double)b->hi)
		b->hi = b->mean * (1 + s->tolerance) < 0x1p64 ?
		    (uint64_t)floor(b->mean * (1 + s->tolerance)) : UINT64_MAX;
}

static int
is_balanced(const struct balance *b)
{
	for (uint32_t c = 0; c < b->w->s->ncollectors; c++)
		if (b->w->s->ready[c] && (b->w->load[c] < b->lo || b->w->load[c] > b->hi))
			return 0;
	return 1;
}

static int
by_collector(const void *a, const void *b, void *arg)
{
	const struct stock *x = a, *y = b;
	const struct clb_placement *t = arg;
	uint32_t cx = t[x->target].collector, cy = t[y->target].collector;

	if (cx != cy)
		return cx < cy ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->target < y->target ? -1 : x->target > y->target;
}

/*
 * Among targets of one collector and weight the jobs are interleaved, so that
 * however many leave, each job gives its share: the k-th of a job's m gets the
 * rank (k + u) / m. u is the job's own, or jobs with one target each would be
 * asked in the order of their names everywhere.
 */
static void
set_ranks(struct stock *v, size_t n, const struct clb_placement *t)
{
	for (size_t i = 0, m; i < n; i += m) {
		const struct clb_placement *p = &t[v[i].target];
		uint64_t u = mix(p->id ^ mix(p->collector)) & UINT32_MAX;

		for (m = 1; i + m < n && v[i + m].weight == p->weight &&
		    t[v[i + m].target].job == p->job &&
		    t[v[i + m].target].collector == p->collector; m++)
			;
		for (size_t k = 0; k < m; k++)
			v[i + k].rank = (uint32_t)((((uint64_t)k << 32) + u) / m);
	}
}

static void
set_stock(struct balance *b)
{
	const struct clb_schedule *s = b->w->s;
	uint32_t c = 0;

	for (size_t i = 0; i < s->ntargets; i++)
		b->stock[i] = (struct stock){ s->target[i].weight, 0, (uint32_t)i };
	/* First with ranks of 0: by collector, weight, job and id. */
	qsort_r(b->stock, s->ntargets, sizeof(*b->stock), by_collector, s->target);
	set_ranks(b->stock, s->ntargets, s->target);
	qsort_r(b->stock, s->ntargets, sizeof(*b->stock), by_collector, s->target);
	for (size_t i = 0; i < s->ntargets; i++) {
		while (c <= s->target[b->stock[i].target].collector)
			b->first[c++] = i;
		b->down[i + 1] = i + 1;
		b->up[i] = i;
	}
	while (c <= s->ncollectors)
		b->first[c++] = s->ntargets;
	b->down[0] = 0;
	b->up[s->ntargets] = s->ntargets;
	memset(b->got, 0, s->ncollectors * sizeof(*b->got));
}

/* Where the links of an array end, shortened on the way. */
static size_t
follow(size_t *link, size_t i)
{
	size_t end = i, next;

	while (link[end] != end)
		end = link[end];
	for (; link[i] != end; i = next) {
		next = link[i];
		link[i] = end;
	}
	return end;
}

/* The first entry of collector c's stock that is heavier than weight. */
static size_t
above(const struct balance *b, uint32_t c, uint64_t weight)
{
	size_t lo = b->first[c], hi = b->first[c + 1];

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (b->stock[mid].weight > weight)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* The heaviest in c's stock up to weight, or SIZE_MAX. down counts from 1. */
static size_t
heaviest_up_to(struct balance *b, uint32_t c, uint64_t weight)
{
	size_t i = follow(b->down, above(b, c, weight));

	return i > b->first[c] ? i - 1 : SIZE_MAX;
}

static size_t
lightest_above(struct balance *b, uint32_t c, uint64_t weight)
{
	size_t i = follow(b->up, above(b, c, weight));

	return i < b->first[c + 1] ? i : SIZE_MAX;
}

/* What collector c may have: more than others only if one target is more. */
static uint64_t
limit(struct balance *b, uint32_t c)
{
	size_t i = heaviest_up_to(b, c, UINT64_MAX);
	double top = (double)b->got[c], most;

	if (i != SIZE_MAX && (double)b->stock[i].weight > top)
		top = (double)b->stock[i].weight;
	if (top <= b->mean)
		return b->hi;
	most = floor(top * (1 + b->w->s->tolerance));
	if (most >= 0x1p64)
		return UINT64_MAX;
	return (uint64_t)most > b->hi ? (uint64_t)most : b->hi;
}

static uint64_t
less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/*
 * What "from" should give to "to", or SIZE_MAX. Best is one target that brings
 * both within the bounds, and of those the one that makes them most equal; else
 * the most that keeps them from crossing; else the least that improves them.
 */
static size_t
choose(struct balance *b, uint32_t from, uint32_t to)
{
	uint64_t lf = b->w->load[from], lt = b->w->load[to], gap = minus(lf, lt);
	uint64_t need, most;
	size_t i;

	if (gap < 2)
		return SIZE_MAX;
	need = minus(lf, limit(b, from));
	if (need < minus(b->lo, lt))
		need = minus(b->lo, lt);
	most = less(gap - 1, less(minus(lf, b->lo), minus(b->hi, lt)));
	i = heaviest_up_to(b, from, less(most, gap / 2));
	if (i != SIZE_MAX && b->stock[i].weight >= need)
		return i;
	if ((i = heaviest_up_to(b, from, most)) != SIZE_MAX)
		return i;
	i = lightest_above(b, from, most);
	return i != SIZE_MAX && b->stock[i].weight < gap ? i : SIZE_MAX;
}

static void
move(struct balance *b, size_t i, uint32_t to)
{
	struct clb_placement *t = &b->w->s->target[b->stock[i].target];
	uint32_t origin = b->origin[b->stock[i].target];

	b->w->load[t->collector] -= t->weight;
	b->w->load[to] += t->weight;
	if (origin != CLB_NOWHERE) {
		b->moved += t->collector == origin;
		b->moved -= to == origin;
	}
	t->collector = to;
	if (b->got[to] < t->weight)
		b->got[to] = t->weight;
	b->down[i + 1] = i;
	b->up[i] = i + 1;
}

/*
 * The top of h whose load is still what it was when it was pushed. Keys of the
 * most loaded are turned over, to come out first.
 */
static int
top(struct heap *h, const uint64_t *load, uint64_t turn, uint32_t *c)
{
	while (h->n > 0 && (h->v[0].key ^ turn) != load[h->v[0].collector])
		(void)pop(h);
	if (h->n > 0)
		*c = h->v[0].collector;
	return h->n > 0;
}

/*
 * One pass; a target moves at most once in it. Returns how many did. The least
 * load never falls, so that a collector with nothing to give has nothing later.
 */
static size_t
pass(struct balance *b)
{
	struct heap most = { NULL, 0, 0 }, least = { NULL, 0, 0 };
	const struct clb_schedule *s = b->w->s;
	uint64_t *load = b->w->load;
	uint32_t from, to;
	size_t moves = 0, i;

	for (uint32_t c = 0; c < s->ncollectors; c++)
		if (s->ready[c]) {
			push(&most, ~load[c], c);
			push(&least, load[c], c);
		}
	while (b->moved < s->max_moves && top(&most, load, UINT64_MAX, &from) &&
	    top(&least, load, 0, &to)) {
		int wanting = load[to] < b->lo;

		if (!wanting && load[from] <= b->hi)
			break;
		if ((!wanting && load[from] <= limit(b, from)) ||
		    (i = choose(b, from, to)) == SIZE_MAX) {
			(void)pop(&most);
			continue;
		}
		move(b, i, to);
		moves++;
		push(&most, ~load[from], from);
		push(&most, ~load[to], to);
		push(&least, load[from], from);
		push(&least, load[to], to);
	}
	free(most.v);
	free(least.v);
	return moves;
}

/* Passes until nothing moves, so that a run on this one's result moves nothing. */
static void
rebalance(struct work *w, const uint32_t *origin)
{
	struct clb_schedule *s = w->s;
	struct balance b = { .w = w, .origin = origin };
	size_t n = s->ntargets;

	set_bounds(&b);
	if (is_balanced(&b))
		return;
	b.stock = clb_xreallocarray(NULL, n, sizeof(*b.stock));
	b.first = clb_xreallocarray(NULL, (size_t)s->ncollectors + 1, sizeof(*b.first));
	b.down = clb_xreallocarray(NULL, n + 1, sizeof(*b.down));
	b.up = clb_xreallocarray(NULL, n + 1, sizeof(*b.up));
	b.got = clb_xreallocarray(NULL, s->ncollectors, sizeof(*b.got));
	do
		set_stock(&b);
	while (pass(&b) > 0);
	s->moved = b.moved;
	free(b.stock);
	free(b.first);
	free(b.down);
	free(b.up);
	free(b.got);
}

/* ---- the whole ---- */

/* Loads of what stays; what cannot stay is nowhere. */
static int
keep(struct work *w, struct clb_err *e)
{
	struct clb_schedule *s = w->s;

	for (uint32_t c = 0; c < s->ncollectors; c++)
		w->nready += s->ready[c] != 0;
	if (w->nready == 0 && s->ntargets > 0)
		return clb_err_set(e, EX_TEMPFAIL, "no collector is ready to take %zu targets",
		    s->ntargets);
	for (size_t i = 0; i < s->ntargets; i++) {
		struct clb_placement *t = &s->target[i];

		if (__builtin_add_overflow(w->total, t->weight, &w->total))
			return clb_err_set(e, EX_DATAERR,
			    "the weights sum up to more than 18446744073709551615");
		if (t->collector != CLB_NOWHERE && !s->ready[t->collector])
			t->collector = CLB_NOWHERE;
		if (t->collector != CLB_NOWHERE)
			w->load[t->collector] += t->weight;
	}
	return 0;
}

int
clb_schedule_least_weighted(struct clb_schedule *s, struct clb_err *e)
{
	struct work w = { .s = s };
	uint32_t *origin = NULL;
	int rc = -1;

	s->placed = s->moved = 0;
	w.load = clb_xcalloc(s->ncollectors, sizeof(*w.load));
	if (keep(&w, e) == -1)
		goto out;
	rc = 0;
	if (s->ntargets == 0)
		goto out;
	origin = clb_xreallocarray(NULL, s->ntargets, sizeof(*origin));
	for (size_t i = 0; i < s->ntargets; i++)
		origin[i] = s->target[i].collector;
	place(&w);
	rebalance(&w, origin);
out:
	free(origin);
	free(w.load);
	return rc;
}
