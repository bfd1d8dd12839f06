/* Properties of the strategy least-weighted, without limits, over generated cases. */
#include "testdata/unit/schedule.h"

#define CASES 2500	/* of each of five kinds */

static struct clb_schedule
run_limited(struct set *c, double tolerance, size_t max_moves)
{
	struct clb_schedule s = schedule_of(c);
	struct clb_err e = CLB_ERR_INIT;

	s.tolerance = tolerance;
	s.max_moves = max_moves;
	CHECK(clb_schedule_run(&s, &e) == 0, "%s", e.msg);
	return s;
}

static struct clb_schedule
run(struct set *c, double tolerance)
{
	return run_limited(c, tolerance, SIZE_MAX);
}

static void
loads(const struct set *c, uint64_t *load)
{
	memset(load, 0, MAX_COLLECTORS * sizeof(*load));
	for (size_t i = 0; i < c->n; i++) {
		CHECK(c->where[i] < c->nseats &&
		    c->seat[c->where[i]].state == CLB_READY, "target %zu is nowhere", i);
		if (c->where[i] < c->nseats)
			load[c->where[i]] += c->target[i].weight;
	}
}

/* Least and greatest load of ready collectors. */
static void
extremes(const struct set *c, uint64_t *least, uint64_t *most)
{
	uint64_t load[MAX_COLLECTORS];

	loads(c, load);
	*least = UINT64_MAX;
	*most = 0;
	for (uint32_t i = 0; i < c->nseats; i++)
		if (c->seat[i].state == CLB_READY) {
			*least = load[i] < *least ? load[i] : *least;
			*most = load[i] > *most ? load[i] : *most;
		}
}

static void
random_change(struct set *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (below(10) == 0)
			c->where[i] = below(2) ? CLB_NOWHERE :
			    (uint32_t)below(c->nseats);
	if (below(2))
		c->nseats++;
	if (below(2))
		c->seat[below(c->nseats)].state = CLB_DRAINING;
	c->seat[c->nseats - 1].state = CLB_READY;
}

/* A run on its own result moves nothing, whatever came before. */
static void
test_fixed_point(struct set *c, double tolerance)
{
	static struct set before;
	struct clb_schedule s;

	before = *c;
	s = run(c, tolerance);
	CHECK(s.count[CLB_PLACED] == 0 && s.count[CLB_MOVED] == 0 && differences(&before, c) == 0,
	    "%zu of %zu targets moved on %u collectors", s.count[CLB_MOVED], c->n, c->nseats);
}

/* The fewest that must move to have all loads within lo and hi. */
static size_t
fewest(const struct set *c, uint64_t lo, uint64_t hi)
{
	uint64_t load[MAX_COLLECTORS], over = 0, under = 0;

	loads(c, load);
	for (uint32_t i = 0; i < c->nseats; i++) {
		over += load[i] > hi ? load[i] - hi : 0;
		under += load[i] < lo ? lo - load[i] : 0;
	}
	return over > under ? over : under;
}

static void
test_unit_weights(void)
{
	static struct set c, before;
	uint64_t least, most, lo, hi;
	double tolerance = below(2) ? 0 : fraction() / 2, mean;
	struct clb_schedule s;

	fill(&c, UNIT);
	run(&c, 0);
	extremes(&c, &least, &most);
	CHECK(most - least <= 1, "%llu to %llu", (unsigned long long)least,
	    (unsigned long long)most);
	test_fixed_point(&c, 0);

	/* One more, or whatever the last run left behind. */
	if (below(2))
		c.nseats++;
	else
		for (size_t i = 0; i < c.n; i++)
			c.where[i] = (uint32_t)(below(c.nseats) *
			    below(c.nseats) / c.nseats);
	before = c;
	s = run(&c, tolerance);
	mean = (double)c.n / c.nseats;
	lo = (uint64_t)fmin(floor(mean), ceil(mean * (1 - tolerance)));
	hi = (uint64_t)fmax(ceil(mean), floor(mean * (1 + tolerance)));
	extremes(&c, &least, &most);
	CHECK(least >= lo && most <= hi, "%llu to %llu for %zu on %u, tolerance %g",
	    (unsigned long long)least, (unsigned long long)most, c.n, c.nseats, tolerance);
	CHECK(s.count[CLB_MOVED] == fewest(&before, lo, hi) &&
	    differences(&before, &c) == s.count[CLB_MOVED],
	    "%zu moved, %zu would do", s.count[CLB_MOVED], fewest(&before, lo, hi));
	test_fixed_point(&c, tolerance);
}

/* And back: what the last one had goes to the others, nothing else moves. */
static void
test_one_less(void)
{
	static struct set c, before;
	uint64_t least, most;
	size_t had = 0;

	fill(&c, UNIT);
	c.nseats++;
	run(&c, 0);
	before = c;
	c.nseats--;
	for (size_t i = 0; i < c.n; i++)
		if (c.where[i] == c.nseats) {
			c.where[i] = CLB_NOWHERE;
			had++;
		}
	run(&c, 0);
	extremes(&c, &least, &most);
	CHECK(most - least <= 1 && differences(&before, &c) == had, "%zu moved, not %zu",
	    differences(&before, &c), had);
}

/* A collector goes and comes back: other targets make up for those that it lost. */
static void
test_away(void)
{
	static struct set c, before, meanwhile;
	uint32_t away;

	fill(&c, UNIT);
	if (c.nseats < 3)
		return;
	for (size_t i = 0; i < c.n; i++)
		c.where[i] = (uint32_t)below(c.nseats);
	run(&c, 0);
	before = c;
	away = (uint32_t)below(c.nseats);
	c.seat[away].state = CLB_DRAINING;
	run(&c, 0);
	meanwhile = c;
	c.seat[away].state = CLB_READY;
	run(&c, 0);
	for (size_t i = 0; i < c.n; i++) {
		int first = before.where[i] != meanwhile.where[i],
		    second = meanwhile.where[i] != c.where[i];

		CHECK(first == (before.where[i] == away) && !(first && second) &&
		    c.moved[i] == (second ? 3 : first ? 2 : before.moved[i]),
		    "%zu of %zu moved, %d and %d: %u", i, c.n, first, second, c.moved[i]);
	}
}

/* The heaviest target, of one collector or (CLB_NOWHERE) of all. */
static uint64_t
heaviest(const struct set *c, uint32_t collector)
{
	uint64_t w = 0;

	for (size_t i = 0; i < c->n; i++)
		if ((collector == CLB_NOWHERE || c->where[i] == collector) &&
		    c->target[i].weight > w)
			w = c->target[i].weight;
	return w;
}

static double
mean_load(const struct set *c)
{
	uint64_t total = 0, n = 0;

	for (size_t i = 0; i < c->n; i++)
		total += c->target[i].weight;
	for (uint32_t i = 0; i < c->nseats; i++)
		n += c->seat[i].state == CLB_READY;
	return (double)total / (double)n;
}

/*
 * Whatever the weights, a collector above the tolerance has nothing to give
 * that would make it and the least loaded one more equal, unless one target
 * alone is more than the mean.
 */
static void
test_weights(void)
{
	static struct set c;
	uint64_t load[MAX_COLLECTORS], least, most;
	double tolerance = below(2) ? 0.01 : fraction() / 3, mean;

	fill(&c, FEW + (enum weights)below(3));
	run(&c, tolerance);
	test_fixed_point(&c, tolerance);
	random_change(&c);
	run(&c, tolerance);
	test_fixed_point(&c, tolerance);
	loads(&c, load);
	extremes(&c, &least, &most);
	mean = mean_load(&c);
	for (size_t i = 0; i < c.n; i++) {
		uint32_t at = c.where[i];

		CHECK((double)load[at] <= mean * (1 + tolerance) + 1 ||
		    c.target[i].weight + least >= load[at] ||
		    (double)heaviest(&c, at) > mean / 2,
		    "%llu could leave %llu for %llu", (unsigned long long)c.target[i].weight,
		    (unsigned long long)load[at], (unsigned long long)least);
	}
}

static void
test_max_moves(void)
{
	static struct set c, before;
	enum weights kind = below(2) ? UNIT : LOGNORMAL;
	size_t limit = below(30), moves = 0;
	struct clb_schedule s;

	fill(&c, kind);
	run(&c, 0.01);
	c.nseats++;
	for (int i = 0; i < 2000; i++) {
		before = c;
		s = run_limited(&c, 0.01, limit);
		CHECK(s.count[CLB_MOVED] <= limit && differences(&before, &c) == s.count[CLB_MOVED],
		    "%zu moved, %zu allowed", s.count[CLB_MOVED], limit);
		if (s.count[CLB_MOVED] == 0)
			break;
		moves += s.count[CLB_MOVED];
	}
	CHECK(s.count[CLB_MOVED] == 0, "no end after %zu moves", moves);
	/* To make room for a heavy one can take more moves at once than there may be. */
	if (limit > 0 && kind == UNIT)
		test_fixed_point(&c, 0.01);
}

/* Many small targets and a few large ones: the tolerance is reached. */
static void
test_balance(void)
{
	static struct set c;
	uint64_t least, most;
	double mean;

	do
		fill(&c, LOGNORMAL);
	while (c.n < 500 || c.nseats > 8);
	run(&c, 0.05);
	c.nseats++;
	run(&c, 0.05);
	extremes(&c, &least, &most);
	mean = mean_load(&c);
	CHECK((double)heaviest(&c, CLB_NOWHERE) > mean || ((double)most <= mean * 1.05 + 1 &&
	    (double)least >= mean * 0.95 - 1), "%g to %g of the mean",
	    (double)least / mean, (double)most / mean);
}

/* Each job is spread: with unit weights and no history, by one at most. */
static void
test_job_spread(void)
{
	static struct set c;
	uint32_t count[MAX_TARGETS][MAX_COLLECTORS];

	memset(count, 0, sizeof(count));
	fill(&c, UNIT);
	run(&c, 0);
	for (size_t i = 0; i < c.n; i++)
		count[c.target[i].job][c.where[i]]++;
	for (size_t j = 0; j < MAX_TARGETS; j++)
		for (uint32_t a = 0; a < c.nseats; a++)
			for (uint32_t b = 0; b < c.nseats; b++)
				CHECK(count[j][a] <= count[j][b] + 2, "job %zu: %u and %u", j,
				    count[j][a], count[j][b]);
}

/* A set of n targets of weight 1 on so many collectors, and of no job yet. */
static void
set_targets(struct set *c, size_t n, uint32_t collectors)
{
	c->n = n;
	c->replication = 1;
	set_collectors(c, collectors);
	memset(c->where, 0xff, sizeof(c->where));
	for (size_t i = 0; i < n; i++)
		c->target[i] = (struct clb_placement){ .id = 7 * i, .weight = 1,
		    .node = CLB_NOWHERE };
}

/* A collector that comes gets its share of every job. */
static void
test_new_collector_gets_of_all_jobs(void)
{
	static struct set c;
	uint32_t count[4] = { 0, 0, 0, 0 };

	set_targets(&c, 400, 4);
	for (size_t i = 0; i < c.n; i++)
		c.target[i].job = (uint32_t)(i / 100);
	run(&c, 0);
	c.nseats = 5;
	run(&c, 0);
	for (size_t i = 0; i < c.n; i++)
		count[c.target[i].job] += c.where[i] == 4;
	for (int i = 0; i < 4; i++)
		CHECK(count[i] >= 16 && count[i] <= 24, "job %d: %u of 100", i, count[i]);
}

/* Collectors with equal loads: the one with fewer of the job gets its next target. */
static void
test_job_breaks_ties(void)
{
	static struct set c;
	static const uint32_t job[5] = { 0, 0, 1, 1, 1 }, where[5] = { 1, 1, 0, 0, CLB_NOWHERE };
	struct clb_schedule s;

	set_targets(&c, 5, 2);
	for (int i = 0; i < 5; i++) {
		c.target[i].job = job[i];
		c.where[i] = where[i];
	}
	s = run(&c, 0);
	CHECK(s.count[CLB_PLACED] == 1 && s.count[CLB_MOVED] == 0, "%zu moved",
	    s.count[CLB_MOVED]);
	CHECK(c.where[4] == 1, "%u", c.where[4]);
}

/* The heaviest first: 100 | 60 40, then 5 | 1; any other order ends less even. */
static void
test_heaviest_first(void)
{
	static const uint64_t weight[5] = { 5, 100, 40, 60, 1 };
	static const uint32_t want[5] = { 0, 0, 1, 1, 1 };
	static struct set c;

	set_targets(&c, 5, 2);
	for (int i = 0; i < 5; i++)
		c.target[i].weight = weight[i];
	run(&c, 1);
	for (int i = 0; i < 5; i++)
		CHECK(c.where[i] == want[i], "weight %llu is on %u",
		    (unsigned long long)weight[i], c.where[i]);
}

/*
 * 10,000 targets, sigma 1.5: within a hundredth of what no assignment can beat,
 * and another collector moves no more than its share of the targets.
 */
static void
test_ten_thousand(uint32_t collectors)
{
	enum { N = 10000 };
	static struct clb_placement t[N];
	static uint32_t where[N];
	static unsigned char why[N];
	struct clb_seat seat[64];
	struct clb_schedule s = { .fallback = CLB_NO_STRATEGY, .target = t, .ntargets = N,
	    .seat = seat, .nseats = collectors, .replication = 1, .where = where, .why = why,
	    .tolerance = 0.01, .max_moves = SIZE_MAX, .zone_skew = SIZE_MAX };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_balance b;

	memset(where, 0xff, sizeof(where));
	for (size_t i = 0; i < N; i++)
		t[i] = (struct clb_placement){ .id = i, .weight = lognormal(),
		    .job = (uint32_t)(i / 100), .node = CLB_NOWHERE };
	for (uint32_t i = 0; i < 64; i++)
		seat[i] = (struct clb_seat){ .max_weight = UINT64_MAX,
		    .max_targets = UINT64_MAX, .node = CLB_NOWHERE, .zone = CLB_NOWHERE };
	for (int step = 0; step < 2; step++) {
		CHECK(clb_schedule_run(&s, &e) == 0, "%s", e.msg);
		b = clb_schedule_balance(&s, where);
		CHECK(b.imbalance <= b.floor * 1.01, "%g, and %g is possible", b.imbalance,
		    b.floor);
		CHECK(s.count[CLB_MOVED] * s.nseats <= N, "%zu of %d moved to the %uth",
		    s.count[CLB_MOVED], N, s.nseats);
		s.nseats++;
	}
}

static void
test_failures(void)
{
	static struct set c;
	struct clb_schedule s;
	struct clb_err e = CLB_ERR_INIT;

	set_targets(&c, 2, 2);
	c.target[0].weight = UINT64_MAX;
	c.seat[0].state = c.seat[1].state = CLB_PENDING;
	s = schedule_of(&c);
	CHECK(clb_schedule_run(&s, &e) == -1 && e.status == EX_TEMPFAIL, "%s", e.msg);
	c.seat[0].state = CLB_READY;
	e = (struct clb_err)CLB_ERR_INIT;
	CHECK(clb_schedule_run(&s, &e) == -1 && e.status == EX_DATAERR, "%s", e.msg);
	s.ntargets = 1;
	e = (struct clb_err)CLB_ERR_INIT;
	CHECK(clb_schedule_run(&s, &e) == 0 && c.where[0] == 0, "%s", e.msg);
	s.ntargets = 0;
	s.nseats = 0;
	CHECK(clb_schedule_run(&s, &e) == 0, "%s", e.msg);
}

int
main(void)
{
	test_failures();
	test_job_breaks_ties();
	test_heaviest_first();
	test_new_collector_gets_of_all_jobs();
	for (int i = 0; i < CASES && failures == 0; i++) {
		test_unit_weights();
		test_one_less();
		test_away();
		test_weights();
		test_max_moves();
		test_job_spread();
	}
	for (int i = 0; i < 50 && failures == 0; i++)
		test_balance();
	for (int i = 0; i < 5 && failures == 0; i++) {
		test_ten_thousand(10);
		test_ten_thousand(50);
	}
	return check_end();
}
