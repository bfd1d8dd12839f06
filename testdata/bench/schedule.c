/*
 * Balance and movement of every strategy, side by side with what is known of
 * the others that have it: make bench-schedule.
 *
 *	schedule [targets [seeds]]
 *
 * Targets have weights that are lognormal with sigma 1.5, as samples a scrape
 * about are. Whatever is printed is the mean of all seeds. The targets go the
 * way that they go in clb-schedule: as a stream, and the assignment as one.
 *
 * The collectors are called otel-collector-0 and so on. Names matter to
 * consistent hashing, which has but five points on the ring for each: the share
 * that is known of the target allocator is what these give, and how much moves
 * with others is told below the table.
 *
 * Exit status: 1 if a figure is not what it should be. One that is known from
 * elsewhere is the mean of ten seeds as well: it may differ by three times the
 * standard error of both, and what rounding took from it.
 */
#include <math.h>

#include "testdata/bench/run.h"

#define SIZES 2
#define PREFIX "otel-collector-"
static const uint32_t size[SIZES] = { 10, 50 };

/* ---- what is measured ---- */

enum figure { COUNT, WEIGHT, MOVED, NFIGURES };

/* max/mean by count and by weight, and the share moved when one is added. */
struct figures {
	double v[NFIGURES];
};

struct row {
	const char *name;
	enum clb_strategy strategy;
	double tolerance;
	/* What is known of the peer: the allocator's, vmagent's; 0 where nothing is. */
	const char *peer;
	struct figures known[SIZES];
	/* What must not be passed, where it is not 0. */
	struct figures most[SIZES];
	const char *prefix;	/* of the collectors' names, NULL for the usual one */
};

/* A figure over all seeds. */
struct mean {
	double sum, squares;
	uint64_t n;
};

static void
add(struct mean m[NFIGURES], const struct figures *f)
{
	for (int i = 0; i < NFIGURES; i++) {
		m[i].sum += f->v[i];
		m[i].squares += f->v[i] * f->v[i];
		m[i].n++;
	}
}

static double
mean(const struct mean *m)
{
	return m->sum / (double)m->n;
}

static double
standard_error(const struct mean *m)
{
	double n = (double)m->n, variance = m->squares / n - mean(m) * mean(m);

	return n > 1 ? sqrt(fmax(variance, 0) / (n - 1)) : 0;
}

static const struct row rows[] = {
	{ .name = "least-weighted --tolerance 0.01", .strategy = CLB_LEAST_WEIGHTED,
	    .tolerance = 0.01, .most = { { { 0, 0, 0.091 } }, { { 0, 0, 0.020 } } } },
	{ .name = "least-weighted", .strategy = CLB_LEAST_WEIGHTED, .tolerance = 0.05 },
	{ .name = "consistent-hashing", .strategy = CLB_CONSISTENT_HASHING,
	    .peer = "target allocator",
	    .known = { { { 1.14, 1.22, 0.099 } }, { { 1.30, 1.78, 0.059 } } } },
	{ .name = "vmagent", .strategy = CLB_VMAGENT, .peer = "vmagent",
	    .known = { { { 1.05, 1.15, 0.91 } }, { { 1.17, 1.63, 0.98 } } } },
	{ .name = "hashmod", .strategy = CLB_HASHMOD, .peer = "prometheus-operator",
	    .known = { { { 1.05, 1.15, 0.91 } }, { { 1.17, 1.63, 0.98 } } } },
	{ .name = "per-node", .strategy = CLB_PER_NODE },
};

#define NROWS (sizeof(rows) / sizeof(*rows))

/* ---- one more collector ---- */

/* What clb-schedule does, with the previous assignment in a stream, or NULL. */
static void
schedule(struct run *r, const struct row *row, const struct clb_buf *targets, uint32_t n,
    const struct clb_buf *previous)
{
	memset(r, 0, sizeof(*r));
	make_collectors(&r->collectors, row->prefix != NULL ? row->prefix : PREFIX, n);
	prepare(r, row->strategy, row->tolerance, file_of(targets),
	    previous != NULL ? file_of(previous) : -1);
	decide(r);
}

static void
write_assignment(const struct run *r, struct clb_buf *out)
{
	struct clb_err e = CLB_ERR_INIT;
	struct clb_out o;
	int fd = memfd_create("assignment", MFD_CLOEXEC), again;
	off_t n;

	if (fd == -1 || (again = dup(fd)) == -1)
		err(1, "memfd");
	clb_out_init(&o, fd, "assignment");
	if (clb_assignment_write(&r->a, &r->collectors, &o, &e) == -1 || clb_out_close(&o, &e) == -1)
		die(&e);
	if ((n = lseek(again, 0, SEEK_END)) == -1)
		err(1, "memfd");
	out->n = 0;
	clb_buf_reserve(out, (size_t)n);
	if (pread(again, out->p, (size_t)n, 0) != n)
		err(1, "memfd");
	out->n = (size_t)n;
	close(again);
}

/* Greatest over mean of what each of n has. */
static double
imbalance(const double *load, uint32_t n)
{
	double most = 0, sum = 0;

	for (uint32_t c = 0; c < n; c++) {
		most = fmax(most, load[c]);
		sum += load[c];
	}
	return most / (sum / n);
}

static void
measure(const struct run *r, struct figures *f, double *floor)
{
	uint32_t n = r->collectors.nseats;
	double *count = clb_xcalloc(n, sizeof(*count)), *weight = clb_xcalloc(n, sizeof(*weight));

	for (size_t i = 0; i < r->a.n; i++) {
		count[r->a.where[i]] += 1;
		weight[r->a.where[i]] += (double)r->a.target[i].weight;
	}
	f->v[COUNT] = imbalance(count, n);
	f->v[WEIGHT] = imbalance(weight, n);
	*floor = clb_schedule_balance(&r->s, r->a.where).floor;
	free(count);
	free(weight);
}

/* The share of targets that have another collector, by name. */
static double
moved(const struct run *before, const struct run *after)
{
	size_t n = 0;

	for (size_t i = 0; i < before->a.n; i++)
		n += !clb_str_eq(before->collectors.names.str[before->a.where[i]],
		    after->collectors.names.str[after->a.where[i]]);
	return (double)n / (double)before->a.n;
}

/*
 * N collectors, then one more. floor is what the weight's figure cannot be
 * below, above how much it is above that, before or after.
 */
static struct figures
try(const struct row *row, const struct clb_buf *targets, uint32_t n, double *above, double *floor)
{
	struct clb_buf previous = { NULL, 0, 0 };
	struct run before, after;
	struct figures f, grown;
	double floor_then;

	schedule(&before, row, targets, n, NULL);
	measure(&before, &f, floor);
	*above = f.v[WEIGHT] / *floor - 1;
	write_assignment(&before, &previous);
	schedule(&after, row, targets, n + 1, &previous);
	measure(&after, &grown, &floor_then);
	*above = fmax(*above, grown.v[WEIGHT] / floor_then - 1);
	f.v[MOVED] = moved(&before, &after);
	clb_buf_release(&previous);
	release(&before);
	release(&after);
	return f;
}

/*
 * The target allocator's least-weighted: each target, in no order, to a
 * collector with the fewest targets, and there it stays; one that is added gets
 * what comes later, and so has nothing here.
 */
static struct figures
try_allocator(const struct clb_buf *targets, struct random *r, uint32_t n)
{
	static const struct row row = { .strategy = CLB_HASHMOD };
	double *count = clb_xcalloc(n, sizeof(*count)), *weight = clb_xcalloc(n, sizeof(*weight));
	struct figures f = { { 0 } };
	size_t *order;
	struct run run;

	schedule(&run, &row, targets, n, NULL);
	order = clb_xcalloc(run.a.n, sizeof(*order));
	for (size_t i = 0, k; i < run.a.n; i++) {
		k = random_below(r, i + 1);
		order[i] = order[k];
		order[k] = i;
	}
	for (size_t i = 0; i < run.a.n; i++) {
		uint32_t c = (uint32_t)random_below(r, n), best = c;

		for (uint32_t k = 0; k < n; k++)
			if (count[(c + k) % n] < count[best])
				best = (c + k) % n;
		count[best] += 1;
		weight[best] += (double)run.a.target[order[i]].weight;
	}
	f.v[COUNT] = imbalance(count, n);
	f.v[WEIGHT] = imbalance(weight, n);
	free(order);
	free(count);
	free(weight);
	release(&run);
	return f;
}

/* ---- the table ---- */

static void
print_figure(enum figure i, double v)
{
	if (v == 0)
		printf(i == MOVED ? "        " : "       ");
	else
		printf(i == MOVED ? " %5.1f %%" : " %6.3f", i == MOVED ? v * 100 : v);
}

static void
print_row(const char *name, const struct figures f[SIZES])
{
	printf("%-34s", name);
	for (int k = 0; k < SIZES; k++) {
		printf("  ");
		for (int i = 0; i < NFIGURES; i++)
			print_figure(i, f[k].v[i]);
	}
	putchar('\n');
}

static int failures;

/* A figure that is not near what is known, or passes what is allowed. */
static void
check(const char *name, uint32_t n, enum figure i, const struct mean *m, double known, double most)
{
	static const char *const what[] = { "max/mean by count", "max/mean by weight", "moved" };
	double near = 3 * sqrt(2) * standard_error(m) + 0.005;

	if (known != 0 && fabs(mean(m) - known) > near) {
		warnx("%s, %u collectors: %s is %.3f, and not within %.3f of %.3f", name, n, what[i],
		    mean(m), near, known);
		failures++;
	}
	if (most != 0 && mean(m) > most) {
		warnx("%s, %u collectors: %s is %.4f, more than %.4f", name, n, what[i], mean(m), most);
		failures++;
	}
}

static void
print_all(const struct row *row, struct mean m[SIZES][NFIGURES])
{
	struct figures f[SIZES];
	char text[64];

	for (int k = 0; k < SIZES; k++)
		for (int i = 0; i < NFIGURES; i++)
			f[k].v[i] = mean(&m[k][i]);
	print_row(row->name, f);
	if (row->peer != NULL) {
		snprintf(text, sizeof(text), "  known of %s", row->peer);
		print_row(text, row->known);
	}
	for (int k = 0; k < SIZES; k++)
		for (int i = 0; i < NFIGURES; i++)
			check(row->name, size[k], i, &m[k][i], row->known[k].v[i],
			    row->most[k].v[i]);
}

/* What consistent hashing moves depends on where five points happen to be. */
static void
try_names(uint64_t n, uint64_t names)
{
	struct mean m[SIZES][NFIGURES] = { { { 0, 0, 0 } } };
	struct row row = { .strategy = CLB_CONSISTENT_HASHING };
	struct clb_buf targets = { NULL, 0, 0 };
	double least[SIZES] = { 1, 1 }, most[SIZES] = { 0, 0 }, floor;
	char prefix[32];

	row.prefix = prefix;
	for (uint64_t i = 0; i < names; i++)
		for (int k = 0; k < SIZES; k++) {
			struct random r = random_from(100 + i);
			struct figures f;

			snprintf(prefix, sizeof(prefix), "c%u-collector-", (unsigned)i);
			make_targets(&targets, &r, n, size[k]);
			f = try(&row, &targets, size[k], &floor, &floor);
			add(m[k], &f);
			least[k] = fmin(least[k], f.v[MOVED]);
			most[k] = fmax(most[k], f.v[MOVED]);
		}
	printf("With %u other names consistent-hashing moves %.1f %% (%.1f to %.1f), and %.1f %% (%.1f to %.1f).\n",
	    (unsigned)names, mean(&m[0][MOVED]) * 100, least[0] * 100, most[0] * 100, mean(&m[1][MOVED]) * 100,
	    least[1] * 100, most[1] * 100);
	clb_buf_release(&targets);
}

int
main(int argc, char *argv[])
{
	static const struct row allocator = { .name = "target allocator's least-weighted",
	    .peer = "it", .known = { { { 0, 1.17, 0 } }, { { 0, 1.71, 0 } } } };
	static struct mean m[NROWS][SIZES][NFIGURES], peer[SIZES][NFIGURES], lowest[SIZES][NFIGURES];
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
	uint64_t seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : 10;
	struct clb_buf targets = { NULL, 0, 0 };
	double worst = 0, above, floor;

	for (uint64_t seed = 1; seed <= seeds; seed++)
		for (int k = 0; k < SIZES; k++) {
			struct random r = random_from(seed * 1000 + (uint64_t)k);
			struct figures f;

			make_targets(&targets, &r, n, size[k]);
			for (size_t i = 0; i < NROWS; i++) {
				f = try(&rows[i], &targets, size[k], &above, &floor);
				add(m[i][k], &f);
				if (rows[i].tolerance == 0.01)
					worst = fmax(worst, above);
			}
			f = (struct figures){ { 0, floor, 0 } };
			add(lowest[k], &f);
			f = try_allocator(&targets, &r, size[k]);
			add(peer[k], &f);
		}
	printf("%llu targets, weights lognormal with sigma 1.5, the mean of %llu seeds: the greatest over\n"
	    "the mean by count and by weight, and the share of targets that move when a collector\n"
	    "is added.\n\n", (unsigned long long)n, (unsigned long long)seeds);
	printf("%-34s  %22s  %22s\n", "", "10 collectors    ", "50 collectors    ");
	printf("%-34s   %6s %6s %7s   %6s %6s %7s\n", "", "count", "weight", "moved", "count",
	    "weight", "moved");
	for (size_t i = 0; i < NROWS; i++)
		print_all(&rows[i], m[i]);
	print_all(&allocator, peer);
	print_all(&(struct row){ .name = "the floor that nothing can beat" }, lowest);
	printf("\nleast-weighted --tolerance 0.01 is at most %.2f %% above the floor by weight, before and after.\n",
	    worst * 100);
	if (worst > 0.01) {
		warnx("that is more than 1 %%");
		failures++;
	}
	try_names(n, 2 * seeds);
	clb_buf_release(&targets);
	return failures > 0;
}
