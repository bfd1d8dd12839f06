#include <stdlib.h>

#include "lib/schedule_part.h"
#include "lib/sort.h"

/* ---- strategies by name ---- */

static const char *const strategy_name[] = {
	[CLB_LEAST_WEIGHTED] = "least-weighted",
	[CLB_CONSISTENT_HASHING] = "consistent-hashing",
	[CLB_PER_NODE] = "per-node",
	[CLB_HASHMOD] = "hashmod",
	[CLB_VMAGENT] = "vmagent",
};

enum clb_strategy
clb_strategy_parse(const char *name)
{
	enum clb_strategy s = CLB_LEAST_WEIGHTED;

	while (s < CLB_NO_STRATEGY && strcmp(name, strategy_name[s]) != 0)
		s++;
	return s;
}

const char *
clb_strategy_name(enum clb_strategy strategy)
{
	return strategy_name[strategy];
}

int
clb_strategy_hashes(enum clb_strategy strategy)
{
	return strategy == CLB_CONSISTENT_HASHING || strategy == CLB_HASHMOD ||
	    strategy == CLB_VMAGENT;
}

/* ---- what a collector may have ---- */

int
clb_work_has_room(const struct clb_work *w, size_t copy, uint32_t c)
{
	return !w->limited || (!clb_work_full(w, c) && clb_work_placement(w, copy)->weight <=
	    w->s->seat[c].max_weight - w->load[c]);
}

int
clb_work_zone_fits(const struct clb_work *w, size_t copy, uint32_t zone)
{
	const struct clb_schedule *s = w->s;
	size_t first = clb_work_target(w, copy) * s->replication;
	uint32_t here = 0;

	for (size_t i = first; i < first + s->replication && zone != CLB_NOWHERE; i++)
		here += i != copy && s->where[i] != CLB_NOWHERE &&
		    s->seat[s->where[i]].zone == zone;
	return here < w->per_zone;
}

/* 1 if c keeps the copy apart from the target's others: by collector, and by zone. */
static int
is_apart(const struct clb_work *w, size_t copy, uint32_t c)
{
	size_t R = w->s->replication, first = clb_work_target(w, copy) * R;

	if (R == 1)
		return 1;
	for (size_t i = first; i < first + R; i++)
		if (i != copy && w->s->where[i] == c)
			return 0;
	return clb_work_zone_fits(w, copy, w->s->seat[c].zone);
}

int
clb_work_fits(const struct clb_work *w, size_t copy, uint32_t c)
{
	return clb_work_has_room(w, copy, c) && is_apart(w, copy, c);
}

int
clb_work_zone_open(const struct clb_work *w, uint32_t zone)
{
	uint64_t least = UINT64_MAX;

	if (w->s->zone_skew == SIZE_MAX || zone == CLB_NOWHERE)
		return 1;
	for (uint32_t z = 0; z < w->nzones; z++)
		if (w->zone[z].ready > 0 && w->zone[z].copies < least)
			least = w->zone[z].copies;
	return w->zone[zone].copies - least < w->s->zone_skew;
}

static void
carry(struct clb_work *w, size_t copy, uint32_t c, int sign)
{
	uint64_t weight = clb_work_placement(w, copy)->weight;
	uint32_t zone = w->s->seat[c].zone;

	w->load[c] += sign > 0 ? weight : -weight;
	w->count[c] += (uint64_t)sign;
	if (zone != CLB_NOWHERE)
		w->zone[zone].copies += (uint64_t)sign;
}

void
clb_work_put(struct clb_work *w, size_t copy, uint32_t c)
{
	w->s->where[copy] = c;
	carry(w, copy, c, 1);
}

void
clb_work_take(struct clb_work *w, size_t copy)
{
	carry(w, copy, w->s->where[copy], -1);
	w->s->where[copy] = CLB_NOWHERE;
}

/* ---- begin ---- */

/*
 * The fewest copies of a target that a zone must be able to have so that there
 * is room for all, if need be one on each ready collector.
 */
static uint32_t
copies_per_zone(const struct clb_work *w)
{
	const struct clb_schedule *s = w->s;
	uint32_t loners = 0, copies = s->replication;

	for (uint32_t c = 0; c < s->nseats; c++)
		loners += clb_work_ready(w, c) && s->seat[c].zone == CLB_NOWHERE;
	if (copies > w->nready)
		copies = w->nready;
	for (uint32_t k = 1; k < copies; k++) {
		uint64_t room = loners;

		for (uint32_t z = 0; z < w->nzones; z++)
			room += w->zone[z].ready < k ? w->zone[z].ready : k;
		if (room >= copies)
			return k;
	}
	return copies;
}

static void
count_collectors(struct clb_work *w)
{
	const struct clb_schedule *s = w->s;

	for (uint32_t c = 0; c < s->nseats; c++)
		if (s->seat[c].zone != CLB_NOWHERE && s->seat[c].zone >= w->nzones)
			w->nzones = s->seat[c].zone + 1;
	w->zone = clb_xcalloc(w->nzones, sizeof(*w->zone));
	for (uint32_t c = 0; c < s->nseats; c++) {
		if (!clb_work_ready(w, c))
			continue;
		w->nready++;
		w->limited |= s->seat[c].max_weight != UINT64_MAX ||
		    s->seat[c].max_targets != UINT64_MAX;
		if (s->seat[c].zone != CLB_NOWHERE)
			w->zone[s->seat[c].zone].ready++;
	}
	w->per_zone = copies_per_zone(w);
	w->zoned = w->nzones > 0 && (w->per_zone < s->replication || s->zone_skew != SIZE_MAX);
}

static int
check(const struct clb_work *w, struct clb_err *e)
{
	const struct clb_schedule *s = w->s;
	uint64_t total = 0, weight;

	if (w->nready == 0 && s->ntargets > 0)
		return clb_err_set(e, EX_TEMPFAIL, "no collector is ready to take %zu targets",
		    s->ntargets);
	if (s->ntargets >= UINT32_MAX / s->replication)
		return clb_err_set(e, EX_DATAERR, "%zu targets are too many", s->ntargets);
	for (size_t t = 0; t < s->ntargets; t++)
		if (__builtin_mul_overflow(s->target[t].weight, s->replication, &weight) ||
		    __builtin_add_overflow(total, weight, &total))
			return clb_err_set(e, EX_DATAERR,
			    "the weights sum up to more than 18446744073709551615");
	return 0;
}

/* ---- keep what was ---- */

/* The copy to a collector, if that is ready and keeps it apart from the target's others. */
static int
stays(struct clb_work *w, size_t copy, uint32_t c)
{
	if (!clb_work_ready(w, c) || !is_apart(w, copy, c))
		return 0;
	clb_work_put(w, copy, c);
	return 1;
}

/*
 * Every copy stays with its collector. One whose place has gone to another, by
 * node, stays in a place that is free. Limits are for shed.
 */
static void
keep(struct clb_work *w, size_t n)
{
	struct clb_schedule *s = w->s;
	size_t R = s->replication;

	for (size_t i = 0; i < n; i++)
		if (s->where[i] == CLB_NOWHERE && !stays(w, i, w->was[i]))
			s->why[i] = CLB_LIMITED;
	for (size_t i = 0; i < n && R > 1 && w->fixed != NULL; i++)
		for (size_t k = i / R * R; k < (i / R + 1) * R && s->where[i] == CLB_NOWHERE; k++)
			(void)stays(w, i, w->was[k]);
}

static void
evict(struct clb_work *w, size_t copy)
{
	clb_work_take(w, copy);
	w->s->why[copy] = CLB_LIMITED;
}

static int
is_over(const struct clb_work *w, uint32_t c)
{
	const struct clb_seat *seat = &w->s->seat[c];

	return w->load[c] > seat->max_weight || w->count[c] > seat->max_targets;
}

/* Take away what is above the limits: the heaviest for weight, the lightest for number. */
static void
shed(struct clb_work *w, size_t n)
{
	struct clb_schedule *s = w->s;
	struct clb_keyed *v = clb_xreallocarray(NULL, n, 2 * sizeof(*v));
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (s->where[i] != CLB_NOWHERE && (w->fixed == NULL || !w->fixed[i]) &&
		    is_over(w, s->where[i]))
			v[k++] = (struct clb_keyed){ clb_work_placement(w, i)->weight, i };
	clb_sort_keyed(v, v + n, k);
	for (size_t i = k; i-- > 0; ) {
		uint32_t c = s->where[v[i].value];

		if (w->load[c] > s->seat[c].max_weight)
			evict(w, v[i].value);
	}
	for (size_t i = 0; i < k; i++) {
		uint32_t c = s->where[v[i].value];

		if (c != CLB_NOWHERE && w->count[c] > s->seat[c].max_targets)
			evict(w, v[i].value);
	}
	free(v);
}

static void
least_weighted(struct clb_work *w, size_t n)
{
	size_t left = n, before;

	keep(w, n);
	if (w->limited)
		shed(w, n);
	w->origin = clb_xreallocarray(NULL, n, sizeof(*w->origin));
	memcpy(w->origin, w->s->where, n * sizeof(*w->origin));
	/* What balance moves can make room for what had none. */
	do {
		before = left;
		clb_work_place(w);
		clb_work_balance(w);
		left = 0;
		for (size_t i = 0; w->limited && i < n; i++)
			left += w->s->where[i] == CLB_NOWHERE;
	} while (left > 0 && left < before);
}

/* ---- end ---- */

static void
swap(uint32_t *a, uint32_t *b)
{
	uint32_t c = *a;

	*a = *b;
	*b = c;
}

/* A collector that had a copy of the target and has one again did not move it. */
static void
align(struct clb_work *w, size_t t)
{
	uint32_t R = w->s->replication, *where = w->s->where + t * R;
	const uint32_t *was = w->was + t * R;

	for (uint32_t i = 0; i < R; i++)
		for (uint32_t k = 0; k < R; k++)
			if (where[i] != was[i] && where[k] != was[k] && where[k] == was[i])
				swap(&where[i], &where[k]);
}

static enum clb_why
why_nowhere(const struct clb_work *w, size_t copy)
{
	const struct clb_schedule *s = w->s;
	size_t first = clb_work_target(w, copy) * s->replication;
	uint32_t have = 0;
	int refused = s->strategy != CLB_PER_NODE || s->fallback != CLB_NO_STRATEGY;

	for (size_t i = first; i < first + s->replication; i++) {
		have += s->where[i] != CLB_NOWHERE;
		refused |= s->why[i] == CLB_NO_CAPACITY;
	}
	return have == w->nready ? CLB_NO_COLLECTOR :
	    refused ? CLB_NO_CAPACITY : CLB_NO_NODE;
}

static enum clb_why
why(const struct clb_work *w, size_t copy)
{
	uint32_t is = w->s->where[copy], was = w->was[copy];

	if (is == CLB_NOWHERE)
		return why_nowhere(w, copy);
	if (is == was)
		return CLB_STAYS;
	if (was == CLB_NOWHERE)
		return CLB_PLACED;
	if (!clb_work_ready(w, was))
		return CLB_DEPARTED;
	return w->s->why[copy] == CLB_LIMITED ? CLB_LIMITED : CLB_MOVED;
}

static int
has_moved(enum clb_why why)
{
	return why == CLB_DEPARTED || why == CLB_LIMITED || why == CLB_MOVED;
}

static void
tell_why(struct clb_work *w, size_t n)
{
	struct clb_schedule *s = w->s;

	if (s->replication > 1)
		for (size_t t = 0; t < s->ntargets; t++)
			align(w, t);
	for (size_t i = 0; i < n; i++) {
		s->count[s->why[i] = (unsigned char)why(w, i)]++;
		if (s->moved != NULL && has_moved((enum clb_why)s->why[i]))
			s->moved[i] = s->turn;
	}
}

/* ---- the whole ---- */

static void
decide(struct clb_work *w, size_t n)
{
	struct clb_schedule *s = w->s;

	memcpy(w->was, s->where, n * sizeof(*w->was));
	memset(s->where, 0xff, n * sizeof(*s->where));
	memset(s->why, CLB_STAYS, n);
	if (s->strategy == CLB_LEAST_WEIGHTED) {
		least_weighted(w, n);
		return;
	}
	clb_work_prefer(w, s->strategy);
	if (s->strategy != CLB_PER_NODE || s->fallback == CLB_NO_STRATEGY)
		return;
	if (s->fallback != CLB_LEAST_WEIGHTED) {
		clb_work_prefer(w, s->fallback);
		return;
	}
	w->fixed = clb_xmalloc(n);
	for (size_t i = 0; i < n; i++)
		w->fixed[i] = s->where[i] != CLB_NOWHERE;
	least_weighted(w, n);
}

int
clb_schedule_run(struct clb_schedule *s, struct clb_err *e)
{
	size_t n = s->ntargets * s->replication;
	struct clb_work w = { .s = s };
	int rc;

	memset(s->count, 0, sizeof(s->count));
	count_collectors(&w);
	if ((rc = check(&w, e)) == 0 && n > 0) {
		w.load = clb_xcalloc(s->nseats, sizeof(*w.load));
		w.count = clb_xcalloc(s->nseats, sizeof(*w.count));
		w.was = clb_xreallocarray(NULL, n, sizeof(*w.was));
		decide(&w, n);
		tell_why(&w, n);
	}
	free(w.was);
	free(w.origin);
	free(w.load);
	free(w.count);
	free(w.zone);
	free(w.fixed);
	return rc;
}

size_t
clb_schedule_assigned(const struct clb_schedule *s)
{
	size_t n = 0;

	for (enum clb_why why = CLB_STAYS; why < CLB_NO_COLLECTOR; why++)
		n += s->count[why];
	return n;
}

size_t
clb_schedule_unassigned(const struct clb_schedule *s)
{
	return s->ntargets * s->replication - clb_schedule_assigned(s);
}

/* ---- how even it is ---- */

/*
 * No maximum is below the mean, the heaviest copy, or the two that must share a
 * collector when the heaviest are one more than there are collectors.
 */
static uint64_t
least_maximum(struct clb_keyed *v, size_t n, uint64_t total, uint32_t nready)
{
	uint64_t most = total / nready + (total % nready != 0);

	clb_sort_keyed(v, v + n, n);
	if (n > 0 && v[n - 1].key > most)
		most = v[n - 1].key;
	if (n > nready && v[n - nready].key + v[n - nready - 1].key > most)
		most = v[n - nready].key + v[n - nready - 1].key;
	return most;
}

struct clb_balance
clb_schedule_balance(const struct clb_schedule *s, const uint32_t *where)
{
	size_t n = s->ntargets * s->replication, k = 0;
	struct clb_keyed *v = clb_xreallocarray(NULL, n, 2 * sizeof(*v));
	uint64_t *load = clb_xcalloc(s->nseats, sizeof(*load)), total = 0, most = 0;
	struct clb_balance b = { 1, 1 };
	uint32_t nready = 0;

	for (size_t i = 0; i < n; i++)
		if (where[i] < s->nseats && s->seat[where[i]].state == CLB_READY) {
			uint64_t weight = s->target[i / s->replication].weight;

			v[k++] = (struct clb_keyed){ weight, i };
			total += weight;
			if ((load[where[i]] += weight) > most)
				most = load[where[i]];
		}
	for (uint32_t c = 0; c < s->nseats; c++)
		nready += s->seat[c].state == CLB_READY;
	if (total > 0) {
		double mean = (double)total / nready;

		b.imbalance = (double)most / mean;
		b.floor = (double)least_maximum(v, k, total, nready) / mean;
	}
	free(v);
	free(load);
	return b;
}
