#include <stdlib.h>

#include "lib/target.h"

/* The fields this room knows, in the order of their names. */
enum field { ADDRESS, COLLECTOR, ID, JOB, LABELS, MOVED, NODE, WEIGHT, ZONE, NFIELDS };

static const struct clb_str field_name[NFIELDS] = {
	CLB_STR_INIT("address"), CLB_STR_INIT("collector"), CLB_STR_INIT("id"),
	CLB_STR_INIT("job"), CLB_STR_INIT("labels"), CLB_STR_INIT("moved"),
	CLB_STR_INIT("node"), CLB_STR_INIT("weight"), CLB_STR_INIT("zone")
};

void
clb_target_release(struct clb_target *t)
{
	clb_labels_release(&t->labels);
	free(t->extra);
	clb_buf_release(&t->raw);
	memset(t, 0, sizeof(*t));
}

/* A digit's value plus 1: ids are random, and a table is not to be guessed wrong. */
static const unsigned char digit[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7,
	['7'] = 8, ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14,
	['e'] = 15, ['f'] = 16,
};

int
clb_target_id(struct clb_str s, uint64_t *id)
{
	int good = s.n == 16;

	*id = 0;
	for (uint32_t i = 0; i < s.n && i < 16; i++) {
		unsigned char d = digit[(unsigned char)s.s[i]];

		good &= d != 0;
		*id = *id << 4 | (uint64_t)((d - 1) & 15);
	}
	return good ? 0 : -1;
}

int
clb_target_weight(const struct clb_token *tok, uint64_t *weight)
{
	return clb_json_uint(tok, weight) == -1 || *weight == 0 ? -1 : 0;
}

/*
 * An empty label is an absent one, but while the names are compared it must
 * be there, or it could stand twice unseen.
 */
static int
parse_labels(struct clb_target *t, struct clb_stream *s, size_t i, struct clb_err *e)
{
	static const char absent[1];
	const struct clb_token *tok = s->json.tok;
	int empties = 0;

	if (tok[i].type != CLB_JSON_OBJECT)
		return clb_stream_fail(s, tok[i].off, e, "labels must be an object");
	for (size_t k = i + 1; k < tok[i].next; k = tok[k + 1].next) {
		const struct clb_token *name = &tok[k];
		struct clb_str value = tok[k + 1].str;

		if (tok[k + 1].type != CLB_JSON_STRING)
			return clb_stream_fail(s, tok[k + 1].off, e,
			    "label '%.*s' must be a string", (int)name->str.n, name->str.s);
		if (value.n == 0) {
			value = (struct clb_str){ absent, 1, 0 };
			empties = 1;
		}
		if (!clb_labels_add(&t->labels, name->str, value))
			return clb_stream_fail(s, name->off, e, "label '%.*s' stands twice",
			    (int)name->str.n, name->str.s);
	}
	for (size_t k = empties ? t->labels.n : 0; k-- > 0; )
		if (t->labels.v[k].value.s == absent)
			clb_labels_set(&t->labels, t->labels.v[k].name, CLB_STR(""));
	return 0;
}

/* Which known field name is, or NFIELDS. */
static enum field
known(struct clb_str name)
{
	enum field f = ADDRESS;

	while (f < NFIELDS && !clb_str_eq(name, field_name[f]))
		f++;
	return f;
}

/* A known field: the value at token i. */
static int
parse_field(struct clb_target *t, struct clb_stream *s, enum field f, size_t i,
    struct clb_err *e)
{
	struct clb_str *text[NFIELDS] = {
		[ADDRESS] = &t->address, [COLLECTOR] = &t->collector,
		[JOB] = &t->job, [NODE] = &t->node, [ZONE] = &t->zone
	};
	const struct clb_token *tok = &s->json.tok[i];

	if (text[f] != NULL) {
		if (tok->type != CLB_JSON_STRING || tok->str.n == 0)
			return clb_stream_fail(s, tok->off, e,
			    "%s must be a string that is not empty", field_name[f].s);
		*text[f] = tok->str;
		return 0;
	}
	if (f == LABELS)
		return parse_labels(t, s, i, e);
	if (f == ID) {
		t->has |= CLB_HAS_ID;
		if (tok->type != CLB_JSON_STRING || clb_target_id(tok->str, &t->id) == -1)
			return clb_stream_fail(s, tok->off, e,
			    "id must be a string of 16 hexadecimal digits");
		return 0;
	}
	if (f == MOVED) {
		if (clb_json_uint(tok, &t->moved) == -1)
			return clb_stream_fail(s, tok->off, e,
			    "moved must be a whole number from 0 to 18446744073709551615");
		return 0;
	}
	t->has |= CLB_HAS_WEIGHT;
	if (clb_target_weight(tok, &t->weight) == -1)
		return clb_stream_fail(s, tok->off, e,
		    "weight must be a whole number from 1 to 18446744073709551615");
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return clb_str_cmp(((const struct clb_label *)a)->name,
	    ((const struct clb_label *)b)->name);
}

static struct clb_label *
new_extra(struct clb_target *t)
{
	if (t->nextra == t->extra_cap) {
		t->extra_cap = t->extra_cap != 0 ? t->extra_cap * 2 : 8;
		t->extra = clb_xreallocarray(t->extra, t->extra_cap, sizeof(*t->extra));
	}
	return &t->extra[t->nextra++];
}

/* Remember where the unknown field's value begins in raw; bind does the rest. */
static void
add_extra(struct clb_target *t, const struct clb_json *j, size_t key)
{
	size_t start = t->raw.n;

	clb_json_value(&t->raw, j, key + 1);
	*new_extra(t) = (struct clb_label){ j->tok[key].str,
	    { NULL, (uint32_t)(t->raw.n - start), 1 } };
}

void
clb_target_set_extra(struct clb_target *t, struct clb_str name, struct clb_str value)
{
	size_t i = 0;

	while (i < t->nextra && !clb_str_eq(t->extra[i].name, name))
		i++;
	if (i == t->nextra)
		new_extra(t);
	t->extra[i] = (struct clb_label){ name, value };
	qsort(t->extra, t->nextra, sizeof(*t->extra), by_name);
}

/* raw no longer moves: point the values into it, then sort. */
static int
bind_extra(struct clb_target *t, struct clb_stream *s, struct clb_err *e)
{
	size_t at = 0;

	for (size_t i = 0; i < t->nextra; i++) {
		t->extra[i].value.s = t->raw.p + at;
		at += t->extra[i].value.n;
	}
	if (t->nextra < 2)
		return 0;
	qsort(t->extra, t->nextra, sizeof(*t->extra), by_name);
	for (size_t i = 1; i < t->nextra; i++)
		if (clb_str_eq(t->extra[i - 1].name, t->extra[i].name))
			return clb_stream_fail(s, 0, e, "field '%.*s' stands twice",
			    (int)t->extra[i].name.n, t->extra[i].name.s);
	return 0;
}

int
clb_target_parse(struct clb_target *t, struct clb_stream *s, struct clb_err *e)
{
	const struct clb_token *tok = s->json.tok;
	unsigned seen = 0;

	t->address = t->job = t->collector = t->node = t->zone = CLB_STR("");
	t->id = 0;
	t->weight = 1;
	t->moved = 0;
	t->has = 0;
	t->nextra = 0;
	t->raw.n = 0;
	clb_labels_clear(&t->labels);
	if (tok[0].type != CLB_JSON_OBJECT)
		return clb_stream_fail(s, 0, e, "a record must be an object");
	for (size_t k = 1; k < tok[0].next; k = tok[k + 1].next) {
		enum field f = known(tok[k].str);

		if (f == NFIELDS) {
			add_extra(t, &s->json, k);
			continue;
		}
		if (seen & 1u << f)
			return clb_stream_fail(s, tok[k].off, e, "field '%s' stands twice",
			    field_name[f].s);
		seen |= 1u << f;
		if (parse_field(t, s, f, k + 1, e) == -1)
			return -1;
	}
	if (!(seen & 1u << JOB))
		return clb_stream_fail(s, 0, e, "the record has no job");
	return bind_extra(t, s, e);
}

int
clb_target_next(struct clb_target *t, struct clb_stream *s, struct clb_err *e)
{
	int rc = clb_stream_next(s, e);

	return rc == 1 && clb_target_parse(t, s, e) == -1 ? -1 : rc;
}

int
clb_target_next_by_id(struct clb_target *t, size_t n, struct clb_stream *s, struct clb_err *e)
{
	int rc = clb_target_next(t, s, e);

	if (rc == 1 && !(t->has & CLB_HAS_ID))
		return clb_stream_fail(s, 0, e, "the target has no id");
	if (rc == 1 && n == UINT32_MAX)
		return clb_err_set(e, EX_DATAERR, "%s: too many targets", s->name);
	return rc;
}

static int
has_field(const struct clb_target *t, enum field f)
{
	switch (f) {
	case ADDRESS:
		return t->address.n != 0;
	case COLLECTOR:
		return t->collector.n != 0;
	case ID:
		return (t->has & CLB_HAS_ID) != 0;
	case MOVED:
		return t->moved != 0;
	case NODE:
		return t->node.n != 0;
	case WEIGHT:
		return (t->has & CLB_HAS_WEIGHT) != 0;
	case ZONE:
		return t->zone.n != 0;
	default:
		return 1;
	}
}

static void
add_field(struct clb_buf *out, const struct clb_target *t, enum field f)
{
	static const char hex[] = "0123456789abcdef";
	char id[16];

	clb_json_string(out, field_name[f]);
	clb_buf_addc(out, ':');
	switch (f) {
	case ADDRESS:
		clb_json_string(out, t->address);
		break;
	case COLLECTOR:
		clb_json_string(out, t->collector);
		break;
	case ID:
		for (int i = 0; i < 16; i++)
			id[i] = hex[t->id >> (60 - 4 * i) & 15];
		clb_json_string(out, (struct clb_str){ id, sizeof(id), 1 });
		break;
	case JOB:
		clb_json_string(out, t->job);
		break;
	case LABELS:
		clb_labels_json(out, &t->labels);
		break;
	case MOVED:
		clb_buf_printf(out, "%llu", (unsigned long long)t->moved);
		break;
	case NODE:
		clb_json_string(out, t->node);
		break;
	case WEIGHT:
		clb_buf_printf(out, "%llu", (unsigned long long)t->weight);
		break;
	default:
		clb_json_string(out, t->zone);
		break;
	}
}

void
clb_target_json(struct clb_buf *out, const struct clb_target *t)
{
	size_t i = 0;
	char sep = '{';

	for (enum field f = ADDRESS; f <= NFIELDS; f++) {
		for (; i < t->nextra && (f == NFIELDS ||
		    clb_str_cmp(t->extra[i].name, field_name[f]) < 0); i++) {
			clb_buf_addc(out, sep);
			sep = ',';
			clb_json_string(out, t->extra[i].name);
			clb_buf_addc(out, ':');
			clb_buf_add(out, t->extra[i].value.s, t->extra[i].value.n);
		}
		if (f == NFIELDS || !has_field(t, f))
			continue;
		clb_buf_addc(out, sep);
		sep = ',';
		add_field(out, t, f);
	}
	clb_buf_add(out, "}\n", 2);
}

void
clb_group_release(struct clb_group *g)
{
	free(g->target);
	free(g->own);
	clb_labels_release(&g->labels);
	memset(g, 0, sizeof(*g));
}

void
clb_group_clear(struct clb_group *g)
{
	g->n = 0;
	clb_labels_clear(&g->labels);
}

void
clb_group_add(struct clb_group *g, struct clb_str address, const struct clb_group_own *own)
{
	if (g->n == g->cap) {
		g->cap = g->cap != 0 ? g->cap * 2 : 4;
		g->target = clb_xreallocarray(g->target, g->cap, sizeof(*g->target));
	}
	if (own != NULL && g->own_cap < g->cap) {
		g->own_cap = g->cap;
		g->own = clb_xreallocarray(g->own, g->own_cap, sizeof(*g->own));
	}
	if (own != NULL)
		g->own[g->n] = *own;
	g->target[g->n++] = address;
}
