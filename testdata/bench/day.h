#ifndef DAY_H
#define DAY_H

/*
 * A day of churn: targets come and go, one job grows tenfold, a collector dies,
 * and the number of collectors follows. Scheduling and scaling are those of the
 * library; the rest of the world is made up here, the same in every run.
 *
 * Every step of half a minute: pods come and go, weights are measured, clb_scale
 * is asked, collectors start and drain, and clb_schedule_run assigns.
 */
#include <err.h>
#include <stdlib.h>

#include "lib/scale.h"
#include "lib/schedule.h"
#include "testdata/bench/random.h"

enum {
	DAY_STEP = 30, DAY_SECONDS = 86400, DAY_STEPS = DAY_SECONDS / DAY_STEP,
	DAY_JOBS = 40, DAY_SEATS = 512,
	DAY_GROWING = 7,	/* the job that grows: */
	DAY_GROWS = 9 * 3600 + 1800, DAY_GROWN = 10 * 3600,
	DAY_SHRINKS = 15 * 3600, DAY_SHRUNK = 15 * 3600 + 1800,
	DAY_DEAD = 3,		/* the collector that dies: */
	DAY_DIES = 12 * 3600 + 1800, DAY_RETURNS = DAY_DIES + 600,
	DAY_BATCH = 600,	/* every hour a job runs so long */
	DAY_STARTING = 60	/* so long a new collector takes to be ready */
};

struct day_target {
	struct clb_placement p;
	double truth, seen;	/* samples, and what is measured of them; 0: not yet */
	uint64_t born, moved;	/* when; moved: last from one that lives to another */
	uint32_t where, before;	/* before: where it was before it moved */
};

/* What is seen after a step. */
struct day_sample {
	uint32_t targets, desired, ready;
	double weight, imbalance, floor;
	uint32_t placed, departed, balance;	/* targets, by why they have another collector */
};

struct day {
	double size;		/* how many targets there are, about, at midnight */
	uint64_t per_replica;	/* weight that a collector is to have */
	double tolerance;	/* of the balance */
	struct day_sample sample[DAY_STEPS];
	/* How the number of collectors went. */
	uint32_t changes, turns;	/* how often; and in the other direction than before */
	uint64_t soonest_turn;	/* seconds between two changes in different directions, at least */
	uint64_t placed, departed, balance;
	uint64_t back;		/* of balance: moved back within ten minutes */
	uint32_t above;		/* steps after which balance was worse than it must be */
	double worst;		/* balance over its floor, of the worst step */
};

/* ---- the world ---- */

struct day_world {
	struct random r;
	struct day_target *t;
	size_t n, cap;
	struct clb_seat seat[DAY_SEATS];
	uint64_t started[DAY_SEATS];
	uint32_t nseats, desired;
	uint64_t now, changed;	/* changed: when desired did, */
	int up;			/* and whether it grew */
};

static inline void
day_come(struct day_world *w, uint32_t job)
{
	struct day_target *t;

	if (w->n == w->cap) {
		w->cap = w->cap != 0 ? 2 * w->cap : 4096;
		w->t = clb_xreallocarray(w->t, w->cap, sizeof(*w->t));
	}
	t = &w->t[w->n++];
	*t = (struct day_target){ .born = w->now, .where = CLB_NOWHERE, .before = CLB_NOWHERE };
	t->p = (struct clb_placement){ .id = random_number(&w->r), .job = job,
	    .node = CLB_NOWHERE };
	t->truth = (double)random_lognormal(&w->r, 300, 1.5);
}

/* How many targets a job is to have: by day more than by night, the growing one ten times. */
static inline double
day_wanted(const struct day *d, const struct day_world *w, uint32_t job)
{
	double hour = (double)w->now / 3600, n = d->size / DAY_JOBS, by = 1;

	if (job % 2 == 0)
		n *= 1.25 - 0.45 * cos((hour - 2) / 12 * 3.141592653589793);
	else if (job == 1)	/* the batch */
		return w->now % 3600 < DAY_BATCH ? 2 * n : 0;
	else if (job == DAY_GROWING)
		n *= 2;
	if (job != DAY_GROWING || w->now < DAY_GROWS || w->now >= DAY_SHRUNK)
		return n;
	by = w->now < DAY_GROWN ? (double)(w->now - DAY_GROWS) / (DAY_GROWN - DAY_GROWS) :
	    w->now < DAY_SHRINKS ? 1 :
	    (double)(DAY_SHRUNK - w->now) / (DAY_SHRUNK - DAY_SHRINKS);
	return n * (1 + 9 * by);
}

/* About one in 2000 is replaced in a step; and each job gets what it is to have. */
static inline void
day_churn(const struct day *d, struct day_world *w)
{
	size_t count[DAY_JOBS] = { 0 }, most[DAY_JOBS], n = 0;

	for (uint32_t job = 0; job < DAY_JOBS; job++)
		most[job] = (size_t)day_wanted(d, w, job);
	for (size_t i = w->n; i > 1; i--) {	/* who goes is nobody's choice */
		size_t k = random_below(&w->r, i);
		struct day_target t = w->t[k];

		w->t[k] = w->t[i - 1];
		w->t[i - 1] = t;
	}
	for (size_t i = 0; i < w->n; i++) {
		uint32_t job = w->t[i].p.job;

		if (count[job] >= most[job] || random_below(&w->r, 2000) == 0)
			continue;
		count[job]++;
		w->t[n++] = w->t[i];
	}
	w->n = n;
	for (uint32_t job = 0; job < DAY_JOBS; job++)
		for (; count[job] < most[job]; count[job]++)
			day_come(w, job);
}

/*
 * As clb-weigh does every five minutes, of scrapes that differ by some percent.
 * What was never scraped weighs what its job's median is; here all jobs' are one.
 */
static inline void
day_weigh(struct day_world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct day_target *t = &w->t[i];
		double now = t->truth * (1 + 0.03 * random_normal(&w->r));

		if (w->now == 0)
			t->seen = t->truth;
		else if (w->now % 300 == 0 && w->now - t->born >= 60)
			t->seen = t->seen == 0 ? now : t->seen + (now - t->seen) *
			    (1 - exp2(-300.0 / 1800));
		t->p.weight = t->seen == 0 ? 300 : t->seen < 1 ? 1 : (uint64_t)(t->seen + 0.5);
	}
}

/* ---- collectors ---- */

/* As an HPA would with its defaults, but for a tenth at most a minute on the way down. */
static inline struct clb_scale
day_scale(const struct day *d)
{
	struct clb_scale s = CLB_SCALE_INIT;

	s.min = 2;
	s.max = DAY_SEATS;
	s.weight_per_replica = d->per_replica;
	s.limits[CLB_SCALE_DOWN].percent = 10;
	return s;
}

/*
 * The first of them are wanted; those behind drain, and are gone in the step
 * after; new ones take their time to start.
 */
static inline void
day_start_and_stop(struct day_world *w)
{
	for (; w->nseats > w->desired && w->seat[w->nseats - 1].state == CLB_DRAINING; w->nseats--)
		;
	for (; w->nseats < w->desired; w->nseats++) {
		w->seat[w->nseats] = (struct clb_seat){ .max_weight = UINT64_MAX,
		    .max_targets = UINT64_MAX, .node = CLB_NOWHERE, .zone = CLB_NOWHERE,
		    .shard = w->nseats };
		w->started[w->nseats] = w->now > 0 ? w->now + DAY_STARTING : 0;
	}
	for (uint32_t c = 0; c < w->nseats; c++)
		w->seat[c].state = c >= w->desired ? CLB_DRAINING :
		    w->now < w->started[c] ||
		    (c == DAY_DEAD && w->now >= DAY_DIES && w->now < DAY_RETURNS) ?
		    CLB_PENDING : CLB_READY;
}

/* ---- assignment ---- */

static inline int
day_by_job_and_id(const void *a, const void *b)
{
	const struct clb_placement *x = &((const struct day_target *)a)->p;
	const struct clb_placement *y = &((const struct day_target *)b)->p;

	if (x->job != y->job)
		return x->job < y->job ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* It has moved: for balance only, and back to where it was a while ago? */
static inline void
day_note_move(struct day *d, struct day_world *w, struct day_target *t, uint32_t to, int balance)
{
	if (balance) {
		d->back += t->before == to && w->now - t->moved < 600;
		t->before = t->where;
		t->moved = w->now;
	}
	t->where = to;
}

static inline void
day_assign(struct day *d, struct day_world *w, struct day_sample *sample)
{
	struct clb_placement *p = clb_xcalloc(w->n, sizeof(*p));
	uint32_t *where = clb_xcalloc(w->n, sizeof(*where));
	unsigned char *why = clb_xcalloc(w->n, 1);
	struct clb_schedule s = { .strategy = CLB_LEAST_WEIGHTED, .fallback = CLB_NO_STRATEGY,
	    .target = p, .ntargets = w->n, .seat = w->seat, .nseats = w->nseats,
	    .replication = 1, .where = where, .why = why, .tolerance = d->tolerance,
	    .max_moves = SIZE_MAX, .zone_skew = SIZE_MAX };
	struct clb_err e = CLB_ERR_INIT;
	struct clb_balance balance;

	qsort(w->t, w->n, sizeof(*w->t), day_by_job_and_id);
	for (size_t i = 0; i < w->n; i++) {
		p[i] = w->t[i].p;
		where[i] = w->t[i].where;
	}
	if (clb_schedule_run(&s, &e) == -1)
		errx(1, "%s", e.msg);
	for (size_t i = 0; i < w->n; i++)
		if (where[i] != w->t[i].where)
			day_note_move(d, w, &w->t[i], where[i], why[i] == CLB_MOVED);
	balance = clb_schedule_balance(&s, where);
	sample->imbalance = balance.imbalance;
	sample->floor = balance.floor;
	d->placed += sample->placed = (uint32_t)s.count[CLB_PLACED];
	d->departed += sample->departed = (uint32_t)s.count[CLB_DEPARTED];
	d->balance += sample->balance = (uint32_t)s.count[CLB_MOVED];
	free(p);
	free(where);
	free(why);
}

/* ---- the day ---- */

/* What is decided in a step, and how that goes with the decisions before. */
static inline void
day_ask(struct day *d, struct day_world *w, struct clb_scale *s, struct clb_scale_history *h)
{
	uint64_t before = w->desired;
	int up;

	s->now = w->now;
	s->targets = w->n;
	s->weight = 0;
	for (size_t i = 0; i < w->n; i++)
		s->weight += w->t[i].p.weight;
	s->current = w->now > 0 ? before : CLB_SCALE_NONE;
	w->desired = (uint32_t)clb_scale(s, h).desired;
	if (w->now == 0 || w->desired == before)
		return;
	up = w->desired > before;
	if (d->changes > 0 && up != w->up) {
		d->turns++;
		if (w->now - w->changed < d->soonest_turn)
			d->soonest_turn = w->now - w->changed;
	}
	d->changes++;
	w->changed = w->now;
	w->up = up;
}

/*
 * What is said never to happen, or NULL. To oscillate is to change the number
 * one way and then the other before the load can have turned, or to move
 * targets to and fro; that a batch comes and goes every hour must not show.
 */
static inline const char *
day_fault(const struct day *d)
{
	if (d->changes > 30)
		return "the number of collectors changed more than 30 times";
	if (d->turns > 6)
		return "it turned more often than the load";
	if (d->soonest_turn < 1800)
		return "it turned within half an hour";
	if (d->back * 50 > d->balance)
		return "more than one in 50 that balance moved was moved back within ten minutes";
	if (d->above > 0)
		return "balance was worse than it must be";
	return NULL;
}

/* d->size, per_replica and tolerance are given; the rest is filled in. */
static inline void
day_run(struct day *d, uint64_t seed)
{
	struct day_world w = { .r = random_from(seed) };
	struct clb_scale_history history = CLB_SCALE_HISTORY_INIT;
	struct clb_scale s = day_scale(d);
	double above;

	d->soonest_turn = UINT64_MAX;
	d->changes = d->turns = d->above = 0;
	d->placed = d->departed = d->balance = d->back = 0;
	d->worst = 1;
	for (size_t i = 0; i < DAY_STEPS; i++) {
		struct day_sample *sample = &d->sample[i];

		w.now = i * DAY_STEP;
		day_churn(d, &w);
		day_weigh(&w);
		day_ask(d, &w, &s, &history);
		day_start_and_stop(&w);
		day_assign(d, &w, sample);
		sample->targets = (uint32_t)w.n;
		sample->weight = (double)s.weight;
		sample->desired = w.desired;
		sample->ready = 0;
		for (uint32_t c = 0; c < w.nseats; c++)
			sample->ready += w.seat[c].state == CLB_READY;
		above = sample->imbalance / fmax(sample->floor, 1);
		d->worst = fmax(d->worst, above);
		d->above += above > 1 + d->tolerance + 1e-9;
	}
	free(w.t);
}

#endif
