/* Placing what has no collector: the heaviest first, on the least loaded. */
#include <stdlib.h>

#include "lib/schedule_heap.h"
#include "lib/schedule_part.h"
#include "lib/sort.h"

/* ---- how many targets of a job a collector has ---- */

struct counts {
	uint64_t *key;		/* job and collector, plus 1; 0 is free */
	uint32_t *count;
	size_t n, cap;
};

static size_t
locate(const struct counts *c, uint64_t key)
{
	size_t i = (size_t)((key ^ key >> 31) * 0x9e3779b97f4a7c15u >> 20) & (c->cap - 1);

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

/* ---- the collectors of a zone, or of all ---- */

/*
 * Collectors wait in loads. Those with the least load are taken out together
 * into level, where the job's spread decides; what gets a copy goes back with
 * its new load, which is above the level's, as a weight is at least 1. Those
 * that were looked at and must not have the copy are set aside meanwhile, and
 * those that have not the room for it are parked until lighter ones come.
 */
struct group {
	struct clb_heap loads, level, aside;
	uint32_t job;		/* that level is ordered for */
	uint32_t zone;		/* CLB_NOWHERE: none, or all */
};

struct placing {
	struct clb_work *w;
	struct counts counts;
	struct group *group;	/* one, or one a zone and one for collectors without */
	uint32_t ngroups;
	struct clb_heap parked;	/* the one with the most room first */
	uint64_t lightest;	/* of what is still to be placed */
	uint64_t room;		/* no collector has more than this, in weight */
	const struct clb_placement *p;
	size_t copy;
};

/* The collector takes no more of what is still to come. */
static int
is_done(const struct placing *pl, uint32_t c)
{
	const struct clb_work *w = pl->w;

	return w->limited && (clb_work_full(w, c) ||
	    w->s->seat[c].max_weight - w->load[c] < pl->lightest);
}

static void
take_level(struct group *g)
{
	uint64_t least = g->loads.v[0].key;

	while (g->loads.n > 0 && g->loads.v[0].key == least)
		clb_heap_push(&g->level, 0, clb_heap_pop(&g->loads).collector);
	g->job = CLB_NOWHERE;
}

static void
order_level(struct placing *pl, struct group *g)
{
	if (g->job == pl->p->job)
		return;
	g->job = pl->p->job;
	for (size_t i = 0; i < g->level.n; i++)
		g->level.v[i].key = count_of(&pl->counts, g->job, g->level.v[i].collector);
	clb_heap_order(&g->level);
}

/* Bring the group's best for the copy to the top of its level. Returns 0 if there is none. */
static int
find(struct placing *pl, struct group *g)
{
	const struct clb_work *w = pl->w;

	while (g->level.n > 0 || g->loads.n > 0) {
		if (g->level.n == 0)
			take_level(g);
		order_level(pl, g);
		for (; g->level.n > 0; (void)clb_heap_pop(&g->level)) {
			uint32_t c = g->level.v[0].collector;

			if (clb_work_fits(w, pl->copy, c))
				return 1;
			if (clb_work_has_room(w, pl->copy, c))
				clb_heap_push(&g->aside, 0, c);
			else if (!is_done(pl, c))
				clb_heap_push(&pl->parked,
				    ~(w->s->seat[c].max_weight - w->load[c]), c);
		}
	}
	return 0;
}

static struct group *
group_of(struct placing *pl, uint32_t c)
{
	uint32_t zone = pl->w->s->seat[c].zone;

	return &pl->group[pl->w->zoned && zone != CLB_NOWHERE ? zone + 1 : 0];
}

/* The collector takes copies again. If it is below its group's level, that goes back as well. */
static void
come_back(struct placing *pl, uint32_t c)
{
	struct group *g = group_of(pl, c);
	const uint64_t *load = pl->w->load;
	uint64_t level = g->level.n > 0 ? load[g->level.v[0].collector] : 0;

	if (is_done(pl, c))
		return;
	if (g->level.n > 0 && load[c] == level) {
		clb_heap_push(&g->level, count_of(&pl->counts, g->job, c), c);
		return;
	}
	clb_heap_push(&g->loads, load[c], c);
	for (; load[c] < level && g->level.n > 0; g->level.n--)
		clb_heap_push(&g->loads, level, g->level.v[g->level.n - 1].collector);
}

/* Those that have room for the weight. */
static void
unpark(struct placing *pl, uint64_t weight)
{
	while (pl->parked.n > 0 && ~pl->parked.v[0].key >= weight)
		come_back(pl, clb_heap_pop(&pl->parked).collector);
}

/* By load, then spread of the job, then order. */
static int
is_better(const struct placing *pl, const struct group *a, const struct group *b)
{
	const struct clb_heap_node *x = &a->level.v[0], *y = &b->level.v[0];
	uint64_t lx = pl->w->load[x->collector], ly = pl->w->load[y->collector];

	return lx != ly ? lx < ly : clb_heap_before(x, y);
}

/* The best of the groups; with skewed, of those alone whose zone may have one more. */
static struct group *
best(struct placing *pl, int skewed)
{
	struct group *best = NULL;

	for (struct group *g = pl->group; g < pl->group + pl->ngroups; g++) {
		if (pl->w->zoned && (!clb_work_zone_fits(pl->w, pl->copy, g->zone) ||
		    (skewed && !clb_work_zone_open(pl->w, g->zone))))
			continue;
		if (find(pl, g) && (best == NULL || is_better(pl, g, best)))
			best = g;
	}
	return best;
}

/* Nobody had room for the last one: how much there is, so that the next is not tried in vain. */
static uint64_t
most_room(const struct clb_work *w)
{
	uint64_t most = 0;

	for (uint32_t c = 0; c < w->s->nseats; c++)
		if (clb_work_ready(w, c) && !clb_work_full(w, c) &&
		    w->s->seat[c].max_weight - w->load[c] > most)
			most = w->s->seat[c].max_weight - w->load[c];
	return most;
}

static void
place(struct placing *pl, size_t copy)
{
	struct group *g;

	pl->copy = copy;
	pl->p = clb_work_placement(pl->w, copy);
	if (pl->p->weight > pl->room)
		return;
	unpark(pl, pl->p->weight);
	g = best(pl, pl->w->zoned);
	if (g == NULL && pl->w->zoned)
		g = best(pl, 0);
	if (g != NULL) {
		uint32_t c = clb_heap_pop(&g->level).collector;

		clb_work_put(pl->w, copy, c);
		count_up(&pl->counts, pl->p->job, c);
		if (!is_done(pl, c))
			clb_heap_push(&g->loads, pl->w->load[c], c);
	} else if (pl->w->limited) {
		pl->room = most_room(pl->w);
	}
	for (g = pl->group; g < pl->group + pl->ngroups; g++)
		for (; g->aside.n > 0; g->aside.n--)
			come_back(pl, g->aside.v[g->aside.n - 1].collector);
}

/* ---- all of them ---- */

static void
begin(struct placing *pl)
{
	const struct clb_work *w = pl->w;
	const struct clb_schedule *s = w->s;

	for (size_t i = 0; i < s->ntargets * s->replication; i++)
		if (s->where[i] != CLB_NOWHERE)
			count_up(&pl->counts, clb_work_placement(w, i)->job, s->where[i]);
	pl->ngroups = w->zoned ? w->nzones + 1 : 1;
	pl->group = clb_xcalloc(pl->ngroups, sizeof(*pl->group));
	for (uint32_t g = 0; g < pl->ngroups; g++)
		pl->group[g].zone = g > 0 ? g - 1 : CLB_NOWHERE;
	for (uint32_t c = 0; c < s->nseats; c++)
		if (clb_work_ready(w, c) && !is_done(pl, c))
			clb_heap_push(&group_of(pl, c)->loads, w->load[c], c);
}

static void
end(struct placing *pl)
{
	for (uint32_t g = 0; g < pl->ngroups; g++) {
		clb_heap_release(&pl->group[g].loads);
		clb_heap_release(&pl->group[g].level);
		clb_heap_release(&pl->group[g].aside);
	}
	clb_heap_release(&pl->parked);
	free(pl->group);
	free(pl->counts.key);
	free(pl->counts.count);
}

/*
 * How many of the heaviest to put off until the others are placed: where room
 * is short, as few targets as possible are to be left without a collector.
 */
static size_t
put_off(const struct clb_work *w, const struct clb_keyed *v, size_t n)
{
	uint64_t room = 0, rest = 0;
	size_t k = 0;

	for (uint32_t c = 0; c < w->s->nseats; c++)
		if (clb_work_ready(w, c) && !clb_work_full(w, c) &&
		    __builtin_add_overflow(room, w->s->seat[c].max_weight - w->load[c], &room))
			return 0;
	for (size_t i = 0; i < n; i++)
		rest += ~v[i].key;
	for (; k < n && rest > room; k++)
		rest -= ~v[k].key;
	return k;
}

void
clb_work_place(struct clb_work *w)
{
	struct clb_schedule *s = w->s;
	struct placing pl = { .w = w, .lightest = UINT64_MAX,
	    .room = UINT64_MAX };
	struct clb_keyed *v;
	size_t n = 0, late;

	for (size_t i = 0; i < s->ntargets * s->replication; i++)
		n += s->where[i] == CLB_NOWHERE;
	if (n == 0)
		return;
	v = clb_xreallocarray(NULL, n, 2 * sizeof(*v));
	n = 0;
	for (size_t i = 0; i < s->ntargets * s->replication; i++)
		if (s->where[i] == CLB_NOWHERE) {
			uint64_t weight = clb_work_placement(w, i)->weight;

			/* Turned over: the heaviest come first, equal ones in their order. */
			v[n++] = (struct clb_keyed){ ~weight, i };
			if (weight < pl.lightest)
				pl.lightest = weight;
		}
	clb_sort_keyed(v, v + n, n);
	late = w->limited ? put_off(w, v, n) : 0;
	begin(&pl);
	for (size_t i = late; i < n; i++)
		place(&pl, v[i].value);
	for (size_t i = 0; i < late; i++)
		place(&pl, v[i].value);
	end(&pl);
	free(v);
}
