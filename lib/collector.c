#include <stdlib.h>

#include "lib/collector.h"
#include "lib/hash.h"

static const char *const state_name[] = {
	[CLB_READY] = "ready", [CLB_PENDING] = "pending", [CLB_DRAINING] = "draining",
};

const char *
clb_state_name(enum clb_state state)
{
	return state_name[state];
}

void
clb_collectors_release(struct clb_collectors *c)
{
	clb_intern_release(&c->names);
	clb_intern_release(&c->nodes);
	clb_intern_release(&c->zones);
	free(c->seat);
	memset(c, 0, sizeof(*c));
}

/* ---- their order ---- */

/* How much of a name is before the digits that it ends with. */
static uint32_t
stem(struct clb_str name)
{
	uint32_t n = name.n;

	while (n > 0 && name.s[n - 1] >= '0' && name.s[n - 1] <= '9')
		n--;
	return n;
}

/* otel-9 before otel-10: by what stands before the number, then by the number. */
static int
by_ordinal(const void *a, const void *b, void *arg)
{
	const struct clb_str *name = arg;
	struct clb_str x = name[*(const uint32_t *)a], y = name[*(const uint32_t *)b];
	uint32_t nx = stem(x), ny = stem(y);
	int c = clb_str_cmp((struct clb_str){ x.s, nx, 0 }, (struct clb_str){ y.s, ny, 0 });
	int whole = clb_str_cmp(x, y);

	if (c != 0)
		return c;
	for (; nx < x.n && x.s[nx] == '0'; nx++)
		;
	for (; ny < y.n && y.s[ny] == '0'; ny++)
		;
	if (x.n - nx != y.n - ny)
		return x.n - nx < y.n - ny ? -1 : 1;
	c = clb_str_cmp((struct clb_str){ x.s + nx, x.n - nx, 0 },
	    (struct clb_str){ y.s + ny, y.n - ny, 0 });
	return c != 0 ? c : whole;
}

static void
set_shards(struct clb_collectors *c)
{
	uint32_t *order = clb_xreallocarray(NULL, c->nseats, sizeof(*order));

	for (uint32_t k = 0; k < c->nseats; k++)
		order[k] = k;
	if (c->nseats > 1)
		qsort_r(order, c->nseats, sizeof(*order), by_ordinal, c->names.str);
	for (uint32_t k = 0; k < c->nseats; k++)
		c->seat[order[k]].shard = k;
	free(order);
}

/* The points of the target allocator's ring: XXH64 of "<i>:<name>". */
static void
set_points(struct clb_seat *seat, struct clb_str name, struct clb_buf *b)
{
	for (int i = 0; i < CLB_RING_POINTS; i++) {
		b->n = 0;
		clb_buf_printf(b, "%d:", i);
		clb_buf_add(b, name.s, name.n);
		seat->point[i] = clb_hash_xxh64(b->p, b->n);
	}
}

/* ---- from the command line ---- */

/*
 * Names and seats as they came become those of c, in order of names. Nodes and
 * zones of came are numbers of c's own texts; they are numbered anew, or the
 * order of the file would show. Takes what came.
 */
static void
adopt(struct clb_collectors *c, struct clb_collectors *came)
{
	uint32_t *rank = clb_intern_ranks(&came->names), *at;
	struct clb_buf b = { NULL, 0, 0 };

	at = clb_xreallocarray(NULL, came->nseats, sizeof(*at));
	for (uint32_t k = 0; k < came->nseats; k++)
		at[rank[k]] = k;
	c->nseats = came->nseats;
	c->seat = clb_xreallocarray(NULL, c->nseats, sizeof(*c->seat));
	for (uint32_t k = 0; k < c->nseats; k++) {
		struct clb_seat *seat = &c->seat[k];

		*seat = came->seat[at[k]];
		clb_intern_put(&c->names, came->names.str[at[k]]);
		set_points(seat, c->names.str[k], &b);
		if (seat->node != CLB_NOWHERE)
			seat->node = clb_intern_put(&c->nodes, came->nodes.str[seat->node]);
		if (seat->zone != CLB_NOWHERE)
			seat->zone = clb_intern_put(&c->zones, came->zones.str[seat->zone]);
	}
	set_shards(c);
	clb_buf_release(&b);
	free(at);
	free(rank);
	clb_collectors_release(came);
}

static struct clb_seat
any_seat(void)
{
	return (struct clb_seat){ .max_weight = UINT64_MAX, .max_targets = UINT64_MAX,
	    .node = CLB_NOWHERE, .zone = CLB_NOWHERE, .state = CLB_READY };
}

void
clb_collectors_number(struct clb_collectors *c, uint32_t n, const char *prefix)
{
	struct clb_collectors came = { .nseats = n };

	came.seat = clb_xreallocarray(NULL, n, sizeof(*came.seat));
	for (uint32_t k = 0; k < n; k++) {
		char *name = clb_xasprintf("%s%u", prefix, (unsigned)k);

		clb_intern_put(&came.names, clb_str(name));
		came.seat[k] = any_seat();
		free(name);
	}
	adopt(c, &came);
}

void
clb_collectors_limit(struct clb_collectors *c, uint64_t max_targets, uint64_t max_weight)
{
	for (uint32_t k = 0; k < c->nseats; k++) {
		c->seat[k].max_targets = max_targets;
		if (max_weight < c->seat[k].max_weight)
			c->seat[k].max_weight = max_weight;
	}
}

/* ---- from a file ---- */

enum field { CAPACITY, NAME, NODE, STATE, ZONE, NFIELDS };

static const struct clb_str field_name[NFIELDS] = {
	CLB_STR_INIT("capacity"), CLB_STR_INIT("name"), CLB_STR_INIT("node"),
	CLB_STR_INIT("state"), CLB_STR_INIT("zone"),
};

/* The fields of the current line: tokens, NULL for what is not there. */
static int
find_fields(struct clb_stream *s, const struct clb_token *field[NFIELDS], struct clb_err *e)
{
	const struct clb_token *tok = s->json.tok;

	memset(field, 0, NFIELDS * sizeof(*field));
	if (tok[0].type != CLB_JSON_OBJECT)
		return clb_stream_fail(s, 0, e, "a collector must be an object");
	for (size_t k = 1; k < tok[0].next; k = tok[k + 1].next) {
		enum field f = CAPACITY;

		while (f < NFIELDS && !clb_str_eq(tok[k].str, field_name[f]))
			f++;
		if (f == NFIELDS)
			continue;
		if (field[f] != NULL)
			return clb_stream_fail(s, tok[k].off, e, "field '%s' stands twice",
			    field_name[f].s);
		field[f] = &tok[k + 1];
		if (f != CAPACITY &&
		    (field[f]->type != CLB_JSON_STRING || field[f]->str.n == 0))
			return clb_stream_fail(s, field[f]->off, e,
			    "%s must be a string that is not empty", field_name[f].s);
	}
	if (field[NAME] == NULL)
		return clb_stream_fail(s, 0, e, "the collector has no name");
	return 0;
}

static int
parse_state(struct clb_stream *s, const struct clb_token *tok, struct clb_seat *seat,
    struct clb_err *e)
{
	enum clb_state state = CLB_READY;

	while (state <= CLB_DRAINING && !clb_str_eq(tok->str, clb_str(state_name[state])))
		state++;
	if (state > CLB_DRAINING)
		return clb_stream_fail(s, tok->off, e,
		    "state '%.*s' is none of ready, pending and draining",
		    (int)tok->str.n, tok->str.s);
	seat->state = state;
	return 0;
}

/* The current line into the last seat. */
static int
parse_collector(struct clb_collectors *c, struct clb_stream *s, struct clb_seat *seat,
    struct clb_err *e)
{
	const struct clb_token *field[NFIELDS];

	*seat = any_seat();
	if (find_fields(s, field, e) == -1)
		return -1;
	if (clb_intern_find(&c->names, field[NAME]->str) != CLB_INTERN_NONE)
		return clb_stream_fail(s, 0, e, "collector '%.*s' stands twice",
		    (int)field[NAME]->str.n, field[NAME]->str.s);
	if (field[CAPACITY] != NULL &&
	    clb_json_uint(field[CAPACITY], &seat->max_weight) == -1)
		return clb_stream_fail(s, field[CAPACITY]->off, e,
		    "capacity must be a whole number from 0 to 18446744073709551615");
	if (field[STATE] != NULL && parse_state(s, field[STATE], seat, e) == -1)
		return -1;
	clb_intern_put(&c->names, field[NAME]->str);
	if (field[NODE] != NULL)
		seat->node = clb_intern_put(&c->nodes, field[NODE]->str);
	if (field[ZONE] != NULL)
		seat->zone = clb_intern_put(&c->zones, field[ZONE]->str);
	return 0;
}

int
clb_collectors_read(struct clb_collectors *c, struct clb_stream *s, struct clb_err *e)
{
	struct clb_collectors came = { 0 };
	uint32_t cap = 0;
	int rc;

	while ((rc = clb_stream_next(s, e)) == 1) {
		if (came.nseats == cap) {
			cap = cap != 0 ? 2 * cap : 64;
			came.seat = clb_xreallocarray(came.seat, cap, sizeof(*came.seat));
		}
		if (parse_collector(&came, s, &came.seat[came.nseats], e) == -1)
			break;
		came.nseats++;
	}
	adopt(c, &came);
	return rc == 0 ? 0 : -1;
}
