#include <math.h>
#include <stdlib.h>

#include "lib/hash.h"
#include "lib/weigh.h"

struct clb_weigh_target {
	uint64_t id;
	uint32_t job, labels;	/* numbers of its job and of its labels */
};

void
clb_weigh_release(struct clb_weigh *w)
{
	clb_intern_release(&w->names);
	clb_intern_release(&w->jobs);
	clb_intern_release(&w->known);
	clb_table_release(&w->keys);
	clb_labels_release(&w->labels);
	clb_buf_release(&w->scratch);
	clb_idset_release(&w->ids);
	free(w->target);
	free(w->value);
	memset(w, 0, sizeof(*w));
}

/* ---- labels ---- */

/* 1 if a label of this name is to be compared. */
static int
counts(const struct clb_weigh *w, struct clb_str name)
{
	if (clb_str_has_prefix(name, "__"))
		return 0;
	if (w->which == CLB_WEIGH_ALL)
		return 1;
	return (clb_intern_find(&w->names, name) != CLB_INTERN_NONE) ==
	    (w->which == CLB_WEIGH_ON);
}

/* What stands for w->labels; never 0. */
static uint64_t
key_of_labels(struct clb_weigh *w)
{
	uint64_t key = clb_hash_target(CLB_STR(""), &w->labels, &w->scratch);

	return key != 0 ? key : 1;
}

/* ---- targets ---- */

void
clb_weigh_add(struct clb_weigh *w, const struct clb_target *t)
{
	uint64_t key;

	if (!clb_idset_add(&w->ids, t->id))
		return;
	clb_labels_clear(&w->labels);
	for (size_t i = 0; i < t->labels.n; i++)
		if (counts(w, t->labels.v[i].name)) {
			clb_labels_add(&w->labels, t->labels.v[i].name, t->labels.v[i].value);
			clb_intern_put(&w->known, t->labels.v[i].name);
		}
	key = key_of_labels(w);
	if (clb_table_get(&w->keys, key) == 0) {
		clb_table_put(&w->keys, key, w->keys.n + 1);
		if (w->keys.n > w->value_cap) {
			w->value_cap = w->value_cap != 0 ? 2 * w->value_cap : 1024;
			w->value = clb_xreallocarray(w->value, w->value_cap, sizeof(*w->value));
		}
		w->value[w->keys.n - 1] = 0;
	}
	if (w->n == w->cap) {
		w->cap = w->cap != 0 ? 2 * w->cap : 1024;
		w->target = clb_xreallocarray(w->target, w->cap, sizeof(*w->target));
	}
	w->target[w->n++] = (struct clb_weigh_target){ t->id, clb_intern_put(&w->jobs, t->job),
	    (uint32_t)(clb_table_get(&w->keys, key) - 1) };
}

int
clb_weigh_read_targets(struct clb_weigh *w, struct clb_stream *s, struct clb_err *e)
{
	struct clb_target t = { 0 };
	int rc;

	while ((rc = clb_target_next_by_id(&t, w->n, s, e)) == 1)
		clb_weigh_add(w, &t);
	clb_target_release(&t);
	return rc;
}

/* ---- series ---- */

/* The token of the value of the member called name in the object at i, or 0. */
static size_t
member(const struct clb_json *j, size_t i, struct clb_str name)
{
	if (j->tok[i].type == CLB_JSON_OBJECT)
		for (size_t k = i + 1; k < j->tok[i].next; k = j->tok[k + 1].next)
			if (clb_str_eq(j->tok[k].str, name))
				return k + 1;
	return 0;
}

static int
parse_labels(struct clb_weigh *w, struct clb_stream *s, size_t i, struct clb_err *e)
{
	const struct clb_token *tok = s->json.tok;

	clb_labels_clear(&w->labels);
	for (size_t k = i + 1; k < tok[i].next; k = tok[k + 1].next) {
		if (tok[k + 1].type != CLB_JSON_STRING)
			return clb_stream_fail(s, tok[k + 1].off, e, "label '%.*s' must be a string",
			    (int)tok[k].str.n, tok[k].str.s);
		if (counts(w, tok[k].str) &&
		    clb_intern_find(&w->known, tok[k].str) != CLB_INTERN_NONE &&
		    !clb_labels_add(&w->labels, tok[k].str, tok[k + 1].str))
			return clb_stream_fail(s, tok[k].off, e, "label '%.*s' stands twice",
			    (int)tok[k].str.n, tok[k].str.s);
	}
	return 0;
}

/* Prometheus writes a sample as [1764000000.123,"812"]. */
static int
parse_sample(struct clb_stream *s, size_t i, double *time, double *value, struct clb_err *e)
{
	const struct clb_token *tok = &s->json.tok[i];
	char text[64], *end = text;

	if (tok->type == CLB_JSON_ARRAY && tok->next == i + 3 &&
	    tok[1].type == CLB_JSON_NUMBER && tok[2].type == CLB_JSON_STRING &&
	    tok[2].str.n > 0 && tok[2].str.n < sizeof(text)) {
		/* What stands behind a number ends it for strtod as well. */
		*time = strtod(tok[1].str.s, NULL);
		memcpy(text, tok[2].str.s, tok[2].str.n);
		text[tok[2].str.n] = '\0';
		*value = strtod(text, &end);
		if (end == text + tok[2].str.n && isfinite(*time) && *time >= 0)
			return 0;
	}
	return clb_stream_fail(s, tok->off, e, "a value must be a time and a number in a string");
}

/* One element of the vector: its labels to w->labels. Returns 1, 0 if it has no value, -1. */
static int
parse_series(struct clb_weigh *w, struct clb_stream *s, double *time, double *value,
    struct clb_err *e)
{
	size_t metric = member(&s->json, 0, CLB_STR("metric"));
	size_t sample = member(&s->json, 0, CLB_STR("value"));

	if (member(&s->json, 0, CLB_STR("values")) != 0)
		return clb_stream_fail(s, 0, e, "this is a matrix, and not an instant vector");
	if (metric == 0 || s->json.tok[metric].type != CLB_JSON_OBJECT)
		return clb_stream_fail(s, 0, e, "this is not a series of an instant vector");
	/* A native histogram is a number of nothing. */
	if (sample == 0 && member(&s->json, 0, CLB_STR("histogram")) != 0)
		return 0;
	if (sample == 0)
		return clb_stream_fail(s, 0, e, "the series has no value");
	if (parse_sample(s, sample, time, value, e) == -1 || parse_labels(w, s, metric, e) == -1)
		return -1;
	return isfinite(*value) && *value > 0;
}

static void
take(struct clb_weigh *w, double value)
{
	size_t i = (size_t)clb_table_get(&w->keys, key_of_labels(w));

	w->nseries++;
	w->nmatched += i != 0;
	if (i != 0)
		w->value[i - 1] = fmax(w->value[i - 1], fmin(value, CLB_WEIGH_MOST));
}

/* What an answer says of itself, when all of it is read. */
static int
check_answer(struct clb_stream *s, struct clb_err *e)
{
	const struct clb_json *j = &s->json;
	size_t status = member(j, 0, CLB_STR("status")), data = member(j, 0, CLB_STR("data"));
	size_t type = data != 0 ? member(j, data, CLB_STR("resultType")) : 0;
	size_t why = member(j, 0, CLB_STR("error")), kind = member(j, 0, CLB_STR("errorType"));

	if (status != 0 && clb_str_eq(j->tok[status].str, CLB_STR("error")))
		return clb_err_set(e,
		    kind != 0 && clb_str_eq(j->tok[kind].str, CLB_STR("bad_data")) ?
		    EX_DATAERR : EX_TEMPFAIL, "%s: the query failed: %.*s", s->name,
		    why != 0 ? (int)j->tok[why].str.n : 0, why != 0 ? j->tok[why].str.s : "");
	if (status == 0 || !clb_str_eq(j->tok[status].str, CLB_STR("success")) || type == 0 ||
	    !s->has_array)
		return clb_stream_fail(s, 0, e, "this is not the answer to a query");
	if (!clb_str_eq(j->tok[type].str, CLB_STR("vector")))
		return clb_err_set(e, EX_DATAERR, "%s: the result is a %.*s, and not an instant vector",
		    s->name, (int)j->tok[type].str.n, j->tok[type].str.s);
	return 0;
}

int
clb_weigh_read_series(struct clb_weigh *w, struct clb_stream *s, double *time,
    struct clb_err *e)
{
	double at = 0, value = 0;
	size_t answers = 0;
	int rc;

	*time = 0;
	s->within = "data";
	while ((rc = clb_stream_piece(s, "result", e)) > 0) {
		if (rc == 2) {
			answers++;
			if (check_answer(s, e) == -1)
				return -1;
			continue;
		}
		if ((rc = parse_series(w, s, &at, &value, e)) == -1)
			return -1;
		if (rc == 1) {
			take(w, value);
			*time = fmax(*time, at);
		}
	}
	if (rc == -1)
		return -1;
	if (answers == 0)
		return clb_err_set(e, EX_DATAERR, "%s: there is no answer to a query", s->name);
	if (w->nmatched == 0 && w->nseries > 0 && w->n > 0)
		return clb_err_set(e, EX_DATAERR, "%s: none of the %zu series is of one of the "
		    "%zu targets", s->name, w->nseries, w->n);
	return 0;
}

/* ---- weights ---- */

static int
by_id(const void *a, const void *b)
{
	const struct clb_weigh_target *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* What a target of this value weighs now; 0 if it was never measured. */
static int
smooth(const struct clb_weigh *w, double value, const struct clb_weight *before, double time,
    struct clb_weight *now)
{
	double share;

	if (value == 0 && before == NULL)
		return 0;
	if (value == 0 || (before != NULL && time <= before->time)) {
		*now = *before;
		return 1;
	}
	*now = (struct clb_weight){ .measured = value, .time = time };
	if (before != NULL && w->half_life > 0) {
		share = exp2((before->time - time) / w->half_life);
		now->measured = before->measured * share + value * (1 - share);
	}
	now->weight = now->measured < 1 ? 1 : (uint64_t)llround(now->measured);
	return 1;
}

static void
print(struct clb_buf *out, uint64_t id, struct clb_str job, const struct clb_weight *weight)
{
	clb_buf_printf(out, "{\"id\":\"%016llx\",\"job\":", (unsigned long long)id);
	clb_json_string(out, job);
	/* Enough digits that an hour of small steps is not lost, and for milliseconds. */
	clb_buf_printf(out, ",\"measured\":%.10g,\"time\":%.13g,\"weight\":%llu}\n",
	    weight->measured, weight->time, (unsigned long long)weight->weight);
}

int
clb_weigh_write(struct clb_weigh *w, struct clb_weights *previous, double time,
    struct clb_out *out, struct clb_err *e)
{
	struct clb_weight now;

	if (w->n > 1)
		qsort(w->target, w->n, sizeof(*w->target), by_id);
	for (size_t i = 0; i < w->n; i++) {
		const struct clb_weigh_target *t = &w->target[i];

		if (!smooth(w, w->value[t->labels], clb_weights_find_id(previous, t->id), time,
		    &now))
			continue;
		print(&out->buf, t->id, w->jobs.str[t->job], &now);
		if (clb_out_record(out, e) == -1)
			return -1;
	}
	return 0;
}
