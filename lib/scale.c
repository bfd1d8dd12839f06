#include <math.h>
#include <stdlib.h>

#include "lib/scale.h"

#define NONE CLB_SCALE_NONE

static uint64_t
lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t
times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* ---- what the rules ask for ---- */

static uint64_t
divide_up(uint64_t load, uint64_t each)
{
	return load / each + (load % each != 0);
}

static uint64_t
collectors(uint64_t load, uint64_t each)
{
	return lesser(divide_up(load, each), CLB_SCALE_MOST_COLLECTORS);
}

/* Within the tolerance there are to be as many as there are. */
static uint64_t
ask(const struct clb_scale *s, uint64_t current, uint64_t load, uint64_t each)
{
	double ratio;

	if (each == NONE)
		return NONE;
	if (current != NONE && current != 0) {
		ratio = (double)load / ((double)each * (double)current);
		if (1 - s->tolerance <= ratio && ratio <= 1 + s->tolerance)
			return current;
	}
	return collectors(load, each);
}

/* ---- what fits ---- */

struct bin {
	uint64_t load, targets;
};

/* Collectors with room for another target, the least loaded first. */
struct bins {
	struct bin *v;
	uint64_t n;
};

static void
push(struct bins *b, struct bin x)
{
	uint64_t i = b->n++;

	for (; i > 0 && x.load < b->v[(i - 1) / 2].load; i = (i - 1) / 2)
		b->v[i] = b->v[(i - 1) / 2];
	b->v[i] = x;
}

static struct bin
pop(struct bins *b)
{
	struct bin top = b->v[0], x = b->v[--b->n];
	uint64_t i = 0;

	for (uint64_t k; (k = 2 * i + 1) < b->n; i = k) {
		if (k + 1 < b->n && b->v[k + 1].load < b->v[k].load)
			k++;
		if (x.load <= b->v[k].load)
			break;
		b->v[i] = b->v[k];
	}
	b->v[i] = x;
	return top;
}

/* All copies of a target of this weight to different collectors; 1 if they fit. */
static int
put(const struct clb_scale *s, struct bins *b, struct bin *taken, uint64_t weight)
{
	if (b->n < s->replication)
		return 0;
	for (uint64_t k = 0; k < s->replication; k++) {
		taken[k] = pop(b);
		if (taken[k].load > s->max_weight - weight)
			return 0;
	}
	for (uint64_t k = 0; k < s->replication; k++) {
		taken[k].load += weight;
		if (++taken[k].targets < s->max_targets)
			push(b, taken[k]);
	}
	return 1;
}

/*
 * 1 if the targets from the first on fit on n collectors when the heaviest goes
 * first, and each to the one with the least, as clb-schedule places them.
 */
static int
fits_on(const struct clb_scale *s, uint64_t first, uint64_t n)
{
	struct bins b = { clb_xcalloc(n + 1, sizeof(*b.v)), n };
	struct bin *taken = clb_xcalloc(s->replication, sizeof(*taken));
	uint64_t i = first;

	while (i < s->targets && put(s, &b, taken, s->weights[i]))
		i++;
	free(b.v);
	free(taken);
	return i == s->targets;
}

/*
 * The fewest that are sure to have room for all targets but those that are too
 * heavy for any. Sums give a number that is too low or right; from there on it
 * is tried.
 */
static uint64_t
ask_fit(const struct clb_scale *s)
{
	uint64_t first = 0, load = s->weight, low = s->replication, high, most, step = 1;

	if (s->max_targets == NONE && s->max_weight == NONE && s->replication == 1)
		return NONE;
	while (s->max_weight != NONE && first < s->targets && s->weights[first] > s->max_weight)
		load -= s->weights[first++];
	if (first == s->targets)
		return 0;
	low = greater(low, collectors(times(s->targets - first, s->replication), s->max_targets));
	if (s->max_weight == NONE)
		return low;
	low = greater(low, collectors(times(load, s->replication), s->max_weight));
	most = lesser(s->max, CLB_SCALE_MOST_COLLECTORS);
	if (low >= most || fits_on(s, first, low))
		return low;
	for (high = low; ; step *= 2) {
		high = lesser(high + step, most);
		if (high == most || fits_on(s, first, high))
			break;
		low = high;
	}
	while (high - low > 1) {
		uint64_t mid = low + (high - low) / 2;

		if (fits_on(s, first, mid))
			high = mid;
		else
			low = mid;
	}
	return high;
}

static void
ask_all(const struct clb_scale *s, struct clb_scale_answer *a)
{
	uint64_t targets = times(s->targets, s->replication);
	uint64_t weight = times(s->weight, s->replication);
	uint64_t most = 0;

	a->targets = ask(s, a->current, targets, s->targets_per_replica);
	a->weight = ask(s, a->current, weight, s->weight_per_replica);
	a->fit = ask_fit(s);
	a->rule = "fit";
	if (a->fit != NONE)
		most = a->fit;
	if (a->weight != NONE && a->weight >= most) {
		most = a->weight;
		a->rule = a->weight == collectors(weight, s->weight_per_replica) ?
		    "weight" : "tolerance";
	}
	if (a->targets != NONE && a->targets >= most) {
		most = a->targets;
		a->rule = a->targets == collectors(targets, s->targets_per_replica) ?
		    "targets" : "tolerance";
	}
	a->wanted = most;
}

/* ---- history ---- */

static uint64_t
window_of(const struct clb_scale *s)
{
	return greater(s->limits[CLB_SCALE_UP].window, s->limits[CLB_SCALE_DOWN].window);
}

static uint64_t
period_of(const struct clb_scale *s)
{
	return greater(s->limits[CLB_SCALE_UP].period, s->limits[CLB_SCALE_DOWN].period);
}

/* 1 if the moments are one, for something that matters so long. */
static int
same_moment(uint64_t a, uint64_t b, uint64_t matters)
{
	uint64_t grain = matters / (CLB_SCALE_KEPT - 2) + 1;

	return a / grain == b / grain;
}

/* What time the entry of time t has: a clock that was set back must not hold for ever. */
static uint64_t
not_later(uint64_t t, uint64_t now)
{
	return lesser(t, now);
}

static void
add_asked(struct clb_scale_history *h, struct clb_scale_asked x, uint64_t matters)
{
	struct clb_scale_asked *last = &h->asked[h->nasked];

	if (h->nasked == 0 || !same_moment(last[-1].time, x.time, matters)) {
		h->asked[h->nasked++] = x;
		return;
	}
	last[-1] = (struct clb_scale_asked){ x.time, lesser(last[-1].least, x.least),
	    greater(last[-1].most, x.most) };
}

static void
add_change(struct clb_scale_history *h, enum clb_scale_way way, struct clb_scale_change x,
    uint64_t matters)
{
	struct clb_scale_change *last = &h->change[way][h->nchanges[way]];

	if (h->nchanges[way] == 0 || !same_moment(last[-1].time, x.time, matters)) {
		h->change[way][h->nchanges[way]++] = x;
		return;
	}
	last[-1] = (struct clb_scale_change){ x.time, last[-1].n + x.n };
}

/* Drop what no longer matters, which leaves room for one more of everything. */
static void
forget(struct clb_scale_history *h, const struct clb_scale *s)
{
	size_t n = h->nasked;

	h->nasked = 0;
	for (size_t i = 0; i < n; i++) {
		struct clb_scale_asked x = h->asked[i];

		x.time = not_later(x.time, s->now);
		if (s->now - x.time < window_of(s))
			add_asked(h, x, window_of(s));
	}
	for (int way = 0; way < CLB_SCALE_WAYS; way++) {
		n = h->nchanges[way];
		h->nchanges[way] = 0;
		for (size_t i = 0; i < n; i++) {
			struct clb_scale_change x = h->change[way][i];

			x.time = not_later(x.time, s->now);
			if (s->now - x.time < period_of(s))
				add_change(h, way, x, period_of(s));
		}
	}
}

/* A change that the last run wanted, and nobody made, is none. */
static void
take_back(struct clb_scale_history *h, uint64_t current)
{
	enum clb_scale_way way = h->desired > h->current ? CLB_SCALE_UP : CLB_SCALE_DOWN;
	struct clb_scale_change *last = &h->change[way][h->nchanges[way]];
	uint64_t n;

	if (h->current == NONE || h->desired == h->current || current == h->desired ||
	    h->nchanges[way] == 0)
		return;
	n = way == CLB_SCALE_UP ? h->desired - h->current : h->current - h->desired;
	last[-1].n -= lesser(n, last[-1].n);
	if (last[-1].n == 0)
		h->nchanges[way]--;
}

static void
note_change(struct clb_scale_history *h, const struct clb_scale *s,
    const struct clb_scale_answer *a)
{
	h->current = a->current;
	h->desired = a->desired;
	if (a->current == NONE || a->desired == a->current)
		return;
	if (a->desired > a->current)
		add_change(h, CLB_SCALE_UP, (struct clb_scale_change){ s->now,
		    a->desired - a->current }, period_of(s));
	else
		add_change(h, CLB_SCALE_DOWN, (struct clb_scale_change){ s->now,
		    a->current - a->desired }, period_of(s));
}

/* ---- windows and limits ---- */

/*
 * In the up window the least that was asked for counts, in the down window the
 * most; what is between the two leaves the number as it is.
 */
static uint64_t
stabilise(const struct clb_scale_history *h, const struct clb_scale *s,
    const struct clb_scale_answer *a)
{
	uint64_t up = a->wanted, down = a->wanted;

	for (size_t i = 0; i < h->nasked; i++) {
		uint64_t age = s->now - h->asked[i].time;

		if (age < s->limits[CLB_SCALE_UP].window)
			up = lesser(up, h->asked[i].least);
		if (age < s->limits[CLB_SCALE_DOWN].window)
			down = greater(down, h->asked[i].most);
	}
	return lesser(greater(a->current, up), down);
}

/* How many more, or fewer, there are since the period that ends at time t began. */
static uint64_t
changed(const struct clb_scale_history *h, enum clb_scale_way way, uint64_t t, uint64_t period)
{
	uint64_t n = 0;

	for (size_t i = 0; h != NULL && i < h->nchanges[way]; i++)
		if (t - h->change[way][i].time < period)
			n += h->change[way][i].n;
	return n;
}

/*
 * The number that a change at time t may end with, having current collectors.
 * Percentages are rounded as an HPA rounds, in its floating point: up to the
 * next number, down to the one below, so that one can always come or go.
 */
static uint64_t
limit(const struct clb_scale_history *h, const struct clb_scale *s, enum clb_scale_way way,
    uint64_t current, uint64_t t)
{
	const struct clb_scale_limits *l = &s->limits[way];
	uint64_t added = changed(h, CLB_SCALE_UP, t, l->period);
	uint64_t removed = changed(h, CLB_SCALE_DOWN, t, l->period);
	uint64_t start = current + removed > added ? current + removed - added : 0;
	uint64_t by_step, by_percent, least, most;
	double fraction = l->percent == NONE ? 0 : (double)l->percent / 100;

	if (l->select == CLB_SCALE_NEVER)
		return current;
	if (l->step == NONE && l->percent == NONE)
		return way == CLB_SCALE_UP ? NONE : 0;
	if (way == CLB_SCALE_UP) {
		by_step = start + lesser(l->step, CLB_SCALE_MOST_COLLECTORS);
		by_percent = (uint64_t)ceil((double)start * (1 + fraction));
	} else {
		by_step = start > l->step ? start - l->step : 0;
		by_percent = fraction < 1 ? (uint64_t)((double)start * (1 - fraction)) : 0;
	}
	if (l->step == NONE)
		by_step = by_percent;
	if (l->percent == NONE)
		by_percent = by_step;
	least = lesser(by_step, by_percent);
	most = greater(by_step, by_percent);
	if (way == CLB_SCALE_UP)
		return greater(current, l->select == CLB_SCALE_MOST ? most : least);
	return lesser(current, l->select == CLB_SCALE_MOST ? least : most);
}

static void
decide(const struct clb_scale_history *h, const struct clb_scale *s, struct clb_scale_answer *a)
{
	uint64_t n, edge;

	n = h != NULL ? stabilise(h, s, a) : a->wanted;
	if (n != a->wanted)
		a->rule = n < a->wanted ? "up-window" : "down-window";
	if (n > a->current) {
		edge = limit(h, s, CLB_SCALE_UP, a->current, s->now);
		if (n > edge) {
			n = edge;
			a->rule = "up-limit";
		}
	} else if (n < a->current) {
		edge = limit(h, s, CLB_SCALE_DOWN, a->current, s->now);
		if (n < edge) {
			n = edge;
			a->rule = "down-limit";
		}
	}
	a->desired = n;
}

/* ---- the next change ---- */

/* 1 if at time t a change from n is allowed, as far as the limits go. */
static int
is_allowed(const struct clb_scale_history *h, const struct clb_scale *s, enum clb_scale_way way,
    uint64_t n, uint64_t t)
{
	return limit(h, s, way, n, t) != n;
}

static uint64_t
next_change(const struct clb_scale_history *h, const struct clb_scale *s, enum clb_scale_way way,
    uint64_t n)
{
	const struct clb_scale_limits *l = &s->limits[way];
	uint64_t t = s->now, best = NONE;

	if (h == NULL || l->select == CLB_SCALE_NEVER ||
	    (way == CLB_SCALE_UP ? n >= s->max : n <= s->min))
		return NONE;
	for (size_t i = 0; i < h->nasked; i++)
		if (way == CLB_SCALE_UP ? h->asked[i].least <= n : h->asked[i].most >= n)
			t = greater(t, h->asked[i].time + l->window);
	if (is_allowed(h, s, way, n, t))
		return t;
	/* A limit is lifted when an earlier change is a period old. */
	for (int w = 0; w < CLB_SCALE_WAYS; w++)
		for (size_t i = 0; i < h->nchanges[w]; i++) {
			uint64_t end = h->change[w][i].time + l->period;

			if (end > t && end < best && is_allowed(h, s, way, n, end))
				best = end;
		}
	return best;
}

/* ---- the whole ---- */

static void
prepare(struct clb_scale_history *h, const struct clb_scale *s, uint64_t current)
{
	take_back(h, current);
	forget(h, s);
	/* Like an HPA that has just been started: there are as many as were asked for. */
	if (h->desired == NONE && current != NONE && window_of(s) > 0)
		add_asked(h, (struct clb_scale_asked){ s->now, current, current }, window_of(s));
}

struct clb_scale_answer
clb_scale(const struct clb_scale *s, struct clb_scale_history *h)
{
	struct clb_scale_answer a = { .current = s->current };

	if (a.current == NONE && h != NULL)
		a.current = h->desired;
	if (h != NULL)
		prepare(h, s, a.current);
	ask_all(s, &a);
	/* Of none there is no share; and out of bounds nothing is waited for. */
	if (a.current == NONE || a.current == 0)
		a.desired = a.wanted;
	else if (a.current < s->min || a.current > s->max)
		a.desired = a.current;
	else
		decide(h, s, &a);
	if (a.desired < s->min) {
		a.desired = s->min;
		a.rule = "min";
	} else if (a.desired > s->max) {
		a.desired = s->max;
		a.rule = "max";
	}
	if (h != NULL) {
		if (window_of(s) > 0)
			add_asked(h, (struct clb_scale_asked){ s->now, a.wanted, a.wanted },
			    window_of(s));
		note_change(h, s, &a);
	}
	for (int way = 0; way < CLB_SCALE_WAYS; way++)
		a.next[way] = next_change(h, s, way, a.desired);
	return a;
}

/* ---- out ---- */

/* A number, or null for the one that stands for none; with a comma before it, but for the first. */
static void
add_number(struct clb_buf *out, const char *key, uint64_t v)
{
	char last = out->n > 0 ? out->p[out->n - 1] : '{';

	if (last != '{')
		clb_buf_addc(out, ',');
	if (v == NONE)
		clb_buf_printf(out, "\"%s\":null", key);
	else
		clb_buf_printf(out, "\"%s\":%llu", key, (unsigned long long)v);
}

void
clb_scale_json(struct clb_buf *out, const struct clb_scale *s, const struct clb_scale_answer *a)
{
	clb_buf_adds(out, "{\"asked\":{");
	add_number(out, "fit", a->fit);
	add_number(out, "targets", a->targets);
	add_number(out, "weight", a->weight);
	clb_buf_addc(out, '}');
	add_number(out, "current", a->current);
	add_number(out, "desired", a->desired);
	add_number(out, "max", s->max);
	add_number(out, "max_targets", s->max_targets);
	add_number(out, "max_weight", s->max_weight);
	add_number(out, "min", s->min);
	clb_buf_adds(out, ",\"next\":{");
	add_number(out, "down", a->next[CLB_SCALE_DOWN]);
	add_number(out, "up", a->next[CLB_SCALE_UP]);
	clb_buf_addc(out, '}');
	add_number(out, "replication", s->replication);
	clb_buf_printf(out, ",\"rule\":\"%s\"", a->rule);
	add_number(out, "targets", s->targets);
	add_number(out, "targets_per_replica", s->targets_per_replica);
	add_number(out, "time", s->now);
	clb_buf_printf(out, ",\"tolerance\":%g", s->tolerance);
	add_number(out, "wanted", a->wanted);
	add_number(out, "weight", s->weight);
	add_number(out, "weight_per_replica", s->weight_per_replica);
	clb_buf_adds(out, "}\n");
}
