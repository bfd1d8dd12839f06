#include <inttypes.h>
#include <stdlib.h>

#include "lib/report.h"

static void
add_name(struct clb_buf *b, const char *key, struct clb_str name)
{
	clb_buf_adds(b, key);
	clb_json_string(b, name);
}

/* ---- moves in numbers ---- */

static size_t
moved(const struct clb_schedule *s)
{
	return s->count[CLB_MOVED] + s->count[CLB_DEPARTED] + s->count[CLB_LIMITED];
}

static void
add_moves(struct clb_buf *b, const struct clb_schedule *s)
{
	clb_buf_printf(b, "\"moved\":%zu,\"moves\":{\"balance\":%zu,\"departed\":%zu,"
	    "\"limits\":%zu,\"placed\":%zu}", moved(s), s->count[CLB_MOVED],
	    s->count[CLB_DEPARTED], s->count[CLB_LIMITED], s->count[CLB_PLACED]);
}

/* {"job":N,…}: how many copies of each job have no collector. */
static void
add_unassigned(struct clb_buf *b, const struct clb_report *r)
{
	const struct clb_schedule *s = r->s;
	size_t *count = clb_xcalloc(r->a->jobs.n, sizeof(*count));
	const char *sep = "";

	for (size_t i = 0; i < s->ntargets * s->replication; i++)
		if (s->where[i] == CLB_NOWHERE)
			count[s->target[i / s->replication].job]++;
	clb_buf_adds(b, "\"unassigned\":{");
	for (uint32_t k = 0; k < r->a->jobs.n; k++)
		if (count[k] > 0) {
			add_name(b, sep, r->a->jobs.str[k]);
			clb_buf_printf(b, ":%zu", count[k]);
			sep = ",";
		}
	clb_buf_addc(b, '}');
	free(count);
}

/* ---- the report ---- */

/* A collector whose copies are the n numbers at v, sorted by job. */
static void
add_collector(struct clb_buf *b, const struct clb_report *r, uint32_t c, const uint32_t *v,
    size_t n)
{
	const struct clb_schedule *s = r->s;
	uint64_t weight = 0;

	clb_buf_adds(b, "{\"jobs\":{");
	for (size_t i = 0, m; i < n; i += m) {
		uint32_t job = s->target[v[i] / s->replication].job;

		for (m = 0; i + m < n && s->target[v[i + m] / s->replication].job == job; m++)
			weight += s->target[v[i + m] / s->replication].weight;
		add_name(b, i > 0 ? "," : "", r->a->jobs.str[job]);
		clb_buf_printf(b, ":%zu", m);
	}
	add_name(b, "},\"name\":", r->c->names.str[c]);
	clb_buf_printf(b, ",\"state\":\"%s\",\"targets\":%zu,\"weight\":%" PRIu64 "}",
	    clb_state_name(s->seat[c].state), n, weight);
}

void
clb_report_json(const struct clb_report *r, struct clb_buf *out)
{
	const struct clb_schedule *s = r->s;
	struct clb_balance balance = clb_schedule_balance(s, s->where);
	uint32_t *sorted;
	size_t n, at = 0;

	sorted = clb_assignment_sorted(r->a, r->c, &n);
	clb_buf_printf(out, "{\"assigned\":%zu,\"collectors\":[", n);
	for (uint32_t c = 0; c < r->c->nseats; c++) {
		size_t first = at;

		while (at < n && s->where[sorted[at]] == c)
			at++;
		if (c > 0)
			clb_buf_addc(out, ',');
		add_collector(out, r, c, sorted + first, at - first);
	}
	clb_buf_printf(out, "],\"floor\":%.6g,\"imbalance\":%.6g,", balance.floor,
	    balance.imbalance);
	add_moves(out, s);
	clb_buf_printf(out, ",\"targets\":%zu,", s->ntargets);
	add_unassigned(out, r);
	clb_buf_adds(out, "}\n");
	free(sorted);
}

/* ---- why ---- */

static const char *
reason(const struct clb_report *r, size_t copy)
{
	switch ((enum clb_why)r->s->why[copy]) {
	case CLB_PLACED:
		return "new";
	case CLB_DEPARTED:
		return r->was[copy] < r->c->nseats ?
		    clb_state_name(r->c->seat[r->was[copy]].state) : "gone";
	case CLB_LIMITED:
		return "limits";
	case CLB_NO_COLLECTOR:
		return "collectors";
	case CLB_NO_NODE:
		return "node";
	case CLB_NO_CAPACITY:
		return "capacity";
	default:
		return clb_strategy_hashes(r->s->strategy) ? "strategy" : "balance";
	}
}

/* The target's record, which is our own, with its weight and the field "reason". */
static int
add_with_reason(struct clb_buf *out, const struct clb_report *r, size_t copy,
    struct clb_target *t, struct clb_err *e)
{
	const struct clb_schedule *s = r->s;
	const struct clb_line *line = &r->a->line[r->a->order[copy / s->replication]];
	struct clb_stream one = { .name = "record" };
	char *text = clb_xasprintf("\"%s\"", reason(r, copy));
	int rc = -1;

	if (clb_json_parse_copy(&one.json, &one.buf, line->text, line->n - 1) == 0 &&
	    clb_target_parse(t, &one, e) == 0) {
		t->weight = s->target[copy / s->replication].weight;
		t->has |= CLB_HAS_WEIGHT;
		clb_target_set_extra(t, CLB_STR("reason"), clb_str(text));
		clb_target_json(out, t);
		rc = 0;
	}
	clb_stream_release(&one);
	free(text);
	return rc;
}

int
clb_report_unassigned(const struct clb_report *r, struct clb_buf *out, struct clb_err *e)
{
	struct clb_target t = { 0 };
	int rc = 0;

	for (size_t i = 0; i < r->s->ntargets * r->s->replication && rc == 0; i++)
		if (r->s->where[i] == CLB_NOWHERE)
			rc = add_with_reason(out, r, i, &t, e);
	clb_target_release(&t);
	return rc;
}

/* ---- the plan ---- */

static void
add_move(struct clb_buf *b, const struct clb_report *r, size_t copy)
{
	const struct clb_schedule *s = r->s;
	const struct clb_placement *t = &s->target[copy / s->replication];
	uint32_t from = r->was[copy], to = s->where[copy];

	clb_buf_addc(b, '{');
	if (from != CLB_NOWHERE) {
		add_name(b, "\"from\":", r->c->names.str[from]);
		clb_buf_addc(b, ',');
	}
	clb_buf_printf(b, "\"id\":\"%016" PRIx64 "\"", t->id);
	add_name(b, ",\"job\":", r->a->jobs.str[t->job]);
	clb_buf_printf(b, ",\"reason\":\"%s\"", reason(r, copy));
	if (to != CLB_NOWHERE)
		add_name(b, ",\"to\":", r->c->names.str[to]);
	clb_buf_printf(b, ",\"weight\":%" PRIu64 "}\n", t->weight);
}

int
clb_report_plan(const struct clb_report *r, struct clb_out *out, struct clb_err *e)
{
	const struct clb_schedule *s = r->s;
	struct clb_balance before = clb_schedule_balance(s, r->was);
	struct clb_balance after = clb_schedule_balance(s, s->where);

	for (size_t i = 0; i < s->ntargets * s->replication; i++) {
		if (s->why[i] == CLB_STAYS)
			continue;
		add_move(&out->buf, r, i);
		if (clb_out_record(out, e) == -1)
			return -1;
	}
	clb_buf_printf(&out->buf, "{\"assigned\":%zu,\"floor\":%.6g,\"imbalance\":{"
	    "\"after\":%.6g,\"before\":%.6g},", clb_schedule_assigned(s), after.floor,
	    after.imbalance, before.imbalance);
	add_moves(&out->buf, s);
	clb_buf_printf(&out->buf, ",\"targets\":%zu,", s->ntargets);
	add_unassigned(&out->buf, r);
	clb_buf_adds(&out->buf, "}\n");
	return clb_out_record(out, e);
}
