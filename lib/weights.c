#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/hash.h"
#include "lib/weights.h"

/*
 * What a match looks at: the job's name or not, and these labels. All matches
 * of a shape that agree in the values have the same key.
 */
struct clb_weights_shape {
	struct clb_str *name;	/* sorted */
	size_t n;
	int has_job;
};

/* A match: key is the shape's number and then the values, each behind its length. */
struct clb_weights_match {
	struct clb_weight w;
	struct clb_str key;
	size_t next;	/* with the same hash: its number plus 1, or 0 */
};

void
clb_weights_release(struct clb_weights *w)
{
	for (size_t i = 0; i < w->nshapes; i++)
		free(w->shape[i].name);
	free(w->shape);
	free(w->id);
	free(w->match);
	clb_table_release(&w->ids);
	clb_table_release(&w->matches);
	clb_arena_release(&w->arena);
	clb_buf_release(&w->key);
	memset(w, 0, sizeof(*w));
}

/* ---- by id ---- */

/* Ids come from files, and could be chosen to collide in a table: one to one. */
static uint64_t
mix(uint64_t id)
{
	id = (id ^ id >> 32) * 0x9e3779b97f4a7c15u;
	return id ^ id >> 32;
}

static size_t
find_id(const struct clb_weights *w, uint64_t id)
{
	return id != 0 ? (size_t)clb_table_get(&w->ids, mix(id)) : w->zero;
}

static void
put_id(struct clb_weights *w, uint64_t id, const struct clb_weight *weight)
{
	size_t k = find_id(w, id);

	if (k == 0) {
		if (w->nid == w->id_cap) {
			w->id_cap = w->id_cap != 0 ? 2 * w->id_cap : 1024;
			w->id = clb_xreallocarray(w->id, w->id_cap, sizeof(*w->id));
		}
		k = ++w->nid;
		if (id != 0)
			clb_table_put(&w->ids, mix(id), k);
		else
			w->zero = k;
	}
	w->id[k - 1] = *weight;
}

const struct clb_weight *
clb_weights_find_id(const struct clb_weights *w, uint64_t id)
{
	size_t k = find_id(w, id);

	return k != 0 ? &w->id[k - 1] : NULL;
}

/* ---- by labels ---- */

static void
add_value(struct clb_buf *key, struct clb_str value)
{
	clb_buf_add(key, &value.n, sizeof(value.n));
	clb_buf_add(key, value.s, value.n);
}

/* Begin the key of a match of shape k in w->key; the labels' values follow. */
static void
start_key(struct clb_weights *w, size_t k, struct clb_str job)
{
	w->key.n = 0;
	clb_buf_add(&w->key, &k, sizeof(k));
	if (w->shape[k].has_job)
		add_value(&w->key, job);
}

static uint64_t
hash_key(const struct clb_buf *key)
{
	uint64_t hash = clb_hash_bytes(key->p, key->n);

	return hash != 0 ? hash : 1;
}

/* The match with the key in w->key: its number plus 1, or 0. */
static size_t
find_match(const struct clb_weights *w)
{
	struct clb_str key = { w->key.p, (uint32_t)w->key.n, 0 };
	size_t k = (size_t)clb_table_get(&w->matches, hash_key(&w->key));

	while (k != 0 && !clb_str_eq(w->match[k - 1].key, key))
		k = w->match[k - 1].next;
	return k;
}

static int
is_shape(const struct clb_weights_shape *shape, int has_job, const struct clb_label *v, size_t n)
{
	if (shape->has_job != has_job || shape->n != n)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!clb_str_eq(shape->name[i], v[i].name))
			return 0;
	return 1;
}

/* The number of the shape, which may be a new one; CLB_WEIGHTS_SHAPES if that is too many. */
static size_t
put_shape(struct clb_weights *w, int has_job, const struct clb_label *v, size_t n)
{
	struct clb_weights_shape *shape;
	size_t k = 0;

	while (k < w->nshapes && !is_shape(&w->shape[k], has_job, v, n))
		k++;
	if (k < w->nshapes || k == CLB_WEIGHTS_SHAPES)
		return k;
	w->shape = clb_xreallocarray(w->shape, ++w->nshapes, sizeof(*w->shape));
	shape = &w->shape[k];
	*shape = (struct clb_weights_shape){ clb_xreallocarray(NULL, n, sizeof(*shape->name)),
	    n, has_job };
	for (size_t i = 0; i < n; i++)
		shape->name[i] = clb_arena_str(&w->arena, v[i].name.s, v[i].name.n);
	return k;
}

/* w->key is the match's. */
static void
put_match(struct clb_weights *w, const struct clb_weight *weight)
{
	uint64_t hash = hash_key(&w->key);
	size_t k = find_match(w);

	if (k != 0) {
		w->match[k - 1].w = *weight;
		return;
	}
	if (w->nmatch == w->match_cap) {
		w->match_cap = w->match_cap != 0 ? 2 * w->match_cap : 64;
		w->match = clb_xreallocarray(w->match, w->match_cap, sizeof(*w->match));
	}
	w->match[w->nmatch++] = (struct clb_weights_match){ *weight,
	    clb_arena_str(&w->arena, w->key.p, w->key.n),
	    (size_t)clb_table_get(&w->matches, hash) };
	clb_table_put(&w->matches, hash, w->nmatch);
}

const struct clb_weight *
clb_weights_find(struct clb_weights *w, const struct clb_target *t)
{
	const struct clb_weight *found = t->has & CLB_HAS_ID ? clb_weights_find_id(w, t->id) : NULL;
	size_t k;

	for (size_t i = 0; i < w->nshapes; i++) {
		start_key(w, i, t->job);
		for (size_t l = 0; l < w->shape[i].n; l++)
			add_value(&w->key, clb_labels_get(&t->labels, w->shape[i].name[l]));
		k = find_match(w);
		if (k != 0 && (found == NULL || w->match[k - 1].w.line > found->line))
			found = &w->match[k - 1].w;
	}
	return found;
}

/* ---- reading ---- */

enum field { ID, JOB, MATCH, MEASURED, TIME, WEIGHT, NFIELDS };

static const struct clb_str field_name[NFIELDS] = {
	CLB_STR_INIT("id"), CLB_STR_INIT("job"), CLB_STR_INIT("match"),
	CLB_STR_INIT("measured"), CLB_STR_INIT("time"), CLB_STR_INIT("weight")
};

/* The values of a line's fields, as token numbers; 0 where absent. */
static int
find_fields(struct clb_stream *s, size_t at[NFIELDS], struct clb_err *e)
{
	const struct clb_token *tok = s->json.tok;

	memset(at, 0, NFIELDS * sizeof(*at));
	if (tok[0].type != CLB_JSON_OBJECT)
		return clb_stream_fail(s, 0, e, "a weight must be an object");
	for (size_t k = 1; k < tok[0].next; k = tok[k + 1].next) {
		enum field f = ID;

		while (f < NFIELDS && !clb_str_eq(tok[k].str, field_name[f]))
			f++;
		if (f == NFIELDS)
			continue;
		if (at[f] != 0)
			return clb_stream_fail(s, tok[k].off, e, "field '%s' stands twice",
			    field_name[f].s);
		at[f] = k + 1;
	}
	if ((at[ID] != 0) == (at[MATCH] != 0))
		return clb_stream_fail(s, 0, e, at[ID] != 0 ?
		    "there are both an id and a match" : "there is neither an id nor a match");
	if (at[WEIGHT] == 0)
		return clb_stream_fail(s, 0, e, "there is no weight");
	return 0;
}

/* A number that is not negative, if the field is there. */
static int
parse_real(struct clb_stream *s, size_t i, enum field f, double *v, struct clb_err *e)
{
	const struct clb_token *tok = &s->json.tok[i];

	if (i == 0)
		return 0;
	/* What stands behind a number ends it for strtod as well. */
	if (tok->type == CLB_JSON_NUMBER)
		*v = strtod(tok->str.s, NULL);
	if (tok->type != CLB_JSON_NUMBER || !(*v >= 0) || isinf(*v))
		return clb_stream_fail(s, tok->off, e, "%s must be a number that is not negative",
		    field_name[f].s);
	return 0;
}

static int
parse_weight(struct clb_stream *s, const size_t at[NFIELDS], struct clb_weight *w,
    struct clb_err *e)
{
	if (clb_target_weight(&s->json.tok[at[WEIGHT]], &w->weight) == -1)
		return clb_stream_fail(s, s->json.tok[at[WEIGHT]].off, e,
		    "weight must be a whole number from 1 to 18446744073709551615");
	w->line = s->line;
	w->measured = (double)w->weight;
	w->time = 0;
	if (parse_real(s, at[MEASURED], MEASURED, &w->measured, e) == -1)
		return -1;
	return parse_real(s, at[TIME], TIME, &w->time, e);
}

static int
by_name(const void *a, const void *b)
{
	return clb_str_cmp(((const struct clb_label *)a)->name,
	    ((const struct clb_label *)b)->name);
}

/*
 * The labels of a match, sorted, to an array that grows: no label set, as an
 * empty value says something here.
 */
static int
parse_match(struct clb_stream *s, size_t i, struct clb_label **v, size_t *n, struct clb_err *e)
{
	const struct clb_token *tok = s->json.tok;

	*n = 0;
	if (tok[i].type != CLB_JSON_OBJECT)
		return clb_stream_fail(s, tok[i].off, e, "match must be an object");
	*v = clb_xreallocarray(*v, tok[i].next - i, sizeof(**v));
	for (size_t k = i + 1; k < tok[i].next; k = tok[k + 1].next) {
		if (tok[k + 1].type != CLB_JSON_STRING)
			return clb_stream_fail(s, tok[k + 1].off, e, "label '%.*s' must be a string",
			    (int)tok[k].str.n, tok[k].str.s);
		(*v)[(*n)++] = (struct clb_label){ tok[k].str, tok[k + 1].str };
	}
	if (*n > 0)
		qsort(*v, *n, sizeof(**v), by_name);
	for (size_t k = 1; k < *n; k++)
		if (clb_str_eq((*v)[k - 1].name, (*v)[k].name))
			return clb_stream_fail(s, tok[i].off, e, "label '%.*s' stands twice",
			    (int)(*v)[k].name.n, (*v)[k].name.s);
	return 0;
}

/* What is matched, at token i, gets the weight. v is storage. */
static int
read_match(struct clb_weights *w, struct clb_stream *s, size_t i, size_t job,
    const struct clb_weight *weight, struct clb_label **v, struct clb_err *e)
{
	size_t n, k;

	if (parse_match(s, i, v, &n, e) == -1)
		return -1;
	if ((k = put_shape(w, job != 0, *v, n)) == CLB_WEIGHTS_SHAPES)
		return clb_stream_fail(s, s->json.tok[i].off, e,
		    "there are more than %d different sets of labels to match", CLB_WEIGHTS_SHAPES);
	start_key(w, k, job != 0 ? s->json.tok[job].str : CLB_STR(""));
	for (k = 0; k < n; k++)
		add_value(&w->key, (*v)[k].value);
	put_match(w, weight);
	return 0;
}

/* One line of the file; older is the newest line of the files before. */
static int
read_line(struct clb_weights *w, struct clb_stream *s, uint64_t older, struct clb_label **v,
    struct clb_err *e)
{
	const struct clb_token *tok = s->json.tok;
	struct clb_weight weight;
	size_t at[NFIELDS];
	uint64_t id;

	if (find_fields(s, at, e) == -1 || parse_weight(s, at, &weight, e) == -1)
		return -1;
	weight.line += older;
	if (at[JOB] != 0 && (tok[at[JOB]].type != CLB_JSON_STRING || tok[at[JOB]].str.n == 0))
		return clb_stream_fail(s, tok[at[JOB]].off, e,
		    "job must be a string that is not empty");
	if (at[MATCH] != 0)
		return read_match(w, s, at[MATCH], at[JOB], &weight, v, e);
	if (tok[at[ID]].type != CLB_JSON_STRING || clb_target_id(tok[at[ID]].str, &id) == -1)
		return clb_stream_fail(s, tok[at[ID]].off, e,
		    "id must be a string of 16 hexadecimal digits");
	put_id(w, id, &weight);
	return 0;
}

int
clb_weights_read(struct clb_weights *w, struct clb_stream *s, struct clb_err *e)
{
	struct clb_label *v = NULL;
	uint64_t older = 0;
	int rc;

	for (size_t i = 0; i < w->nid; i++)
		older = w->id[i].line > older ? w->id[i].line : older;
	for (size_t i = 0; i < w->nmatch; i++)
		older = w->match[i].w.line > older ? w->match[i].w.line : older;
	while ((rc = clb_stream_next(s, e)) == 1)
		if (read_line(w, s, older, &v, e) == -1) {
			rc = -1;
			break;
		}
	free(v);
	return rc;
}

int
clb_weights_read_file(struct clb_weights *w, const char *path, struct clb_err *e)
{
	struct clb_stream s;
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return clb_err_set(e, EX_NOINPUT, "%s: %s", path, strerror(errno));
	clb_stream_init(&s, fd, path);
	rc = clb_weights_read(w, &s, e);
	clb_stream_release(&s);
	close(fd);
	return rc;
}
