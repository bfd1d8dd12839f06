/* How many collectors there should be. */
#include <math.h>
#include <unistd.h>

#include "lib/scale_state.h"
#include "testdata/unit/check.h"

#define NONE CLB_SCALE_NONE

static uint64_t seed = 99;

static uint64_t
below(uint64_t n)
{
	return check_random(&seed) % n;
}

/* ---- without a history ---- */

static void
check(uint64_t targets, uint64_t each, uint64_t min, uint64_t max, uint64_t current,
    uint64_t desired, const char *rule)
{
	struct clb_scale s = CLB_SCALE_INIT;
	struct clb_scale_answer a;

	s.targets = targets;
	s.targets_per_replica = each;
	s.min = min;
	s.max = max;
	s.current = current;
	a = clb_scale(&s, NULL);
	CHECK(a.desired == desired && strcmp(a.rule, rule) == 0, "%llu targets: %llu by %s",
	    (unsigned long long)s.targets, (unsigned long long)a.desired, a.rule);
}

static void
test_targets(void)
{
	check(1000, 100, 1, 50, NONE, 10, "targets");
	check(1001, 100, 1, 50, NONE, 11, "targets");
	check(0, 100, 1, 50, NONE, 1, "min");
	check(0, 100, 0, 50, NONE, 0, "targets");
	check(5001, 100, 1, 50, NONE, 50, "max");
	check(5000, 100, 1, 50, NONE, 50, "targets");
	check(1000001, 1, 1, NONE, NONE, CLB_SCALE_MOST_COLLECTORS, "targets");
	check(UINT64_MAX, 2, 3, NONE, 3, CLB_SCALE_MOST_COLLECTORS, "targets");
}

/* 10 % more or less than what they are to have is no reason to change. */
static void
test_tolerance(void)
{
	check(1100, 100, 1, 50, 10, 10, "tolerance");
	check(1101, 100, 1, 50, 10, 12, "targets");
	check(900, 100, 1, 50, 10, 10, "tolerance");
	check(899, 100, 1, 50, 10, 9, "targets");
	check(10, 100, 1, 50, 1, 1, "targets");
}

/* No collector has more than it should, and with one less some would. */
static void
test_fewest(void)
{
	for (int i = 0; i < 10000; i++) {
		struct clb_scale s = CLB_SCALE_INIT;
		uint64_t n;

		s.targets = below(100000);
		s.targets_per_replica = 1 + below(1000);
		s.min = 0;
		n = clb_scale(&s, NULL).desired;
		CHECK(n * s.targets_per_replica >= s.targets, "%llu are too few",
		    (unsigned long long)n);
		CHECK(n == 0 || (n - 1) * s.targets_per_replica < s.targets, "%llu are too many",
		    (unsigned long long)n);
	}
}

/* The rule that asks for most decides. */
static void
test_largest(void)
{
	struct clb_scale s = CLB_SCALE_INIT;
	uint64_t weights[] = { 40, 30, 20, 10 };
	struct clb_scale_answer a;

	s.targets = 4;
	s.weight = 100;
	s.weights = weights;
	s.targets_per_replica = 2;
	s.weight_per_replica = 30;
	a = clb_scale(&s, NULL);
	CHECK(a.targets == 2 && a.weight == 4 && a.fit == NONE && a.desired == 4 &&
	    strcmp(a.rule, "weight") == 0, "%s", a.rule);
	s.max_targets = 1;
	s.weight_per_replica = 50;
	a = clb_scale(&s, NULL);
	CHECK(a.fit == 4 && a.desired == 4 && strcmp(a.rule, "fit") == 0, "%s", a.rule);
	s.replication = 2;
	a = clb_scale(&s, NULL);
	CHECK(a.targets == 4 && a.weight == 4 && a.fit == 8, "two copies of each");
	/* Too heavy for any collector is the first; the others need one each. */
	s.replication = 1;
	s.max_targets = NONE;
	s.max_weight = 39;
	a = clb_scale(&s, NULL);
	CHECK(a.fit == 2, "%llu", (unsigned long long)a.fit);
}

/* 1 if it all fits when each goes to the one with the least, as far as that has room. */
static int
fits(const struct clb_scale *s, uint64_t first, uint64_t n)
{
	uint64_t load[512] = { 0 }, count[512] = { 0 }, last[512] = { 0 };

	for (uint64_t i = first; i < s->targets; i++)
		for (uint64_t k = 0; k < s->replication; k++) {
			uint64_t best = n;

			for (uint64_t c = 0; c < n; c++)
				if (count[c] < s->max_targets && last[c] != i + 1 &&
				    (best == n || load[c] < load[best]))
					best = c;
			if (best == n || load[best] + s->weights[i] > s->max_weight)
				return 0;
			load[best] += s->weights[i];
			count[best]++;
			last[best] = i + 1;
		}
	return 1;
}

static int
heaviest_first(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x > y ? -1 : x < y;
}

/* What is said to fit does fit, and never does it take fewer than the sums say. */
static void
test_fit(void)
{
	uint64_t weights[100];

	for (int i = 0; i < 2000; i++) {
		struct clb_scale s = CLB_SCALE_INIT;
		uint64_t first = 0, load = 0, n;

		s.targets = 1 + below(100);
		s.max_weight = 50 + below(200);
		if (below(2) == 0)
			s.max_targets = 1 + below(20);
		s.replication = 1 + below(3);
		for (uint64_t k = 0; k < s.targets; k++)
			s.weight += weights[k] = 1 + below(100);
		qsort(weights, s.targets, sizeof(*weights), heaviest_first);
		s.weights = weights;
		while (first < s.targets && weights[first] > s.max_weight)
			first++;
		for (uint64_t k = first; k < s.targets; k++)
			load += weights[k] * s.replication;
		n = clb_scale(&s, NULL).fit;
		CHECK(first == s.targets ? n == 0 : n <= 512 && fits(&s, first, n),
		    "%llu do not fit", (unsigned long long)n);
		CHECK(n * s.max_weight >= load, "%llu are too few", (unsigned long long)n);
	}
}

/* ---- as an HPA does ---- */

/*
 * What the HorizontalPodAutoscaler of Kubernetes 1.34 does with a list of
 * recommendations and of scale events that it never shortens:
 * stabilizeRecommendationWithBehaviors, then
 * convertDesiredReplicasWithBehaviorRate, of podautoscaler/horizontal.go.
 */
struct event {
	uint64_t time;
	int64_t n;
};

struct hpa {
	struct event asked[256], up[256], down[256];
	size_t nasked, nup, ndown;
};

static int64_t
replicas_change(const struct event *v, size_t n, uint64_t now, uint64_t period)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i].time + period > now)
			sum += v[i].n;
	return sum;
}

static int64_t
scale_limit(const struct hpa *h, const struct clb_scale *s, int64_t current,
    const struct clb_scale_limits *l, int up)
{
	int64_t start = current - replicas_change(h->up, h->nup, s->now, l->period) +
	    replicas_change(h->down, h->ndown, s->now, l->period);
	int64_t proposed[2], result = 0;
	int n = 0;

	if (l->select == CLB_SCALE_NEVER)
		return current;
	if (l->step != NONE)
		proposed[n++] = up ? start + (int64_t)l->step : start - (int64_t)l->step;
	if (l->percent != NONE)
		proposed[n++] = up ?
		    (int64_t)ceil((double)start * (1 + (double)l->percent / 100)) :
		    (int64_t)((double)start * (1 - (double)l->percent / 100));
	if (n == 0)
		return up ? INT64_MAX : 0;
	for (int i = 0; i < n; i++)
		if (i == 0 || ((l->select == CLB_SCALE_MOST) == up ?
		    proposed[i] > result : proposed[i] < result))
			result = proposed[i];
	return result;
}

static int64_t
hpa(struct hpa *h, const struct clb_scale *s, int64_t current, int64_t asked)
{
	const struct clb_scale_limits *up = &s->limits[CLB_SCALE_UP];
	const struct clb_scale_limits *down = &s->limits[CLB_SCALE_DOWN];
	int64_t most = asked, least = asked, n = current, edge;

	if (h->nasked == 0)
		h->asked[h->nasked++] = (struct event){ s->now, current };
	for (size_t i = 0; i < h->nasked; i++) {
		if (h->asked[i].time + up->window > s->now && h->asked[i].n < least)
			least = h->asked[i].n;
		if (h->asked[i].time + down->window > s->now && h->asked[i].n > most)
			most = h->asked[i].n;
	}
	h->asked[h->nasked++] = (struct event){ s->now, asked };
	if (current < (int64_t)s->min || current > (int64_t)s->max) {
		n = current < (int64_t)s->min ? (int64_t)s->min : (int64_t)s->max;
	} else {
		if (n < least)
			n = least;
		if (n > most)
			n = most;
		if (n > current) {
			edge = scale_limit(h, s, current, up, 1);
			if (edge < current)
				edge = current;
			if (edge > (int64_t)s->max)
				edge = (int64_t)s->max;
			n = n > edge ? edge : n;
		} else if (n < current) {
			edge = scale_limit(h, s, current, down, 0);
			if (edge > current)
				edge = current;
			if (edge < (int64_t)s->min)
				edge = (int64_t)s->min;
			n = n < edge ? edge : n;
		}
	}
	if (n > current)
		h->up[h->nup++] = (struct event){ s->now, n - current };
	if (n < current)
		h->down[h->ndown++] = (struct event){ s->now, current - n };
	return n;
}

static struct clb_scale_limits
some_limits(void)
{
	struct clb_scale_limits l = { below(3) == 0 ? 0 : below(400), NONE, NONE,
	    1 + below(400), (enum clb_scale_select)below(20) };

	if (below(2) == 0)
		l.step = 1 + below(6);
	if (below(2) == 0)
		l.percent = 1 + below(below(4) == 0 ? 200 : 60);
	if (l.select > CLB_SCALE_NEVER)
		l.select = l.select % 2 == 0 ? CLB_SCALE_MOST : CLB_SCALE_LEAST;
	return l;
}

/* Runs that are further apart than moments can be told apart: the same answers. */
static void
test_hpa(void)
{
	for (int i = 0; i < 10000; i++) {
		struct clb_scale_history h = CLB_SCALE_HISTORY_INIT;
		struct clb_scale s = CLB_SCALE_INIT;
		struct hpa model = { .nasked = 0 };
		uint64_t current = 1 + below(40);

		s.targets_per_replica = 10;
		s.min = 1 + below(4);
		s.max = s.min + below(60);
		s.now = 1000000;
		s.limits[CLB_SCALE_UP] = some_limits();
		s.limits[CLB_SCALE_DOWN] = some_limits();
		for (int k = 0; k < 60; k++) {
			struct clb_scale_answer a;
			int64_t want;

			s.now += 5 + below(60);
			s.targets = below(2) == 0 ? s.targets : below(600);
			s.current = current;
			a = clb_scale(&s, &h);
			want = hpa(&model, &s, (int64_t)current, (int64_t)a.wanted);
			CHECK(a.desired == (uint64_t)want, "run %d.%d: %llu, but an HPA %lld",
			    i, k, (unsigned long long)a.desired, (long long)want);
			if (a.desired != (uint64_t)want)
				return;
			current = a.desired;
		}
	}
}

/* ---- over time ---- */

static void
test_rounding(void)
{
	static const struct { uint64_t current, targets, up, down, desired; } c[] = {
		{ 3, 1000, 10, NONE, 4 },	/* 3.3, up to the next */
		{ 10, 1000, 50, NONE, 15 },
		{ 100, 10000, 10, NONE, 111 },	/* 100 times 1.1 is more than 110 in an HPA's numbers */
		{ 5, 0, NONE, 10, 4 },		/* 4.5, down to the one below */
		{ 10, 0, NONE, 30, 7 },
		{ 1, 0, NONE, 1, 0 },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
		struct clb_scale s = CLB_SCALE_INIT;
		uint64_t n;

		s.targets = c[i].targets;
		s.targets_per_replica = 1;
		s.min = 0;
		s.current = c[i].current;
		s.limits[CLB_SCALE_UP].percent = c[i].up;
		s.limits[CLB_SCALE_DOWN].percent = c[i].down;
		n = clb_scale(&s, NULL).desired;
		CHECK(n == c[i].desired, "%zu: %llu", i, (unsigned long long)n);
	}
}

/* Load that swings around a boundary, in the tolerance and then out of it. */
static void
test_no_oscillation(void)
{
	for (int i = 0; i < 1000; i++) {
		struct clb_scale_history h = CLB_SCALE_HISTORY_INIT;
		struct clb_scale s = CLB_SCALE_INIT;
		uint64_t n = 1 + below(50), changes = 0, wide = below(2);

		s.targets_per_replica = 1000;
		s.current = n;
		for (s.now = 0; s.now < 7200; s.now += 15) {
			uint64_t at = n * 1000, by = at / (wide ? 2 : 10);
			struct clb_scale_answer a;

			s.targets = at - by + below(2 * by + 1);
			a = clb_scale(&s, &h);
			if (a.desired != s.current) {
				CHECK(wide, "%llu by %s", (unsigned long long)a.desired, a.rule);
				CHECK(a.desired > s.current, "down to %llu by %s",
				    (unsigned long long)a.desired, a.rule);
				changes++;
			}
			s.current = a.desired;
			/* Within every window the most is asked for again. */
			if (wide && s.now % 240 == 0) {
				s.targets = at + by;
				s.current = clb_scale(&s, &h).desired;
			}
		}
		CHECK(changes <= 1, "%llu changes", (unsigned long long)changes);
	}
}

/* What is remembered stays in its bounds, and a peak counts for a window, and little longer. */
static void
test_bounded(void)
{
	struct clb_scale_history h = CLB_SCALE_HISTORY_INIT;
	struct clb_scale s = CLB_SCALE_INIT;
	uint64_t peak = 0, fell = 0;

	s.targets_per_replica = 1;
	s.limits[CLB_SCALE_DOWN].window = 36000;
	s.limits[CLB_SCALE_UP].period = s.limits[CLB_SCALE_DOWN].period = 36000;
	s.current = 50;
	for (s.now = 1; s.now < 200000; s.now += 1 + below(3)) {
		struct clb_scale_answer a;

		s.targets = s.now < 100000 ? 10 + below(40) : 5;
		if (s.targets == 49 || s.now < 10)
			peak = s.now;
		a = clb_scale(&s, &h);
		CHECK(h.nasked <= CLB_SCALE_KEPT, "%zu", h.nasked);
		for (int way = 0; way < CLB_SCALE_WAYS; way++)
			CHECK(h.nchanges[way] <= CLB_SCALE_KEPT, "%zu", h.nchanges[way]);
		if (fell == 0 && s.now > 100000 && a.desired < 49)
			fell = s.now;
		s.current = a.desired;
	}
	CHECK(fell >= peak + 36000, "%llu seconds", (unsigned long long)(fell - peak));
	CHECK(fell <= peak + 36000 + 2 * 36000 / 100, "%llu seconds",
	    (unsigned long long)(fell - peak));
}

/* When the next change is said to be allowed it is, and a second before it is not. */
static void
test_next(void)
{
	for (int i = 0; i < 10000; i++) {
		struct clb_scale_history h = CLB_SCALE_HISTORY_INIT;
		struct clb_scale s = CLB_SCALE_INIT;
		struct clb_scale_answer a;
		enum clb_scale_way way = (enum clb_scale_way)below(2);
		uint64_t last;

		s.targets_per_replica = 10;
		s.max = 60;
		s.now = 1000000;
		s.current = 1 + below(40);
		s.limits[CLB_SCALE_UP] = some_limits();
		s.limits[CLB_SCALE_DOWN] = some_limits();
		for (uint64_t k = below(20); k < 20; k++) {
			s.now += 5 + below(60);
			s.targets = below(600);
			a = clb_scale(&s, &h);
			s.current = a.desired;
		}
		/* From now on, what is asked for is as far away as it can be. */
		s.targets = way == CLB_SCALE_UP ? 100000 : 0;
		last = s.now;
		if (a.next[way] == NONE)
			continue;
		for (uint64_t early = 0; early < 2 && a.next[way] >= last + early; early++) {
			struct clb_scale_history copy = h;

			s.now = a.next[way] - early;
			CHECK((clb_scale(&s, &copy).desired != s.current) == !early,
			    "case %d, %llu seconds early", i, (unsigned long long)early);
		}
	}
}

/* A change that was wanted and not made does not count against the next. */
static void
test_not_made(void)
{
	struct clb_scale_history h = CLB_SCALE_HISTORY_INIT;
	struct clb_scale s = CLB_SCALE_INIT;
	struct clb_scale_answer a;

	s.targets = 100;
	s.targets_per_replica = 1;
	s.current = 10;
	s.limits[CLB_SCALE_UP].step = 2;
	s.now = 100;
	CHECK(clb_scale(&s, &h).desired == 12, "two more");
	s.now = 110;
	CHECK(clb_scale(&s, &h).desired == 12, "still two more");
	s.now = 120;
	s.current = 12;
	a = clb_scale(&s, &h);
	CHECK(a.desired == 12 && strcmp(a.rule, "up-limit") == 0, "%llu by %s",
	    (unsigned long long)a.desired, a.rule);
	CHECK(a.next[CLB_SCALE_UP] == 170, "%llu", (unsigned long long)a.next[CLB_SCALE_UP]);
	/* A clock that was set back: what comes from the future is as if it were now. */
	s.now = 50;
	CHECK(clb_scale(&s, &h).next[CLB_SCALE_UP] == 110, "a period from now");
}

/* ---- the state ---- */

static void
test_state(void)
{
	char path[] = "/tmp/clb-scale-test.XXXXXX";
	struct clb_scale_history h = CLB_SCALE_HISTORY_INIT, again;
	struct clb_scale s = CLB_SCALE_INIT;
	struct clb_err e = CLB_ERR_INIT;
	int fd = mkstemp(path);

	s.targets_per_replica = 10;
	s.limits[CLB_SCALE_UP].step = 3;
	for (s.now = 1; s.now < 600; s.now += 7) {
		s.targets = below(600);
		s.current = clb_scale(&s, &h).desired;
	}
	CHECK(fd != -1 && clb_scale_state_write(&h, path, &e) == 0, "%s", e.msg);
	CHECK(clb_scale_state_read(&again, path, &e) == 0, "%s", e.msg);
	CHECK(again.nasked == h.nasked && again.nasked > 10 && again.desired == h.desired &&
	    again.current == h.current &&
	    memcmp(again.asked, h.asked, h.nasked * sizeof(*h.asked)) == 0, "what was asked");
	for (int way = 0; way < CLB_SCALE_WAYS; way++)
		CHECK(again.nchanges[way] == h.nchanges[way] &&
		    memcmp(again.change[way], h.change[way],
		    h.nchanges[way] * sizeof(**h.change)) == 0, "what was changed");
	close(fd);
	unlink(path);
	CHECK(clb_scale_state_read(&again, path, &e) == 0 && again.nasked == 0 &&
	    again.desired == NONE, "a file that is not there is a fresh history");
}

int
main(void)
{
	test_targets();
	test_tolerance();
	test_fewest();
	test_largest();
	test_fit();
	test_hpa();
	test_rounding();
	test_no_oscillation();
	test_bounded();
	test_next();
	test_not_made();
	test_state();
	return check_end();
}
