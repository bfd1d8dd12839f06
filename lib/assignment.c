#include <stdlib.h>

#include "lib/assignment.h"
#include "lib/hash.h"

/* Where the count of turns stops. */
#define MAX_TURN (UINT32_MAX - 1)

/* ---- targets ---- */

void
clb_assignment_release(struct clb_assignment *a)
{
	clb_intern_release(&a->jobs);
	clb_arena_release(&a->arena);
	free(a->line);
	free(a->target);
	free(a->order);
	free(a->owner);
	free(a->where);
	free(a->moved);
	free(a->measured);
	clb_buf_release(&a->scratch);
	memset(a, 0, sizeof(*a));
}

/* The bytes that the field takes, with the comma, if it belongs where before says. */
static uint32_t
width(struct clb_str name, size_t value, int before, struct clb_str field, struct clb_buf *b)
{
	if ((clb_str_cmp(name, field) < 0) != before)
		return 0;
	b->n = 0;
	clb_json_string(b, name);
	return (uint32_t)(b->n + 1 + value + 1);
}

static uint32_t
string_width(struct clb_str name, struct clb_str value, int before, struct clb_str field,
    struct clb_buf *b)
{
	if (value.n == 0)
		return 0;
	b->n = 0;
	clb_json_string(b, value);
	return width(name, b->n, before, field, b);
}

/* Where collector, moved and weight belong, by what stands before or behind. */
static void
set_places(struct clb_line *line, const struct clb_target *t, struct clb_buf *b)
{
	static const struct clb_str collector = CLB_STR_INIT("collector"),
	    moved = CLB_STR_INIT("moved"), weight = CLB_STR_INIT("weight");
	uint32_t zone = string_width(CLB_STR("zone"), t->zone, 0, weight, b);

	line->at = 1 + string_width(CLB_STR("address"), t->address, 1, collector, b);
	line->weight_at = line->n - 2 - zone;
	line->moved_at = line->weight_at - string_width(CLB_STR("node"), t->node, 0, moved, b);
	for (size_t i = 0; i < t->nextra; i++) {
		const struct clb_label *x = &t->extra[i];

		line->at += width(x->name, x->value.n, 1, collector, b);
		line->moved_at -= width(x->name, x->value.n, 0, moved, b);
		line->weight_at -= width(x->name, x->value.n, 0, weight, b);
	}
}

/* vmagent's: "name=value," of each label, in the order of names. */
static uint64_t
key_of_labels(const struct clb_labels *ls, struct clb_buf *b)
{
	b->n = 0;
	for (size_t i = 0; i < ls->n; i++) {
		clb_buf_add(b, ls->v[i].name.s, ls->v[i].name.n);
		clb_buf_addc(b, '=');
		clb_buf_add(b, ls->v[i].value.s, ls->v[i].value.n);
		clb_buf_addc(b, ',');
	}
	return clb_hash_xxh64(b->p, b->n);
}

/* What the strategy goes by; each names what it hashes in clb-schedule(1). */
static uint64_t
key_of(struct clb_assignment *a, const struct clb_target *t)
{
	struct clb_str address = clb_labels_get(&t->labels, CLB_STR("__address__"));
	struct clb_str own = clb_labels_get(&t->labels, CLB_STR("__tmp_hash"));

	switch (a->hash) {
	case CLB_CONSISTENT_HASHING:
		if (t->address.n != 0)
			address = t->address;
		return clb_hash_xxh64(address.s, address.n);
	case CLB_HASHMOD:
		return own.n != 0 ? clb_hash_md5_tail(own.s, own.n) :
		    clb_hash_md5_tail(address.s, address.n);
	case CLB_VMAGENT:
		return key_of_labels(&t->labels, &a->scratch);
	default:
		return 0;
	}
}

static uint32_t
node_of(const struct clb_collectors *c, struct clb_str node)
{
	return node.n != 0 ? clb_intern_find(&c->nodes, node) : CLB_NOWHERE;
}

/* What the label says; 0 where it is not there or says nothing. */
static uint64_t
weight_of_label(struct clb_assignment *a, const struct clb_target *t)
{
	struct clb_str text = clb_labels_get(&t->labels, CLB_STR("__clb_weight__"));
	struct clb_token tok = { .str = text, .type = CLB_JSON_NUMBER };
	uint64_t weight;

	if (text.n == 0)
		return 0;
	if (clb_target_weight(&tok, &weight) == -1) {
		a->bad_weights++;
		return 0;
	}
	return weight;
}

static void
add_measured(struct clb_assignment *a, uint32_t job, uint64_t weight)
{
	if (a->nmeasured == a->measured_cap) {
		a->measured_cap = a->measured_cap != 0 ? 2 * a->measured_cap : 1024;
		a->measured = clb_xreallocarray(a->measured, a->measured_cap,
		    sizeof(*a->measured));
	}
	a->measured[a->nmeasured++] = (struct clb_keyed){ weight, job };
}

static uint64_t
weight_of(struct clb_assignment *a, const struct clb_target *t, uint32_t job)
{
	const struct clb_weight *w = a->weights != NULL ? clb_weights_find(a->weights, t) : NULL;
	uint64_t weight = weight_of_label(a, t);

	if (w != NULL)
		add_measured(a, job, w->weight);
	if (weight == 0)
		weight = w != NULL ? w->weight : (t->has & CLB_HAS_WEIGHT) ? t->weight : 0;
	return weight;
}

static void
add_target(struct clb_assignment *a, const struct clb_collectors *c, struct clb_target *t,
    struct clb_buf *b)
{
	uint32_t job = clb_intern_put(&a->jobs, t->job);
	struct clb_line *line;

	if (a->n == a->cap) {
		a->cap = a->cap != 0 ? 2 * a->cap : 1024;
		a->line = clb_xreallocarray(a->line, a->cap, sizeof(*a->line));
		a->target = clb_xreallocarray(a->target, a->cap, sizeof(*a->target));
	}
	a->target[a->n] = (struct clb_placement){ t->id, weight_of(a, t, job), key_of(a, t),
	    job, node_of(c, t->node) };
	t->collector.n = 0;
	t->moved = 0;
	t->has &= ~(unsigned)CLB_HAS_WEIGHT;
	clb_labels_set(&t->labels, CLB_STR("__clb_weight__"), CLB_STR(""));
	b->n = 0;
	clb_target_json(b, t);
	line = &a->line[a->n++];
	line->n = (uint32_t)b->n;
	line->text = clb_arena_str(&a->arena, b->p, b->n).s;
	set_places(line, t, b);
}

int
clb_assignment_read(struct clb_assignment *a, const struct clb_collectors *c,
    struct clb_stream *s, struct clb_err *e)
{
	struct clb_buf line = { NULL, 0, 0 };
	struct clb_target t = { 0 };
	int rc;

	while ((rc = clb_target_next_by_id(&t, a->n, s, e)) == 1)
		add_target(a, c, &t, &line);
	clb_buf_release(&line);
	clb_target_release(&t);
	return rc;
}

/* All that is looked at: the rest of a previous assignment's records is passed over. */
static const struct clb_json_shape owner_field[] = {
	{ CLB_STR_INIT("collector"), NULL, 0 }, { CLB_STR_INIT("id"), NULL, 0 },
	{ CLB_STR_INIT("job"), NULL, 0 }, { CLB_STR_INIT("moved"), NULL, 0 },
};
static const struct clb_json_shape owner_shape = { CLB_STR_INIT(""), owner_field, 4 };

int
clb_assignment_read_previous(struct clb_assignment *a, struct clb_collectors *c,
    struct clb_stream *s, struct clb_err *e)
{
	struct clb_target t = { 0 };
	int rc;

	s->shape = &owner_shape;
	while ((rc = clb_target_next_by_id(&t, a->nowners, s, e)) == 1) {
		if (t.collector.n == 0) {
			rc = clb_stream_fail(s, 0, e, "the target has no collector");
			break;
		}
		if (a->nowners == a->owner_cap) {
			a->owner_cap = a->owner_cap != 0 ? 2 * a->owner_cap : 1024;
			a->owner = clb_xreallocarray(a->owner, a->owner_cap, sizeof(*a->owner));
		}
		a->owner[a->nowners++] = (struct clb_owner){ t.id,
		    clb_intern_put(&a->jobs, t.job), clb_intern_put(&c->names, t.collector),
		    (uint32_t)(t.moved < MAX_TURN ? t.moved : MAX_TURN) };
		if (a->owner[a->nowners - 1].moved >= a->turn)
			a->turn = a->owner[a->nowners - 1].moved + 1;
	}
	clb_target_release(&t);
	return rc;
}

/* ---- matching ---- */

static int
cmp_key(uint32_t job_a, uint64_t id_a, uint32_t job_b, uint64_t id_b)
{
	if (job_a != job_b)
		return job_a < job_b ? -1 : 1;
	return id_a < id_b ? -1 : id_a > id_b;
}

/* Jobs are numbered by rank: a name's number is its place in the order of names. */
static void
rank_jobs(struct clb_assignment *a)
{
	uint32_t *rank = clb_intern_ranks(&a->jobs), *at;
	struct clb_intern sorted = { 0 };

	at = clb_xreallocarray(NULL, a->jobs.n, sizeof(*at));
	for (uint32_t k = 0; k < a->jobs.n; k++)
		at[rank[k]] = k;
	for (uint32_t k = 0; k < a->jobs.n; k++)
		clb_intern_put(&sorted, a->jobs.str[at[k]]);
	for (size_t i = 0; i < a->n; i++)
		a->target[i].job = rank[a->target[i].job];
	for (size_t i = 0; i < a->nowners; i++)
		a->owner[i].job = rank[a->owner[i].job];
	for (size_t i = 0; i < a->nmeasured; i++)
		a->measured[i].value = rank[a->measured[i].value];
	clb_intern_release(&a->jobs);
	a->jobs = sorted;
	free(at);
	free(rank);
}

/* What is sorted by job and a number: the job above, the place it comes from below. */
static uint64_t
tag(uint32_t job, size_t i)
{
	return (uint64_t)job << 32 | i;
}

static uint32_t
job_of(const struct clb_keyed *v)
{
	return (uint32_t)(v->value >> 32);
}

/*
 * Sort by job, then key. v has room for 2 n; returns where the sorted n are in
 * it, and in first where each job begins, for which the last job's end is
 * behind the last. first is a new array.
 */
static struct clb_keyed *
sort_by_job(struct clb_keyed *v, size_t n, uint32_t njobs, size_t **first)
{
	size_t *at = clb_xcalloc((size_t)njobs + 2, sizeof(*at));

	clb_sort_keyed(v, v + n, n);
	for (size_t i = 0; i < n; i++)
		at[job_of(&v[i]) + 2]++;
	for (uint32_t k = 0; k < njobs; k++)
		at[k + 2] += at[k + 1];
	for (size_t i = 0; i < n; i++)
		v[n + at[job_of(&v[i]) + 1]++] = v[i];
	*first = at;
	return v + n;
}

/* Of two records of one target the lesser is it, or the order of the input would show. */
static int
is_lesser(const struct clb_assignment *a, uint32_t x, uint32_t y)
{
	int c = clb_str_cmp((struct clb_str){ a->line[x].text, a->line[x].n, 0 },
	    (struct clb_str){ a->line[y].text, a->line[y].n, 0 });

	return c != 0 ? c < 0 : a->target[x].weight < a->target[y].weight;
}

static void
sort_targets(struct clb_assignment *a)
{
	struct clb_placement *sorted = clb_xreallocarray(NULL, a->n, sizeof(*sorted));
	struct clb_keyed *v = clb_xreallocarray(NULL, a->n, 2 * sizeof(*v)), *in_order;
	size_t n = 0, *first;

	a->order = clb_xreallocarray(NULL, a->n, sizeof(*a->order));
	for (size_t i = 0; i < a->n; i++)
		v[i] = (struct clb_keyed){ a->target[i].id, tag(a->target[i].job, i) };
	in_order = sort_by_job(v, a->n, a->jobs.n, &first);
	for (size_t i = 0; i < a->n; i++) {
		uint32_t k = (uint32_t)in_order[i].value;
		const struct clb_placement *t = &a->target[k];

		if (n > 0 && cmp_key(t->job, t->id, sorted[n - 1].job, sorted[n - 1].id) == 0) {
			if (!is_lesser(a, k, a->order[n - 1]))
				continue;
			n--;
		}
		a->order[n] = k;
		sorted[n++] = *t;
	}
	free(v);
	free(first);
	free(a->target);
	a->target = sorted;
	a->n = n;
}

/* Of an even number the lesser of the two in the middle. */
static void
guess_weights(struct clb_assignment *a)
{
	size_t n = a->nmeasured, *first;
	struct clb_keyed *v = clb_xreallocarray(NULL, n, 2 * sizeof(*v)), *in_order;

	for (size_t i = 0; i < n; i++)
		v[i] = (struct clb_keyed){ a->measured[i].key,
		    tag((uint32_t)a->measured[i].value, i) };
	in_order = sort_by_job(v, n, a->jobs.n, &first);
	for (size_t i = 0; i < a->n; i++) {
		struct clb_placement *t = &a->target[i];
		size_t have = first[t->job + 1] - first[t->job];

		if (t->weight == 0)
			t->weight = have > 0 ? in_order[first[t->job] + (have - 1) / 2].key : 1;
	}
	free(first);
	free(v);
}

static uint64_t
mix(uint64_t id, uint32_t collector)
{
	uint64_t x = (id ^ collector * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;

	return x ^ x >> 32;
}

struct match {
	const struct clb_assignment *a;
	const struct clb_collectors *c;
};

/*
 * Owners of one target: those that are ready, then others that are there, then
 * the rest; of equal ones by chance, which spreads what fewer copies leave.
 */
static int
by_use(const void *x, const void *y, void *arg)
{
	const struct match *m = arg;
	const struct clb_owner *o[2] = { &m->a->owner[*(const uint32_t *)x],
	    &m->a->owner[*(const uint32_t *)y] };
	uint64_t key[2][4];

	for (int i = 0; i < 2; i++) {
		int there = o[i]->collector < m->c->nseats;

		key[i][0] = !there ? 2 : m->c->seat[o[i]->collector].state != CLB_READY;
		key[i][1] = there ? mix(o[i]->id, o[i]->collector) : 0;
		key[i][2] = o[i]->collector;
		key[i][3] = o[i]->moved;
	}
	for (int k = 0; k < 4; k++)
		if (key[0][k] != key[1][k])
			return key[0][k] < key[1][k] ? -1 : 1;
	return 0;
}

/* The n owners at v, all of one target, into where and moved, each once. */
static void
take_owners(const struct match *m, uint32_t *v, size_t n, uint32_t *where, uint32_t *moved)
{
	uint32_t k = 0;

	if (n > 1)
		qsort_r(v, n, sizeof(*v), by_use, (void *)m);
	for (size_t i = 0; i < n && k < m->a->replication; i++) {
		const struct clb_owner *o = &m->a->owner[v[i]];

		if (k == 0 || where[k - 1] != o->collector) {
			moved[k] = o->moved;
			where[k++] = o->collector;
		}
	}
}

static void
match_owners(struct clb_assignment *a, const struct clb_collectors *c)
{
	struct match m = { a, c };
	struct clb_keyed *v = clb_xreallocarray(NULL, a->nowners, 2 * sizeof(*v)), *in_order;
	uint32_t *number = clb_xreallocarray(NULL, a->nowners, sizeof(*number));
	size_t t = 0, *first;

	for (size_t i = 0; i < a->nowners; i++)
		v[i] = (struct clb_keyed){ a->owner[i].id, tag(a->owner[i].job, i) };
	in_order = sort_by_job(v, a->nowners, a->jobs.n, &first);
	for (size_t i = 0; i < a->nowners; i++)
		number[i] = (uint32_t)in_order[i].value;
	free(first);
	free(v);
	for (size_t i = 0, n; i < a->nowners; i += n) {
		const struct clb_owner *o = &a->owner[number[i]];

		for (n = 1; i + n < a->nowners && cmp_key(a->owner[number[i + n]].job,
		    a->owner[number[i + n]].id, o->job, o->id) == 0; n++)
			;
		a->previous++;
		while (t < a->n && cmp_key(a->target[t].job, a->target[t].id, o->job, o->id) < 0)
			t++;
		if (t < a->n && cmp_key(a->target[t].job, a->target[t].id, o->job, o->id) == 0)
			take_owners(&m, number + i, n, a->where + t * a->replication,
			    a->moved + t * a->replication);
		else
			a->missing++;
	}
	free(number);
}

void
clb_assignment_match(struct clb_assignment *a, const struct clb_collectors *c,
    uint32_t replication)
{
	rank_jobs(a);
	sort_targets(a);
	guess_weights(a);
	a->replication = replication;
	if (a->turn == 0)
		a->turn = 1;
	a->where = clb_xreallocarray(NULL, a->n, replication * sizeof(*a->where));
	memset(a->where, 0xff, a->n * replication * sizeof(*a->where));
	a->moved = clb_xcalloc(a->n, replication * sizeof(*a->moved));
	if (a->nowners > 0)
		match_owners(a, c);
	free(a->owner);
	a->owner = NULL;
	a->nowners = a->owner_cap = 0;
}

/* ---- out ---- */

uint32_t *
clb_assignment_sorted(const struct clb_assignment *a, const struct clb_collectors *c, size_t *n)
{
	size_t *next = clb_xcalloc((size_t)c->nseats + 1, sizeof(*next));
	size_t ncopies = a->n * a->replication;
	uint32_t *sorted = clb_xreallocarray(NULL, ncopies, sizeof(*sorted));

	*n = 0;
	for (size_t i = 0; i < ncopies; i++)
		if (a->where[i] != CLB_NOWHERE) {
			next[a->where[i] + 1]++;
			++*n;
		}
	for (uint32_t k = 0; k < c->nseats; k++)
		next[k + 1] += next[k];
	for (size_t i = 0; i < ncopies; i++)
		if (a->where[i] != CLB_NOWHERE)
			sorted[next[a->where[i]]++] = (uint32_t)i;
	free(next);
	return sorted;
}

/* Lines lie in the order of the input: ask for those that come next. */
static void
prefetch(const struct clb_assignment *a, const uint32_t *sorted, size_t i, size_t n)
{
	if (i + 32 < n)
		__builtin_prefetch(&a->line[a->order[sorted[i + 32] / a->replication]]);
	if (i + 16 < n) {
		const struct clb_line *line = &a->line[a->order[sorted[i + 16] / a->replication]];

		for (uint32_t at = 0; at < line->n; at += 64)
			__builtin_prefetch(line->text + at);
	}
}

static void
add_number(struct clb_buf *b, uint64_t v)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	clb_buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

int
clb_assignment_write(const struct clb_assignment *a, const struct clb_collectors *c,
    struct clb_out *out, struct clb_err *e)
{
	struct clb_buf field = { NULL, 0, 0 };
	uint32_t last = CLB_NOWHERE, *sorted;
	size_t n;
	int rc = 0;

	sorted = clb_assignment_sorted(a, c, &n);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct clb_line *line = &a->line[a->order[sorted[i] / a->replication]];
		uint32_t collector = a->where[sorted[i]];

		prefetch(a, sorted, i, n);
		if (collector != last) {
			field.n = 0;
			clb_buf_adds(&field, "\"collector\":");
			clb_json_string(&field, c->names.str[collector]);
			clb_buf_addc(&field, ',');
			last = collector;
		}
		clb_buf_add(&out->buf, line->text, line->at);
		clb_buf_add(&out->buf, field.p, field.n);
		clb_buf_add(&out->buf, line->text + line->at, line->moved_at - line->at);
		if (a->moved[sorted[i]] != 0) {
			clb_buf_add(&out->buf, ",\"moved\":", sizeof(",\"moved\":") - 1);
			add_number(&out->buf, a->moved[sorted[i]]);
		}
		clb_buf_add(&out->buf, line->text + line->moved_at, line->weight_at - line->moved_at);
		clb_buf_add(&out->buf, ",\"weight\":", sizeof(",\"weight\":") - 1);
		add_number(&out->buf, a->target[sorted[i] / a->replication].weight);
		clb_buf_add(&out->buf, line->text + line->weight_at, line->n - line->weight_at);
		rc = clb_out_record(out, e);
	}
	clb_buf_release(&field);
	free(sorted);
	return rc;
}
