/* What holds for every strategy, with copies, zones and limits, over generated cases. */
#include "testdata/unit/schedule.h"

#define CASES 10000

/* What a case asks for, besides its set. */
struct wish {
	enum clb_strategy strategy, fallback;
	double tolerance;
	size_t max_moves, zone_skew;
	int limited;
};

static int
has_fallback(const struct wish *w)
{
	return w->strategy != CLB_PER_NODE || w->fallback != CLB_NO_STRATEGY;
}

/* 1 if a collector's place comes from the balance alone. */
static int
is_least_weighted(const struct wish *w)
{
	return w->strategy == CLB_LEAST_WEIGHTED;
}

static int
is_ready(const struct set *c, uint32_t k)
{
	return k < c->nseats && c->seat[k].state == CLB_READY;
}

static uint32_t
count_ready(const struct set *c)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < c->nseats; k++)
		n += is_ready(c, k);
	return n;
}

static struct clb_schedule
run(struct set *c, const struct wish *w)
{
	struct clb_schedule s = schedule_of(c);
	struct clb_err e = CLB_ERR_INIT;

	s.strategy = w->strategy;
	s.fallback = w->fallback;
	s.tolerance = w->tolerance;
	s.max_moves = w->max_moves;
	s.zone_skew = w->zone_skew;
	CHECK(clb_schedule_run(&s, &e) == 0, "%s", e.msg);
	return s;
}

/* ---- cases ---- */

static enum clb_strategy
any_strategy(void)
{
	return (enum clb_strategy)below(CLB_NO_STRATEGY);
}

static void
make_wish(struct wish *w)
{
	w->strategy = below(2) ? CLB_LEAST_WEIGHTED : any_strategy();
	do
		w->fallback = (enum clb_strategy)below(CLB_NO_STRATEGY + 1);
	while (w->fallback == CLB_PER_NODE);
	w->tolerance = below(2) ? 0 : fraction() / 3;
	w->max_moves = below(3) ? SIZE_MAX : below(20);
	w->zone_skew = below(3) ? SIZE_MAX : 1 + below(10);
	w->limited = below(3) == 0;
}

/* Limits that are met now and then. */
static void
set_limits(struct set *c)
{
	uint64_t total = 0, n = c->n * c->replication;

	for (size_t t = 0; t < c->n; t++)
		total += c->target[t].weight * c->replication;
	for (uint32_t k = 0; k < c->nseats; k++) {
		if (below(2))
			c->seat[k].max_weight = (total / c->nseats + 1) * (50 + below(150)) / 100;
		if (below(2))
			c->seat[k].max_targets = (n / c->nseats + 1) * (50 + below(150)) / 100;
	}
}

static void
set_places(struct set *c)
{
	uint32_t zones = (uint32_t)below(5);

	for (uint32_t k = 0; k < c->nseats; k++) {
		c->seat[k].state = below(8) ? CLB_READY : below(2) ? CLB_PENDING : CLB_DRAINING;
		if (zones > 0 && below(10) > 0)
			c->seat[k].zone = (uint32_t)below(zones);
		if (below(4) > 0)
			c->seat[k].node = (uint32_t)below(8);
	}
	c->seat[below(c->nseats)].state = CLB_READY;
	for (size_t t = 0; t < c->n; t++)
		c->target[t].node = below(4) ? (uint32_t)below(10) : CLB_NOWHERE;
}

/* Where targets were: nowhere, a run's result, or anywhere, gone collectors as well. */
static void
set_previous(struct set *c, const struct wish *w)
{
	uint32_t R = c->replication;

	switch (below(3)) {
	case 0:
		return;
	case 1:
		run(c, w);
		break;
	default:
		for (size_t i = 0; i < c->n * R; i++)
			c->where[i] = (uint32_t)below(c->nseats);
		break;
	}
	for (size_t i = 0; i < c->n * R; i++)
		if (below(10) == 0)
			c->where[i] = below(2) ? CLB_NOWHERE : c->nseats + (uint32_t)below(3);
	/* A previous assignment has a target on a collector once. */
	for (size_t i = 0; i < c->n * R; i++)
		for (size_t k = i / R * R; k < i; k++)
			if (c->where[k] == c->where[i])
				c->where[i] = CLB_NOWHERE;
}

static void
make(struct set *c, struct wish *w)
{
	make_wish(w);
	fill(c, (enum weights)below(4));
	c->n %= 200;
	c->replication = below(2) ? 1 : 2 + (uint32_t)below(2);
	set_places(c);
	if (w->limited)
		set_limits(c);
	set_previous(c, w);
}

/* ---- what must hold ---- */

/* The fewest copies a zone must have room for, by trying. */
static uint32_t
per_zone(const struct set *c)
{
	uint32_t want = c->replication, ready = count_ready(c);

	if (want > ready)
		want = ready;
	for (uint32_t k = 1;; k++) {
		uint32_t zone[MAX_COLLECTORS] = { 0 }, room = 0;

		for (uint32_t i = 0; i < c->nseats; i++)
			if (is_ready(c, i))
				room += c->seat[i].zone == CLB_NOWHERE ||
				    zone[c->seat[i].zone]++ < k;
		if (room >= want)
			return k;
	}
}

/* How many of the target's copies are on k, and how many in its zone, but for one. */
static void
others(const struct set *c, size_t copy, uint32_t k, uint32_t *here, uint32_t *near)
{
	size_t first = copy / c->replication * c->replication;

	*here = *near = 0;
	for (size_t i = first; i < first + c->replication; i++) {
		if (i == copy || c->where[i] == CLB_NOWHERE)
			continue;
		*here += c->where[i] == k;
		*near += c->seat[k].zone != CLB_NOWHERE &&
		    c->seat[c->where[i]].zone == c->seat[k].zone;
	}
}

struct load {
	uint64_t weight[MAX_COLLECTORS], count[MAX_COLLECTORS];
};

static void
loads(const struct set *c, struct load *l)
{
	memset(l, 0, sizeof(*l));
	for (size_t i = 0; i < c->n * c->replication; i++)
		if (c->where[i] < c->nseats) {
			l->weight[c->where[i]] += c->target[i / c->replication].weight;
			l->count[c->where[i]]++;
		}
}

/* Only ready collectors, each once, zones apart, limits kept. */
static void
check_rules(const struct set *c)
{
	uint32_t most = per_zone(c), here, near;
	struct load l;

	loads(c, &l);
	for (uint32_t k = 0; k < c->nseats; k++) {
		CHECK(l.weight[k] <= c->seat[k].max_weight && l.count[k] <= c->seat[k].max_targets,
		    "collector %u is above its limits", k);
		CHECK(l.count[k] == 0 || is_ready(c, k), "collector %u is not ready", k);
	}
	for (size_t i = 0; i < c->n * c->replication; i++) {
		if (c->where[i] == CLB_NOWHERE)
			continue;
		CHECK(is_ready(c, c->where[i]), "copy %zu is on %u", i, c->where[i]);
		if (!is_ready(c, c->where[i]))
			return;
		others(c, i, c->where[i], &here, &near);
		CHECK(here == 0, "copy %zu has another on %u", i, c->where[i]);
		CHECK(near < most, "copy %zu has %u others in its zone", i, near);
	}
}

/* What is unassigned could not have been assigned, and why says the same. */
static void
check_unassigned(const struct set *c, const struct wish *w)
{
	uint32_t most = per_zone(c), here, near;
	struct load l;

	loads(c, &l);
	for (size_t i = 0; i < c->n * c->replication; i++) {
		const struct clb_placement *t = &c->target[i / c->replication];

		CHECK((c->where[i] == CLB_NOWHERE) == (c->why[i] >= CLB_NO_COLLECTOR),
		    "copy %zu is on %u for %u", i, c->where[i], c->why[i]);
		if (c->where[i] != CLB_NOWHERE)
			continue;
		for (uint32_t k = 0; k < c->nseats; k++) {
			others(c, i, k, &here, &near);
			CHECK(!is_ready(c, k) || here > 0 || near >= most ||
			    l.count[k] >= c->seat[k].max_targets ||
			    l.weight[k] + t->weight > c->seat[k].max_weight ||
			    (!has_fallback(w) && (t->node == CLB_NOWHERE || c->seat[k].node != t->node)),
			    "copy %zu could be on %u", i, k);
		}
	}
}

/* Without limits every target has all its copies, as long as there are collectors. */
static void
check_all_assigned(const struct set *c, const struct clb_schedule *s, const struct wish *w)
{
	uint32_t ready = count_ready(c);
	uint32_t want = c->replication < ready ? c->replication : ready;

	if (!w->limited && has_fallback(w))
		CHECK(clb_schedule_assigned(s) == c->n * want, "%zu of %zu are assigned",
		    clb_schedule_assigned(s), c->n * want);
}

static void
check_skew(const struct set *c, const struct wish *w)
{
	uint64_t zone[MAX_COLLECTORS] = { 0 }, most = 0, least = UINT64_MAX;
	int ready[MAX_COLLECTORS] = { 0 };

	if (w->zone_skew == SIZE_MAX || w->strategy == CLB_PER_NODE || w->limited ||
	    c->replication > 1 || w->max_moves != SIZE_MAX)
		return;
	for (uint32_t k = 0; k < c->nseats; k++)
		if (is_ready(c, k) && c->seat[k].zone != CLB_NOWHERE)
			ready[c->seat[k].zone] = 1;
	for (size_t i = 0; i < c->n; i++)
		if (c->seat[c->where[i]].zone != CLB_NOWHERE)
			zone[c->seat[c->where[i]].zone]++;
	for (int z = 0; z < MAX_COLLECTORS; z++)
		if (ready[z]) {
			most = zone[z] > most ? zone[z] : most;
			least = zone[z] < least ? zone[z] : least;
		}
	CHECK(most == 0 || most - least <= w->zone_skew, "%llu to %llu, %zu apart allowed",
	    (unsigned long long)least, (unsigned long long)most, w->zone_skew);
}

static void
check_moves(const struct set *before, const struct set *c, const struct clb_schedule *s,
    const struct wish *w)
{
	size_t moved = 0, kept = 0;

	for (size_t i = 0; i < c->n * c->replication; i++) {
		kept += c->where[i] != CLB_NOWHERE && c->where[i] == before->where[i];
		moved += c->where[i] != CLB_NOWHERE && c->where[i] != before->where[i] &&
		    is_ready(c, before->where[i]);
	}
	CHECK(kept == s->count[CLB_STAYS] && moved == s->count[CLB_MOVED] + s->count[CLB_LIMITED],
	    "%zu stay, %zu move", kept, moved);
	if (is_least_weighted(w))
		CHECK(s->count[CLB_MOVED] <= w->max_moves, "%zu of %zu moves",
		    s->count[CLB_MOVED], w->max_moves);
	if (is_least_weighted(w) && !w->limited && c->replication == 1)
		CHECK(s->count[CLB_LIMITED] == 0, "%zu have left for nothing",
		    s->count[CLB_LIMITED]);
}

/* A collector that had a copy of a target and has one is not told of as having got it. */
static void
check_same_place(const struct set *before, const struct set *c)
{
	for (size_t i = 0; i < c->n * c->replication; i++)
		for (size_t k = i / c->replication * c->replication; k < i; k++)
			CHECK(c->where[i] == CLB_NOWHERE || (c->where[i] != before->where[k] &&
			    c->where[k] != before->where[i]) || c->where[k] == CLB_NOWHERE,
			    "copies %zu and %zu have changed places", k, i);
}

/* The result is what the same run makes of it. */
static void
check_fixed_point(struct set *c, const struct wish *w)
{
	static struct set again;
	struct clb_schedule s;

	if (w->max_moves != SIZE_MAX)
		return;
	again = *c;
	s = run(&again, w);
	CHECK(differences(c, &again) == 0 && s.count[CLB_MOVED] == 0 &&
	    s.count[CLB_PLACED] == 0, "%zu differ: strategy %d, fallback %d, %u copies, "
	    "skew %zu, limited %d", differences(c, &again), (int)w->strategy, (int)w->fallback,
	    c->replication, w->zone_skew, w->limited);
}

/* Copies of weight 1 without zones and limits: as even as single targets are. */
static void
check_even(const struct set *c, const struct wish *w)
{
	uint64_t least = UINT64_MAX, most = 0;
	struct load l;

	for (uint32_t k = 0; k < c->nseats; k++)
		if (c->seat[k].zone != CLB_NOWHERE)
			return;
	for (size_t t = 0; t < c->n; t++)
		if (c->target[t].weight != 1)
			return;
	if (!is_least_weighted(w) || w->limited || w->tolerance > 0 || w->max_moves != SIZE_MAX)
		return;
	loads(c, &l);
	for (uint32_t k = 0; k < c->nseats; k++)
		if (is_ready(c, k)) {
			most = l.count[k] > most ? l.count[k] : most;
			least = l.count[k] < least ? l.count[k] : least;
		}
	CHECK(most - least <= 1, "%llu to %llu with %u copies", (unsigned long long)least,
	    (unsigned long long)most, c->replication);
}

static void
test_all(void)
{
	static struct set c, before;
	struct wish w;
	struct clb_schedule s;

	make(&c, &w);
	before = c;
	s = run(&c, &w);
	check_rules(&c);
	check_unassigned(&c, &w);
	check_all_assigned(&c, &s, &w);
	check_skew(&c, &w);
	check_moves(&before, &c, &s, &w);
	check_same_place(&before, &c);
	check_fixed_point(&c, &w);
	check_even(&c, &w);
}

/* Placing alone, without balance, makes copies of weight 1 even. */
static void
test_placed_evenly(void)
{
	static struct set c;
	struct wish w = { CLB_LEAST_WEIGHTED, CLB_NO_STRATEGY, 1000, 0, SIZE_MAX, 0 };

	fill(&c, UNIT);
	c.replication = 2 + (uint32_t)below(2);
	run(&c, &w);
	w.tolerance = 0;
	w.max_moves = SIZE_MAX;
	check_even(&c, &w);
}

/* A collector that has next to nothing gets a copy of every target that comes. */
static void
test_the_empty_one_gets_of_each(void)
{
	static struct set c;
	struct wish w = { CLB_LEAST_WEIGHTED, CLB_NO_STRATEGY, 1000, SIZE_MAX, SIZE_MAX, 0 };

	do
		fill(&c, UNIT);
	while (c.n < 100);
	c.n = 100;
	c.replication = 2;
	set_collectors(&c, 5);
	c.target[0].weight = c.target[1].weight = 1000;
	for (uint32_t i = 0; i < 4; i++)
		c.where[i] = i;
	run(&c, &w);
	for (size_t t = 2; t < c.n; t++)
		CHECK(c.where[2 * t] == 4 || c.where[2 * t + 1] == 4, "target %zu is on %u and %u",
		    t, c.where[2 * t], c.where[2 * t + 1]);
}

int
main(void)
{
	test_the_empty_one_gets_of_each();
	for (int i = 0; i < CASES && failures == 0; i++)
		test_all();
	for (int i = 0; i < 200 && failures == 0; i++)
		test_placed_evenly();
	return check_end();
}
