/* Properties of scheduling over generated cases. */
#include <math.h>
#include <string.h>

#include "lib/schedule.h"
#include "testdata/unit/check.h"

#define CASES 3000
#define MAX_TARGETS 600
#define MAX_COLLECTORS 24

static uint64_t seed = 88172645463325252u;

static uint64_t
below(uint64_t n)
{
	return check_random(&seed) % n;
}

static double
fraction(void)
{
	return (double)(check_random(&seed) >> 11) * 0x1p-53;
}

/* sigma 1.5, about what samples a scrape look like. */
static uint64_t
lognormal(void)
{
	double u = fraction() + 0x1p-54, v = fraction();

	return 1 + (uint64_t)(100 * exp(1.5 * sqrt(-2 * log(u)) * cos(6.283185307179586 * v)));
}

struct set {
	struct clb_placement target[MAX_TARGETS];
	size_t n;
	unsigned char ready[MAX_COLLECTORS];
	uint32_t ncollectors;
};

static struct clb_schedule
run_limited(struct set *c, double tolerance, size_t max_moves)
{
	struct clb_schedule s = { c->target, c->n, c->ready, c->ncollectors, tolerance,
	    max_moves, 0, 0 };
	struct clb_err e = CLB_ERR_INIT;

	CHECK(clb_schedule_least_weighted(&s, &e) == 0, "%s", e.msg);
	return s;
}

static struct clb_schedule
run(struct set *c, double tolerance)
{
	return run_limited(c, tolerance, SIZE_MAX);
}

enum weights { UNIT, FEW, LOGNORMAL, HUGE_ONE };

static void
fill(struct set *c, enum weights kind)
{
	uint64_t id = 0;

	c->n = below(MAX_TARGETS);
	c->ncollectors = 1 + (uint32_t)below(MAX_COLLECTORS - 1);
	memset(c->ready, 1, sizeof(c->ready));
	for (size_t i = 0, job = 0; i < c->n; i++) {
		job += below(20) == 0;
		c->target[i] = (struct clb_placement){ id += 1 + below(1u << 30), 1,
		    (uint32_t)job, CLB_NOWHERE };
		if (kind == FEW)
			c->target[i].weight = 1 + below(10);
		else if (kind != UNIT)
			c->target[i].weight = lognormal();
	}
	if (kind == HUGE_ONE && c->n > 0)
		c->target[below(c->n)].weight = 1000000;
}

static void
loads(const struct set *c, uint64_t *load)
{
	memset(load, 0, MAX_COLLECTORS * sizeof(*load));
	for (size_t i = 0; i < c->n; i++) {
		CHECK(c->target[i].collector < c->ncollectors &&
		    c->ready[c->target[i].collector], "target %zu is nowhere", i);
		if (c->target[i].collector < c->ncollectors)
			load[c->target[i].collector] += c->target[i].weight;
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
	for (uint32_t i = 0; i < c->ncollectors; i++)
		if (c->ready[i]) {
			*least = load[i] < *least ? load[i] : *least;
			*most = load[i] > *most ? load[i] : *most;
		}
}

static size_t
differences(const struct set *a, const struct set *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += a->target[i].collector != b->target[i].collector;
	return n;
}

static void
random_change(struct set *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (below(10) == 0)
			c->target[i].collector = below(2) ? CLB_NOWHERE :
			    (uint32_t)below(c->ncollectors);
	if (below(2))
		c->ncollectors++;
	if (below(2))
		c->ready[below(c->ncollectors)] = 0;
	c->ready[c->ncollectors - 1] = 1;
}

/* A run on its own result moves nothing, whatever came before. */
static void
test_fixed_point(struct set *c, double tolerance)
{
	static struct set before;
	struct clb_schedule s;

	before = *c;
	s = run(c, tolerance);
	CHECK(s.placed == 0 && s.moved == 0 && differences(&before, c) == 0,
	    "%zu of %zu targets moved on %u collectors", s.moved, c->n, c->ncollectors);
}

/* The fewest that must move to have all loads within lo and hi. */
static size_t
fewest(const struct set *c, uint64_t lo, uint64_t hi)
{
	uint64_t load[MAX_COLLECTORS], over = 0, under = 0;

	loads(c, load);
	for (uint32_t i = 0; i < c->ncollectors; i++) {
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
		c.ncollectors++;
	else
		for (size_t i = 0; i < c.n; i++)
			c.target[i].collector = (uint32_t)(below(c.ncollectors) *
			    below(c.ncollectors) / c.ncollectors);
	before = c;
	s = run(&c, tolerance);
	mean = (double)c.n / c.ncollectors;
	lo = (uint64_t)fmin(floor(mean), ceil(mean * (1 - tolerance)));
	hi = (uint64_t)fmax(ceil(mean), floor(mean * (1 + tolerance)));
	extremes(&c, &least, &most);
	CHECK(least >= lo && most <= hi, "%llu to %llu for %zu on %u, tolerance %g",
	    (unsigned long long)least, (unsigned long long)most, c.n, c.ncollectors, tolerance);
	CHECK(s.moved == fewest(&before, lo, hi) && differences(&before, &c) == s.moved,
	    "%zu moved, %zu would do", s.moved, fewest(&before, lo, hi));
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
	c.ncollectors++;
	run(&c, 0);
	before = c;
	c.ncollectors--;
	for (size_t i = 0; i < c.n; i++)
		if (c.target[i].collector == c.ncollectors) {
			c.target[i].collector = CLB_NOWHERE;
			had++;
		}
	run(&c, 0);
	extremes(&c, &least, &most);
	CHECK(most - least <= 1 && differences(&before, &c) == had, "%zu moved, not %zu",
	    differences(&before, &c), had);
}

/* The heaviest target, of one collector or (CLB_NOWHERE) of all. */
static uint64_t
heaviest(const struct set *c, uint32_t collector)
{
	uint64_t w = 0;

	for (size_t i = 0; i < c->n; i++)
		if ((collector == CLB_NOWHERE || c->target[i].collector == collector) &&
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
	for (uint32_t i = 0; i < c->ncollectors; i++)
		n += c->ready[i];
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
		uint32_t at = c.target[i].collector;

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
	size_t limit = below(30), moves = 0;
	struct clb_schedule s;

	fill(&c, below(2) ? UNIT : LOGNORMAL);
	run(&c, 0.01);
	c.ncollectors++;
	for (int i = 0; i < 2000; i++) {
		before = c;
		s = run_limited(&c, 0.01, limit);
		CHECK(s.moved <= limit && differences(&before, &c) == s.moved,
		    "%zu moved, %zu allowed", s.moved, limit);
		if (s.moved == 0)
			break;
		moves += s.moved;
	}
	CHECK(s.moved == 0, "no end after %zu moves", moves);
	if (limit > 0)
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
	while (c.n < 500 || c.ncollectors > 8);
	run(&c, 0.05);
	c.ncollectors++;
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
		count[c.target[i].job][c.target[i].collector]++;
	for (size_t j = 0; j < MAX_TARGETS; j++)
		for (uint32_t a = 0; a < c.ncollectors; a++)
			for (uint32_t b = 0; b < c.ncollectors; b++)
				CHECK(count[j][a] <= count[j][b] + 2, "job %zu: %u and %u", j,
				    count[j][a], count[j][b]);
}

/* A collector that comes gets its share of every job. */
static void
test_new_collector_gets_of_all_jobs(void)
{
	static struct set c;
	uint32_t count[4] = { 0, 0, 0, 0 };

	memset(c.ready, 1, sizeof(c.ready));
	c.n = 400;
	c.ncollectors = 4;
	for (size_t i = 0; i < c.n; i++)
		c.target[i] = (struct clb_placement){ 7 * i, 1, (uint32_t)(i / 100), CLB_NOWHERE };
	run(&c, 0);
	c.ncollectors = 5;
	run(&c, 0);
	for (size_t i = 0; i < c.n; i++)
		count[c.target[i].job] += c.target[i].collector == 4;
	for (int i = 0; i < 4; i++)
		CHECK(count[i] >= 16 && count[i] <= 24, "job %d: %u of 100", i, count[i]);
}

/* Collectors with equal loads: the one with fewer of the job gets its next target. */
static void
test_job_breaks_ties(void)
{
	struct clb_placement t[5] = { { 1, 1, 0, 1 }, { 2, 1, 0, 1 }, { 4, 1, 1, 0 },
	    { 5, 1, 1, 0 }, { 6, 1, 1, CLB_NOWHERE } };
	unsigned char ready[2] = { 1, 1 };
	struct clb_schedule s = { t, 5, ready, 2, 0, SIZE_MAX, 0, 0 };
	struct clb_err e = CLB_ERR_INIT;

	CHECK(clb_schedule_least_weighted(&s, &e) == 0 && s.placed == 1 && s.moved == 0, "%s",
	    e.msg);
	CHECK(t[4].collector == 1, "%u", t[4].collector);
}

/* The heaviest first: 100 | 60 40, then 5 | 1; any other order ends less even. */
static void
test_heaviest_first(void)
{
	static const uint64_t weight[5] = { 5, 100, 40, 60, 1 };
	static const uint32_t want[5] = { 0, 0, 1, 1, 1 };
	struct clb_placement t[5];
	unsigned char ready[2] = { 1, 1 };
	struct clb_schedule s = { t, 5, ready, 2, 1, SIZE_MAX, 0, 0 };
	struct clb_err e = CLB_ERR_INIT;

	for (uint32_t i = 0; i < 5; i++)
		t[i] = (struct clb_placement){ i, weight[i], 0, CLB_NOWHERE };
	CHECK(clb_schedule_least_weighted(&s, &e) == 0, "%s", e.msg);
	for (int i = 0; i < 5; i++)
		CHECK(t[i].collector == want[i], "weight %llu is on %u",
		    (unsigned long long)weight[i], t[i].collector);
}

static void
test_failures(void)
{
	struct clb_placement t[2] = { { 1, UINT64_MAX, 0, CLB_NOWHERE }, { 2, 1, 0, 0 } };
	unsigned char ready[2] = { 0, 0 };
	struct clb_schedule s = { t, 2, ready, 2, 0.05, SIZE_MAX, 0, 0 };
	struct clb_err e = CLB_ERR_INIT;

	CHECK(clb_schedule_least_weighted(&s, &e) == -1 && e.status == EX_TEMPFAIL, "%s", e.msg);
	ready[0] = 1;
	e = (struct clb_err)CLB_ERR_INIT;
	CHECK(clb_schedule_least_weighted(&s, &e) == -1 && e.status == EX_DATAERR, "%s", e.msg);
	s.ntargets = 1;
	e = (struct clb_err)CLB_ERR_INIT;
	CHECK(clb_schedule_least_weighted(&s, &e) == 0 && t[0].collector == 0, "%s", e.msg);
	s.ntargets = 0;
	s.ncollectors = 0;
	CHECK(clb_schedule_least_weighted(&s, &e) == 0, "%s", e.msg);
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
		test_weights();
		test_max_moves();
		test_job_spread();
	}
	for (int i = 0; i < 50 && failures == 0; i++)
		test_balance();
	return check_end();
}
