#include <stdlib.h>

#include "lib/assignment.h"
#include "lib/target.h"

/* ---- collectors ---- */

void
clb_collectors_release(struct clb_collectors *c)
{
	clb_intern_release(&c->names);
	free(c->ready);
	c->ready = NULL;
}

/* Names and states as they came become those of c, in order. Frees what came. */
static void
adopt(struct clb_collectors *c, struct clb_intern *names, unsigned char *ready)
{
	uint32_t *rank = clb_intern_ranks(names), *at;

	at = clb_xreallocarray(NULL, names->n, sizeof(*at));
	for (uint32_t k = 0; k < names->n; k++)
		at[rank[k]] = k;
	c->ready = clb_xmalloc(names->n);
	for (uint32_t k = 0; k < names->n; k++) {
		clb_intern_put(&c->names, names->str[at[k]]);
		c->ready[k] = ready[at[k]];
	}
	free(at);
	free(rank);
	free(ready);
	clb_intern_release(names);
}

void
clb_collectors_number(struct clb_collectors *c, uint32_t n, const char *prefix)
{
	struct clb_intern names = { 0 };
	unsigned char *ready = clb_xmalloc(n);

	for (uint32_t k = 0; k < n; k++) {
		char *name = clb_xasprintf("%s%u", prefix, (unsigned)k);

		clb_intern_put(&names, clb_str(name));
		ready[k] = 1;
		free(name);
	}
	adopt(c, &names, ready);
}

/* One line: its name, and 1, 0 or -1 for ready, not ready, failed. */
static int
parse_collector(struct clb_stream *s, struct clb_str *name, struct clb_err *e)
{
	const struct clb_token *tok = s->json.tok, *state = NULL;

	name->n = 0;
	if (tok[0].type != CLB_JSON_OBJECT)
		return clb_stream_fail(s, 0, e, "a collector must be an object");
	for (size_t k = 1; k < tok[0].next; k = tok[k + 1].next) {
		int is_name = clb_str_eq(tok[k].str, CLB_STR("collector"));

		if (!is_name && !clb_str_eq(tok[k].str, CLB_STR("state")))
			continue;
		if (is_name ? name->n != 0 : state != NULL)
			return clb_stream_fail(s, tok[k].off, e, "field '%s' stands twice",
			    is_name ? "collector" : "state");
		if (tok[k + 1].type != CLB_JSON_STRING || tok[k + 1].str.n == 0)
			return clb_stream_fail(s, tok[k + 1].off, e,
			    "%s must be a string that is not empty",
			    is_name ? "collector" : "state");
		if (is_name)
			*name = tok[k + 1].str;
		else
			state = &tok[k + 1];
	}
	if (name->n == 0)
		return clb_stream_fail(s, 0, e, "the collector has no name in 'collector'");
	if (state == NULL || clb_str_eq(state->str, CLB_STR("ready")))
		return 1;
	if (clb_str_eq(state->str, CLB_STR("pending")) ||
	    clb_str_eq(state->str, CLB_STR("draining")))
		return 0;
	return clb_stream_fail(s, state->off, e,
	    "state '%.*s' is none of ready, pending and draining",
	    (int)state->str.n, state->str.s);
}

int
clb_collectors_read(struct clb_collectors *c, struct clb_stream *s, struct clb_err *e)
{
	struct clb_intern names = { 0 };
	struct clb_buf ready = { NULL, 0, 0 };
	struct clb_str name;
	int rc, is_ready;

	while ((rc = clb_stream_next(s, e)) == 1) {
		if ((is_ready = parse_collector(s, &name, e)) == -1)
			break;
		if (clb_intern_find(&names, name) != CLB_INTERN_NONE) {
			clb_stream_fail(s, 0, e, "collector '%.*s' stands twice",
			    (int)name.n, name.s);
			break;
		}
		clb_intern_put(&names, name);
		clb_buf_addc(&ready, (char)is_ready);
	}
	adopt(c, &names, (unsigned char *)ready.p);
	return rc == 0 ? 0 : -1;
}

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
	memset(a, 0, sizeof(*a));
}

/* Where "collector" belongs in the line: behind the fields that sort before it. */
static uint32_t
place_of_collector(const struct clb_target *t)
{
	struct clb_buf name = { NULL, 0, 0 };
	size_t at = 1;

	for (size_t i = 0; i < t->nextra &&
	    clb_str_cmp(t->extra[i].name, CLB_STR("collector")) < 0; i++) {
		name.n = 0;
		clb_json_string(&name, t->extra[i].name);
		at += name.n + 1 + t->extra[i].value.n + 1;
	}
	clb_buf_release(&name);
	return (uint32_t)at;
}

static void
add_target(struct clb_assignment *a, struct clb_target *t, struct clb_buf *line)
{
	if (a->n == a->cap) {
		a->cap = a->cap != 0 ? 2 * a->cap : 1024;
		a->line = clb_xreallocarray(a->line, a->cap, sizeof(*a->line));
		a->target = clb_xreallocarray(a->target, a->cap, sizeof(*a->target));
	}
	t->collector.n = 0;
	t->has |= CLB_HAS_WEIGHT;
	line->n = 0;
	clb_target_json(line, t);
	a->line[a->n] = (struct clb_line){ clb_arena_str(&a->arena, line->p, line->n).s,
	    (uint32_t)line->n, place_of_collector(t) };
	a->target[a->n++] = (struct clb_placement){ t->id, t->weight,
	    clb_intern_put(&a->jobs, t->job), CLB_NOWHERE };
}

int
clb_assignment_read(struct clb_assignment *a, struct clb_stream *s, struct clb_err *e)
{
	struct clb_buf line = { NULL, 0, 0 };
	struct clb_target t = { 0 };
	int rc;

	while ((rc = clb_target_next(&t, s, e)) == 1) {
		if (!(t.has & CLB_HAS_ID)) {
			rc = clb_stream_fail(s, 0, e, "the target has no id");
			break;
		}
		if (a->n == UINT32_MAX) {
			rc = clb_err_set(e, EX_DATAERR, "%s: too many targets", s->name);
			break;
		}
		add_target(a, &t, &line);
	}
	clb_buf_release(&line);
	clb_target_release(&t);
	return rc;
}

int
clb_assignment_read_previous(struct clb_assignment *a, const struct clb_collectors *c,
    struct clb_stream *s, struct clb_err *e)
{
	struct clb_target t = { 0 };
	int rc;

	while ((rc = clb_target_next(&t, s, e)) == 1) {
		if (!(t.has & CLB_HAS_ID) || t.collector.n == 0) {
			rc = clb_stream_fail(s, 0, e, "the target has no %s",
			    t.collector.n == 0 ? "collector" : "id");
			break;
		}
		if (a->nowners == a->owner_cap) {
			a->owner_cap = a->owner_cap != 0 ? 2 * a->owner_cap : 1024;
			a->owner = clb_xreallocarray(a->owner, a->owner_cap, sizeof(*a->owner));
		}
		a->owner[a->nowners++] = (struct clb_owner){ t.id,
		    clb_intern_put(&a->jobs, t.job), clb_intern_find(&c->names, t.collector) };
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

/*
 * By job and id; collector holds the line's number meanwhile. Two lines of one
 * target are sorted as well, or the order of the input would show.
 */
static int
by_key(const void *a, const void *b, void *arg)
{
	const struct clb_placement *x = a, *y = b;
	const struct clb_line *line = arg;
	int c = cmp_key(x->job, x->id, y->job, y->id);

	if (c != 0)
		return c;
	return clb_str_cmp(
	    (struct clb_str){ line[x->collector].text, line[x->collector].n, 0 },
	    (struct clb_str){ line[y->collector].text, line[y->collector].n, 0 });
}

/* By job and id; a collector that is still there comes before one that is not. */
static int
by_owner(const void *a, const void *b)
{
	const struct clb_owner *x = a, *y = b;
	int c = cmp_key(x->job, x->id, y->job, y->id);

	return c != 0 ? c : x->collector < y->collector ? -1 : x->collector > y->collector;
}

static void
sort_targets(struct clb_assignment *a, const uint32_t *rank)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++) {
		a->target[i].job = rank[a->target[i].job];
		a->target[i].collector = (uint32_t)i;
	}
	if (a->n > 1)
		qsort_r(a->target, a->n, sizeof(*a->target), by_key, a->line);
	a->order = clb_xreallocarray(NULL, a->n, sizeof(*a->order));
	for (size_t i = 0; i < a->n; i++) {
		struct clb_placement *t = &a->target[i];

		if (n > 0 && cmp_key(t->job, t->id, a->target[n - 1].job,
		    a->target[n - 1].id) == 0)
			continue;
		a->order[n] = t->collector;
		a->target[n] = *t;
		a->target[n++].collector = CLB_NOWHERE;
	}
	a->n = n;
}

static void
sort_owners(struct clb_assignment *a, const uint32_t *rank)
{
	for (size_t i = 0; i < a->nowners; i++)
		a->owner[i].job = rank[a->owner[i].job];
	if (a->nowners > 1)
		qsort(a->owner, a->nowners, sizeof(*a->owner), by_owner);
}

void
clb_assignment_match(struct clb_assignment *a)
{
	uint32_t *rank = clb_intern_ranks(&a->jobs);
	size_t i = 0;

	sort_targets(a, rank);
	sort_owners(a, rank);
	free(rank);
	for (size_t k = 0; k < a->nowners; k++) {
		const struct clb_owner *o = &a->owner[k];

		if (k > 0 && cmp_key(o->job, o->id, o[-1].job, o[-1].id) == 0)
			continue;
		a->previous++;
		while (i < a->n && cmp_key(a->target[i].job, a->target[i].id,
		    o->job, o->id) < 0)
			i++;
		if (i < a->n && cmp_key(a->target[i].job, a->target[i].id, o->job, o->id) == 0)
			a->target[i].collector = o->collector;
		else
			a->missing++;
	}
	free(a->owner);
	a->owner = NULL;
	a->nowners = a->owner_cap = 0;
}

/* ---- out ---- */

/* The targets' numbers, by collector: a new array. */
static uint32_t *
by_collector(const struct clb_assignment *a, uint32_t ncollectors)
{
	size_t *next = clb_xcalloc((size_t)ncollectors + 1, sizeof(*next));
	uint32_t *sorted = clb_xreallocarray(NULL, a->n, sizeof(*sorted));

	for (size_t i = 0; i < a->n; i++)
		next[a->target[i].collector + 1]++;
	for (uint32_t c = 0; c < ncollectors; c++)
		next[c + 1] += next[c];
	for (size_t i = 0; i < a->n; i++)
		sorted[next[a->target[i].collector]++] = (uint32_t)i;
	free(next);
	return sorted;
}

int
clb_assignment_write(const struct clb_assignment *a, const struct clb_collectors *c,
    struct clb_out *out, struct clb_err *e)
{
	uint32_t *sorted = by_collector(a, c->names.n), last = CLB_NOWHERE;
	struct clb_buf field = { NULL, 0, 0 };
	int rc = 0;

	for (size_t i = 0; i < a->n && rc == 0; i++) {
		const struct clb_line *line = &a->line[a->order[sorted[i]]];
		uint32_t collector = a->target[sorted[i]].collector;

		if (collector != last) {
			field.n = 0;
			clb_buf_adds(&field, "\"collector\":");
			clb_json_string(&field, c->names.str[collector]);
			clb_buf_addc(&field, ',');
			last = collector;
		}
		clb_buf_add(&out->buf, line->text, line->at);
		clb_buf_add(&out->buf, field.p, field.n);
		clb_buf_add(&out->buf, line->text + line->at, line->n - line->at);
		rc = clb_out_record(out, e);
	}
	clb_buf_release(&field);
	free(sorted);
	return rc;
}
