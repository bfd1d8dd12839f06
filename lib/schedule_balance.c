/* Moving copies from the most to the least loaded, as few as it takes. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "lib/schedule_heap.h"
#include "lib/schedule_part.h"
#include "lib/sort.h"

/* Copies that are looked at, of one collector for another, before they count as blocked. */
#define LOOK 1024

/* Collectors that are asked to make room for a copy, before it stays where it is. */
#define TRIES 3

/* A copy in its collector's stock, which is sorted by weight. */
struct stock {
	uint64_t weight;
	uint32_t rank;	/* among equal weights: see set_ranks */
	uint32_t copy;
};

struct balance {
	struct clb_work *w;
	double mean;		/* what a collector should have */
	uint64_t lo, hi;	/* and what is near enough */
	struct stock *stock;	/* by collector, weight and rank */
	size_t nstock;
	size_t *first;		/* of each collector; the next one's is the end */
	/* The next entry at or below, at or above, that has not moved. */
	size_t *down, *up;
	uint64_t *got;		/* the heaviest that a collector has got in this pass */
	/* The least loaded: all, or those of each zone and those without. */
	struct clb_heap *least, most, aside;
	uint32_t ngroups;
	int apart;	/* a target's copies leave no zone for another's: they never cross */
};

/* ---- what is even enough ---- */

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

static int
falling(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x > y ? -1 : x < y;
}

/*
 * What is left for the others when the collectors that cannot have so much, by
 * their limits, are left out with what they can have.
 */
static void
leave_out_limited(const struct clb_work *w, uint64_t *rest, uint64_t *n)
{
	uint64_t *limit = clb_xreallocarray(NULL, w->s->nseats, sizeof(*limit));
	size_t k = 0;

	for (uint32_t c = 0; c < w->s->nseats; c++)
		if (clb_work_ready(w, c) && w->s->seat[c].max_weight != UINT64_MAX)
			limit[k++] = w->s->seat[c].max_weight;
	qsort(limit, k, sizeof(*limit), falling);
	while (k-- > 0 && *n > 1 && limit[k] < *rest / *n) {
		*rest -= limit[k];
		--*n;
	}
	free(limit);
}

/*
 * What is left when those that must have more than the others are left out: a
 * copy heavier than the mean of the rest fills a collector by itself, and so
 * does what is fixed.
 */
static void
leave_out_heavy(const struct balance *b, uint64_t *rest, uint64_t *n)
{
	const struct clb_work *w = b->w;
	size_t ncopies = w->s->ntargets * w->s->replication, k = 0;
	uint64_t *heavy = clb_xreallocarray(NULL, ncopies + w->s->nseats, sizeof(*heavy));
	uint64_t *fixed = clb_xcalloc(w->s->nseats, sizeof(*fixed));

	for (size_t i = 0; i < ncopies; i++) {
		uint64_t weight = clb_work_placement(w, i)->weight;

		if (w->s->where[i] == CLB_NOWHERE)
			continue;
		if (w->fixed != NULL && w->fixed[i])
			fixed[w->s->where[i]] += weight;
		else if (weight > *rest / *n)
			heavy[k++] = weight;
	}
	for (uint32_t c = 0; c < w->s->nseats; c++)
		if (fixed[c] > *rest / *n)
			heavy[k++] = fixed[c];
	if (k > 1)
		qsort(heavy, k, sizeof(*heavy), falling);
	for (size_t i = 0; i < k && *n > 1 && heavy[i] > *rest / *n + (*rest % *n != 0); i++) {
		*rest -= heavy[i];
		--*n;
	}
	free(heavy);
	free(fixed);
}

/* Loads are whole numbers, and so are the bounds, with the two around the mean inside. */
static void
set_bounds(struct balance *b)
{
	const struct clb_work *w = b->w;
	double tolerance = w->s->tolerance;
	uint64_t rest = 0, n = w->nready;

	for (uint32_t c = 0; c < w->s->nseats; c++)
		rest += w->load[c];
	if (w->limited)
		leave_out_limited(w, &rest, &n);
	leave_out_heavy(b, &rest, &n);
	b->mean = (double)rest / (double)n;
	b->lo = rest / n;
	b->hi = rest / n + (rest % n != 0);
	if (ceil(b->mean * (1 - tolerance)) < (double)b->lo)
		b->lo = tolerance < 1 ? (uint64_t)ceil(b->mean * (1 - tolerance)) : 0;
	if (floor(b->mean * (1 + tolerance)) > (double)b->hi)
		b->hi = b->mean * (1 + tolerance) < 0x1p64 ?
		    (uint64_t)floor(b->mean * (1 + tolerance)) : UINT64_MAX;
}

/* By how many copies the zone with the most is above the one with the least. */
static uint64_t
skew(const struct clb_work *w, uint32_t *most, uint32_t *least)
{
	*most = *least = CLB_NOWHERE;
	for (uint32_t z = 0; z < w->nzones; z++) {
		if (w->zone[z].ready == 0)
			continue;
		if (*most == CLB_NOWHERE || w->zone[z].copies > w->zone[*most].copies)
			*most = z;
		if (*least == CLB_NOWHERE || w->zone[z].copies < w->zone[*least].copies)
			*least = z;
	}
	return *most == CLB_NOWHERE ? 0 : w->zone[*most].copies - w->zone[*least].copies;
}

/* The least that c should have, which is less where it cannot have the mean. */
static uint64_t
lo_of(const struct balance *b, uint32_t c)
{
	double most = (double)b->w->s->seat[c].max_weight;
	double tolerance = b->w->s->tolerance;

	if (most >= b->mean)
		return b->lo;
	return tolerance < 1 ? (uint64_t)ceil(most * (1 - tolerance)) : 0;
}

static int
is_balanced(const struct balance *b)
{
	uint32_t most, least;

	for (uint32_t c = 0; c < b->w->s->nseats; c++)
		if (clb_work_ready(b->w, c) &&
		    (b->w->load[c] < lo_of(b, c) || b->w->load[c] > b->hi))
			return 0;
	return b->w->s->zone_skew == SIZE_MAX || skew(b->w, &most, &least) <= b->w->s->zone_skew;
}

/* ---- the stock ---- */

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
	return x ^ x >> 32;
}

static int
by_rank(const void *a, const void *b)
{
	const struct stock *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->copy < y->copy ? -1 : x->copy > y->copy;
}

/* How many turns ago the copy has moved; 255 is as good as never. */
static uint32_t
turns_since(const struct clb_work *w, size_t copy)
{
	uint32_t n = w->s->moved != NULL ? w->s->turn - w->s->moved[copy] : UCHAR_MAX;

	return n < UCHAR_MAX ? n : UCHAR_MAX;
}

/*
 * Among n copies of one collector and weight the jobs are interleaved, so that
 * however many leave, each job gives its share: the k-th of a job's m gets the
 * rank (k + u) / m. u is the job's own, or jobs with one target each would be
 * asked in the order of their names everywhere. But what has not moved for long
 * comes last, and so is the first to be given: a target that a collector lost does
 * not move again when that one is back.
 *
 * Where targets have several copies chance does it: two collectors with the same
 * targets are to give different ones to a third, which can have only one. These
 * are not alike, and what has moved must not count, or a run on this one's result
 * could find another way.
 */
static void
interleave(const struct clb_work *w, struct stock *v, size_t n)
{
	for (size_t i = 0; i < n && w->s->replication > 1; i++)
		v[i].rank = (uint32_t)mix(clb_work_placement(w, v[i].copy)->id ^
		    mix(w->s->where[v[i].copy]));
	for (size_t i = 0, m; i < n && w->s->replication == 1; i += m) {
		const struct clb_placement *p = clb_work_placement(w, v[i].copy);
		uint64_t u = mix(p->id ^ mix(w->s->where[v[i].copy])) & 0xffffff;

		for (m = 1; i + m < n && clb_work_placement(w, v[i + m].copy)->job == p->job; m++)
			;
		for (size_t k = 0; k < m; k++)
			v[i + k].rank = turns_since(w, v[i + k].copy) << 24 |
			    (uint32_t)((((uint64_t)k << 24) + u) / m);
	}
	qsort(v, n, sizeof(*v), by_rank);
}

/* The copies that may be moved, by collector and weight; then by rank. */
static void
sort_stock(struct balance *b)
{
	const struct clb_work *w = b->w;
	const uint32_t *where = w->s->where;
	size_t ncopies = w->s->ntargets * w->s->replication, n = 0, *at;
	struct clb_keyed *v = clb_xreallocarray(NULL, ncopies, 2 * sizeof(*v));

	for (size_t i = 0; i < ncopies; i++)
		if (where[i] != CLB_NOWHERE && (w->fixed == NULL || !w->fixed[i]))
			v[n++] = (struct clb_keyed){ clb_work_placement(w, i)->weight, i };
	clb_sort_keyed(v, v + ncopies, n);
	b->nstock = n;
	/* One place on, so that first is right when each has been counted up. */
	memset(b->first, 0, ((size_t)w->s->nseats + 2) * sizeof(*b->first));
	at = b->first + 1;
	for (size_t i = 0; i < n; i++)
		at[where[v[i].value] + 1]++;
	for (uint32_t c = 0; c < w->s->nseats; c++)
		at[c + 1] += at[c];
	for (size_t i = 0; i < n; i++)
		b->stock[at[where[v[i].value]]++] =
		    (struct stock){ v[i].key, 0, (uint32_t)v[i].value };
	free(v);
}

static void
set_stock(struct balance *b)
{
	const uint32_t *where = b->w->s->where;
	size_t n;

	sort_stock(b);
	for (size_t i = 0; i < b->nstock; i += n) {
		for (n = 1; i + n < b->nstock && b->stock[i + n].weight == b->stock[i].weight &&
		    where[b->stock[i + n].copy] == where[b->stock[i].copy]; n++)
			;
		if (n > 1)
			interleave(b->w, b->stock + i, n);
	}
	for (size_t i = 0; i <= b->nstock; i++)
		b->down[i] = b->up[i] = i;
	memset(b->got, 0, b->w->s->nseats * sizeof(*b->got));
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
heaviest(struct balance *b, uint32_t c)
{
	size_t i = follow(b->down, b->first[c + 1]);

	return i > b->first[c] ? i - 1 : SIZE_MAX;
}

/* ---- what to move ---- */

/* One collector's search for what it may give to another. */
struct search {
	struct balance *b;
	uint32_t from, to;
	size_t looked;	/* at copies that must not go there: others may have them */
};

static int
may_go(struct search *s, size_t i)
{
	if ((!s->b->w->limited && s->b->w->s->replication == 1) ||
	    clb_work_fits(s->b->w, s->b->stock[i].copy, s->to))
		return 1;
	s->looked++;
	return 0;
}

/* The heaviest up to weight that may go, or SIZE_MAX. */
static size_t
heaviest_up_to(struct search *s, uint64_t weight)
{
	struct balance *b = s->b;
	size_t i = follow(b->down, above(b, s->from, weight)), looked = s->looked;

	for (; i > b->first[s->from]; i = follow(b->down, i - 1)) {
		if (may_go(s, i - 1))
			return i - 1;
		if (s->looked - looked >= LOOK)
			break;
	}
	return SIZE_MAX;
}

static size_t
lightest_above(struct search *s, uint64_t weight)
{
	struct balance *b = s->b;
	size_t i = follow(b->up, above(b, s->from, weight)), looked = s->looked;

	for (; i < b->first[s->from + 1]; i = follow(b->up, i + 1)) {
		if (may_go(s, i))
			return i;
		if (s->looked - looked >= LOOK)
			break;
	}
	return SIZE_MAX;
}

/* What collector c may have: more than others only if one copy is more. */
static uint64_t
limit(struct balance *b, uint32_t c)
{
	size_t i = heaviest(b, c);
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

/*
 * What "from" should give to "to", or SIZE_MAX. Best is one copy that brings
 * both within the bounds, and of those the one that makes them most equal; else
 * the most that keeps them from crossing; else the least that improves them.
 */
static size_t
choose(struct search *s)
{
	struct balance *b = s->b;
	uint64_t lf = b->w->load[s->from], lt = b->w->load[s->to], gap = minus(lf, lt);
	uint64_t need, most, room = minus(b->w->s->seat[s->to].max_weight, lt);
	size_t i;

	if (gap < 2)
		return SIZE_MAX;
	need = minus(lf, limit(b, s->from));
	if (need < minus(lo_of(b, s->to), lt))
		need = minus(lo_of(b, s->to), lt);
	most = less(gap - 1, less(minus(lf, b->lo), minus(b->hi, lt)));
	/* With less room than that, others may have more to take. */
	s->looked += room < gap - 1;
	most = less(most, room);
	i = heaviest_up_to(s, less(most, gap / 2));
	if (i != SIZE_MAX && b->stock[i].weight >= need)
		return i;
	if ((i = heaviest_up_to(s, most)) != SIZE_MAX)
		return i;
	i = room > most ? lightest_above(s, most) : SIZE_MAX;
	return i != SIZE_MAX && b->stock[i].weight < gap ? i : SIZE_MAX;
}

static uint32_t
group_of(const struct balance *b, uint32_t c)
{
	return b->ngroups > 1 && b->w->s->seat[c].zone != CLB_NOWHERE ?
	    b->w->s->seat[c].zone + 1 : 0;
}

static void
move(struct balance *b, size_t i, uint32_t to)
{
	size_t copy = b->stock[i].copy;
	uint32_t origin = b->w->origin[copy], from = b->w->s->where[copy];

	clb_work_take(b->w, copy);
	clb_work_put(b->w, copy, to);
	if (origin != CLB_NOWHERE) {
		b->w->moved += from == origin;
		b->w->moved -= to == origin;
	}
	if (b->got[to] < b->stock[i].weight)
		b->got[to] = b->stock[i].weight;
	b->down[i + 1] = i;
	b->up[i] = i + 1;
	clb_heap_push(&b->most, ~b->w->load[from], from);
	clb_heap_push(&b->most, ~b->w->load[to], to);
	clb_heap_push(&b->least[group_of(b, from)], b->w->load[from], from);
	clb_heap_push(&b->least[group_of(b, to)], b->w->load[to], to);
}

/* ---- a pass ---- */

/*
 * The top of h whose load is still what it was when it was pushed. Keys of the
 * most loaded are turned over, to come out first.
 */
static int
top(struct clb_heap *h, const uint64_t *load, uint64_t turn, uint32_t *c)
{
	while (h->n > 0 && (h->v[0].key ^ turn) != load[h->v[0].collector])
		(void)clb_heap_pop(h);
	if (h->n > 0)
		*c = h->v[0].collector;
	return h->n > 0;
}

/* The group with the least loaded collector, of those that are not closed, or NULL. */
static struct clb_heap *
least_group(struct balance *b, const unsigned char *closed, uint32_t *to)
{
	struct clb_heap *best = NULL;
	uint32_t c;

	for (uint32_t g = 0; g < b->ngroups; g++)
		if (!closed[g] && top(&b->least[g], b->w->load, 0, &c) &&
		    (best == NULL || clb_heap_before(&b->least[g].v[0], &best->v[0]))) {
			best = &b->least[g];
			*to = c;
		}
	return best;
}

/* The skew if a copy went from one zone to the other, of which one may be none. */
static uint64_t
skew_after(struct clb_work *w, uint32_t from, uint32_t to)
{
	uint32_t most, least;
	uint64_t then;

	if (from != CLB_NOWHERE)
		w->zone[from].copies--;
	if (to != CLB_NOWHERE)
		w->zone[to].copies++;
	then = skew(w, &most, &least);
	if (from != CLB_NOWHERE)
		w->zone[from].copies++;
	if (to != CLB_NOWHERE)
		w->zone[to].copies--;
	return then;
}

/* 1 if a copy may go from one collector's zone to the other's. */
static int
may_cross(const struct balance *b, uint32_t from, uint32_t to)
{
	struct clb_work *w = b->w;
	uint32_t zf = w->s->seat[from].zone, zt = w->s->seat[to].zone, most, least;
	uint64_t then;

	if (b->ngroups == 1 || zf == zt)
		return 1;
	if (b->apart || w->s->zone_skew == SIZE_MAX)
		return !b->apart;
	then = skew_after(w, zf, zt);
	return then <= w->s->zone_skew || then < skew(w, &most, &least);
}

/*
 * What the most loaded is to give, and to whom: SIZE_MAX if it has nothing to
 * give. The least loaded is asked first; the others, only where a copy that
 * would have gone must not go there.
 */
static size_t
find(struct balance *b, unsigned char *closed, uint32_t from, uint32_t *to)
{
	const struct clb_work *w = b->w;
	struct clb_heap *group;
	int within = w->load[from] <= limit(b, from);

	memset(closed, 0, b->ngroups);
	while ((group = least_group(b, closed, to)) != NULL) {
		struct search s = { b, from, *to, 0 };
		size_t i = SIZE_MAX;

		if (within && w->load[*to] >= b->lo)
			return SIZE_MAX;
		if (w->limited && clb_work_full(w, *to)) {
			(void)clb_heap_pop(group);
			continue;
		}
		if (!may_cross(b, from, *to)) {
			closed[group - b->least] = 1;
			continue;
		}
		if (!(within && w->load[*to] >= lo_of(b, *to)) &&
		    ((i = choose(&s)) != SIZE_MAX || s.looked == 0))
			return i;
		clb_heap_push(&b->aside, 0, *to);
		(void)clb_heap_pop(group);
	}
	return SIZE_MAX;
}

/* The most loaded collector of the zone that is not spent, or CLB_NOWHERE. */
static uint32_t
most_loaded(const struct clb_work *w, uint32_t zone, const unsigned char *spent)
{
	uint32_t best = CLB_NOWHERE;

	for (uint32_t c = 0; c < w->s->nseats; c++)
		if (clb_work_ready(w, c) && w->s->seat[c].zone == zone && !spent[c] &&
		    (best == CLB_NOWHERE || w->load[c] > w->load[best]))
			best = c;
	return best;
}

/* The least loaded one that is not full, or CLB_NOWHERE. */
static uint32_t
least_loaded(const struct clb_work *w, uint32_t zone)
{
	uint32_t best = CLB_NOWHERE;

	for (uint32_t c = 0; c < w->s->nseats; c++)
		if (clb_work_ready(w, c) && w->s->seat[c].zone == zone &&
		    (!w->limited || !clb_work_full(w, c)) &&
		    (best == CLB_NOWHERE || w->load[c] < w->load[best]))
			best = c;
	return best;
}

/* Copies from the zone that has the most to the one that has the least. */
static size_t
even_zones(struct balance *b)
{
	const struct clb_schedule *s = b->w->s;
	unsigned char *spent = clb_xcalloc(s->nseats, 1);
	uint32_t most, least;
	size_t moves = 0;

	while (s->zone_skew != SIZE_MAX && skew(b->w, &most, &least) > s->zone_skew &&
	    b->w->moved < s->max_moves) {
		struct search look = { b, most_loaded(b->w, most, spent),
		    least_loaded(b->w, least), 0 };
		uint64_t half;
		size_t i;

		if (look.from == CLB_NOWHERE || look.to == CLB_NOWHERE)
			break;
		half = minus(b->w->load[look.from], b->w->load[look.to]) / 2;
		if ((i = heaviest_up_to(&look, half)) == SIZE_MAX &&
		    (i = lightest_above(&look, half)) == SIZE_MAX) {
			spent[look.from] = 1;
			continue;
		}
		move(b, i, look.to);
		moves++;
	}
	free(spent);
	return moves;
}

static void
fill_heaps(struct balance *b)
{
	const struct clb_work *w = b->w;

	b->most.n = 0;
	for (uint32_t g = 0; g < b->ngroups; g++)
		b->least[g].n = 0;
	for (uint32_t c = 0; c < w->s->nseats; c++)
		if (clb_work_ready(w, c)) {
			clb_heap_push(&b->most, ~w->load[c], c);
			clb_heap_push(&b->least[group_of(b, c)], w->load[c], c);
		}
}

/*
 * One pass; a copy moves at most once in it. Returns how many did. The least
 * load never falls, so that a collector with nothing to give has nothing later.
 */
static size_t
pass(struct balance *b)
{
	const uint64_t *load = b->w->load;
	unsigned char *closed = clb_xcalloc(b->ngroups, 1);
	uint32_t from, to = CLB_NOWHERE;
	size_t moves, i;

	fill_heaps(b);
	moves = even_zones(b);
	while (b->w->moved < b->w->s->max_moves && top(&b->most, load, UINT64_MAX, &from)) {
		if ((i = find(b, closed, from, &to)) != SIZE_MAX) {
			move(b, i, to);
			moves++;
		} else {
			(void)clb_heap_pop(&b->most);
		}
		for (; b->aside.n > 0; b->aside.n--) {
			uint32_t c = b->aside.v[b->aside.n - 1].collector;

			clb_heap_push(&b->least[group_of(b, c)], load[c], c);
		}
	}
	free(closed);
	return moves;
}

/* Passes until nothing moves; the stock is then what it is. */
static void
settle(struct balance *b)
{
	do
		set_stock(b);
	while (pass(b) > 0);
}

/* ---- when no single move helps ---- */

/* How much is above what collectors may have, and who has most of it. */
static uint64_t
excess(struct balance *b, uint32_t *worst)
{
	const struct clb_work *w = b->w;
	uint64_t sum = 0, most = 0;

	for (uint32_t c = 0; c < w->s->nseats; c++) {
		uint64_t over = clb_work_ready(w, c) ? minus(w->load[c], limit(b, c)) : 0;

		sum += over;
		if (over > most) {
			most = over;
			*worst = c;
		}
	}
	return sum;
}

/*
 * What the collector can do without: the lightest copy that brings it within
 * its limit and that another can have, or else the heaviest of those.
 */
static size_t
too_much(struct balance *b, uint32_t from)
{
	size_t i = above(b, from, minus(b->w->load[from], limit(b, from)) - 1);
	size_t end = above(b, from, b->hi);

	if (i < end)
		return i;
	return end > b->first[from] ? end - 1 : SIZE_MAX;
}

static int
by_load(const void *a, const void *b, void *arg)
{
	const uint64_t *load = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (load[x] != load[y])
		return load[x] < load[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Back to where copies were, of which moved had moved then. */
static void
restore(struct balance *b, const uint32_t *where, size_t n, size_t moved)
{
	struct clb_work *w = b->w;
	uint32_t *now = clb_xreallocarray(NULL, n, sizeof(*now));

	memcpy(now, w->s->where, n * sizeof(*now));
	for (size_t i = 0; i < n; i++)
		if (now[i] != where[i])
			clb_work_take(w, i);
	for (size_t i = 0; i < n; i++)
		if (now[i] != where[i])
			clb_work_put(w, i, where[i]);
	w->moved = moved;
	free(now);
	set_stock(b);
}

/* How much the others could take of what "from" has, if it came in small pieces. */
static uint64_t
room_beside(const struct balance *b, uint32_t from)
{
	const struct clb_work *w = b->w;
	uint64_t room = 0;

	for (uint32_t c = 0; c < w->s->nseats; c++)
		if (clb_work_ready(w, c) && c != from && may_cross(b, from, c) &&
		    !clb_work_full(w, c))
			room += minus(less(b->hi, w->s->seat[c].max_weight), w->load[c]);
	return room;
}

/*
 * Give copy i away to each of the least loaded in turn, until one of them can
 * then make room for it, so that there is less excess than there was. Returns 1
 * if so; else all is as before.
 */
static int
make_room(struct balance *b, size_t i, uint64_t before, uint32_t *order, uint32_t *where)
{
	struct clb_work *w = b->w;
	size_t n = w->s->ntargets * w->s->replication, moved = w->moved, tried = 0;
	size_t copy = b->stock[i].copy;
	uint32_t from = w->s->where[copy], worst, nready = 0;

	memcpy(where, w->s->where, n * sizeof(*where));
	for (uint32_t c = 0; c < w->s->nseats; c++)
		if (clb_work_ready(w, c) && c != from)
			order[nready++] = c;
	qsort_r(order, nready, sizeof(*order), by_load, w->load);
	for (uint32_t k = 0; k < nready && tried < TRIES; k++) {
		if (!may_cross(b, from, order[k]) || !clb_work_fits(w, copy, order[k]))
			continue;
		tried++;
		/* The stock was set anew, but as it was: i is the same copy. */
		move(b, i, order[k]);
		settle(b);
		if (excess(b, &worst) < before)
			return 1;
		restore(b, where, n, moved);
	}
	return 0;
}

/*
 * Where a collector has two copies too heavy to go anywhere as things are, all
 * moves between two collectors are for the worse, though three could do it.
 * The excess falls with each step, so this ends; and where it ends, it ends
 * again the next time.
 */
static void
unstick(struct balance *b)
{
	const struct clb_schedule *s = b->w->s;
	uint32_t *order = clb_xreallocarray(NULL, s->nseats, sizeof(*order));
	uint32_t *where = clb_xreallocarray(NULL, s->ntargets * s->replication, sizeof(*where));
	uint64_t over;
	uint32_t worst = 0;
	size_t i;

	while (b->w->moved < s->max_moves && (over = excess(b, &worst)) > 0 &&
	    room_beside(b, worst) >= minus(b->w->load[worst], limit(b, worst)) &&
	    (i = too_much(b, worst)) != SIZE_MAX && make_room(b, i, over, order, where))
		;
	free(order);
	free(where);
}

/* ---- the whole ---- */

static void
release(struct balance *b)
{
	for (uint32_t g = 0; g < b->ngroups; g++)
		clb_heap_release(&b->least[g]);
	clb_heap_release(&b->most);
	clb_heap_release(&b->aside);
	free(b->least);
	free(b->stock);
	free(b->first);
	free(b->down);
	free(b->up);
	free(b->got);
}

/* 1 if every target has copies in all zones, as many as one may have. */
static int
fills_zones(const struct clb_work *w)
{
	uint64_t room = 0;

	if (w->s->replication == 1)
		return 0;
	for (uint32_t c = 0; c < w->s->nseats; c++)
		room += clb_work_ready(w, c) && w->s->seat[c].zone == CLB_NOWHERE;
	for (uint32_t z = 0; z < w->nzones; z++)
		room += less(w->zone[z].ready, w->per_zone);
	return room <= w->s->replication;
}

/* A run on this one's result moves nothing. */
void
clb_work_balance(struct clb_work *w)
{
	struct clb_schedule *s = w->s;
	size_t n = s->ntargets * s->replication;
	struct balance b = { .w = w, .ngroups = w->zoned ? w->nzones + 1 : 1 };

	set_bounds(&b);
	if (is_balanced(&b))
		return;
	b.apart = fills_zones(w);
	b.least = clb_xcalloc(b.ngroups, sizeof(*b.least));
	b.stock = clb_xreallocarray(NULL, n, sizeof(*b.stock));
	b.first = clb_xreallocarray(NULL, (size_t)s->nseats + 2, sizeof(*b.first));
	b.down = clb_xreallocarray(NULL, n + 1, sizeof(*b.down));
	b.up = clb_xreallocarray(NULL, n + 1, sizeof(*b.up));
	b.got = clb_xreallocarray(NULL, s->nseats, sizeof(*b.got));
	settle(&b);
	unstick(&b);
	release(&b);
}
