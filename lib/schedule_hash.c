/*
 * The strategies in which a target asks for collectors in an order of its own,
 * whatever the others have. A target's key is
 *
 *   consistent-hashing   XXH64 of its discovered address
 *   hashmod              the last 8 bytes of an MD5, see clb_hash_md5_tail
 *   vmagent              XXH64 of its labels
 */
#include <math.h>
#include <stdlib.h>

#include "lib/hash.h"
#include "lib/schedule_part.h"

#define PARTITIONS 1061
#define LOAD 1.1	/* how many times its share of partitions a collector may have */

struct point {
	uint64_t hash;
	uint32_t collector;
};

struct choice {
	const struct clb_work *w;
	uint32_t *shard;	/* ready collectors in the order of shards */
	/* Ready collectors by node: of node k from node_first[k] on to that of k + 1. */
	uint32_t *on_node, *node_first;
	uint32_t nnodes;
	struct point *ring;
	size_t npoints;
	uint32_t first[PARTITIONS];	/* the point at or behind each partition */
	uint32_t owner[PARTITIONS];
};

/* The k-th collector that the target asks for, or CLB_NOWHERE behind the last. */
typedef uint32_t ask_fn(const struct choice *ch, const struct clb_placement *p, size_t k);

/* ---- by number ---- */

static uint32_t
ask_shard(const struct choice *ch, const struct clb_placement *p, size_t k)
{
	uint32_t n = ch->w->nready;

	return k < n ? ch->shard[(p->key % n + k) % n] : CLB_NOWHERE;
}

static int
by_shard(const void *a, const void *b, void *arg)
{
	const struct clb_seat *seat = arg;
	uint32_t x = seat[*(const uint32_t *)a].shard, y = seat[*(const uint32_t *)b].shard;

	return x < y ? -1 : x > y;
}

static void
set_shards(struct choice *ch)
{
	const struct clb_schedule *s = ch->w->s;
	uint32_t n = 0;

	ch->shard = clb_xreallocarray(NULL, ch->w->nready, sizeof(*ch->shard));
	for (uint32_t c = 0; c < s->nseats; c++)
		if (clb_work_ready(ch->w, c))
			ch->shard[n++] = c;
	qsort_r(ch->shard, n, sizeof(*ch->shard), by_shard, (void *)s->seat);
}

/* ---- by node ---- */

static uint32_t
ask_node(const struct choice *ch, const struct clb_placement *p, size_t k)
{
	if (p->node >= ch->nnodes || k >= ch->node_first[p->node + 1] - ch->node_first[p->node])
		return CLB_NOWHERE;
	return ch->on_node[ch->node_first[p->node] + k];
}

/* Those of a node in the order of shards: shard must be set. */
static void
set_nodes(struct choice *ch)
{
	const struct clb_schedule *s = ch->w->s;
	uint32_t *at;

	for (uint32_t c = 0; c < s->nseats; c++)
		if (s->seat[c].node != CLB_NOWHERE && s->seat[c].node >= ch->nnodes)
			ch->nnodes = s->seat[c].node + 1;
	ch->node_first = at = clb_xcalloc((size_t)ch->nnodes + 2, sizeof(*at));
	ch->on_node = clb_xreallocarray(NULL, ch->w->nready, sizeof(*ch->on_node));
	for (uint32_t i = 0; i < ch->w->nready; i++)
		if (s->seat[ch->shard[i]].node != CLB_NOWHERE)
			at[s->seat[ch->shard[i]].node + 2]++;
	for (uint32_t k = 0; k < ch->nnodes; k++)
		at[k + 2] += at[k + 1];
	for (uint32_t i = 0; i < ch->w->nready; i++)
		if (s->seat[ch->shard[i]].node != CLB_NOWHERE)
			ch->on_node[at[s->seat[ch->shard[i]].node + 1]++] = ch->shard[i];
}

/* ---- by the ring ---- */

/* The partition's owner, then the collectors clockwise from the partition on. */
static uint32_t
ask_ring(const struct choice *ch, const struct clb_placement *p, size_t k)
{
	uint32_t part = (uint32_t)(p->key % PARTITIONS);

	if (k == 0)
		return ch->owner[part];
	return k <= ch->npoints ?
	    ch->ring[(ch->first[part] + k - 1) % ch->npoints].collector : CLB_NOWHERE;
}

static int
by_hash(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->collector < y->collector ? -1 : x->collector > y->collector;
}

/* The first point at or behind hash, clockwise. */
static uint32_t
point_at(const struct choice *ch, uint64_t hash)
{
	size_t lo = 0, hi = ch->npoints;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ch->ring[mid].hash >= hash)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < ch->npoints ? (uint32_t)lo : 0;
}

static void
set_ring(struct choice *ch)
{
	const struct clb_schedule *s = ch->w->s;
	uint32_t *have = clb_xcalloc(s->nseats, sizeof(*have));
	double most = ceil((double)PARTITIONS / ch->w->nready * LOAD);

	ch->ring = clb_xreallocarray(NULL, ch->w->nready, CLB_RING_POINTS * sizeof(*ch->ring));
	for (uint32_t c = 0; c < s->nseats; c++)
		for (int i = 0; clb_work_ready(ch->w, c) && i < CLB_RING_POINTS; i++)
			ch->ring[ch->npoints++] = (struct point){ s->seat[c].point[i], c };
	qsort(ch->ring, ch->npoints, sizeof(*ch->ring), by_hash);
	for (uint64_t p = 0; p < PARTITIONS; p++) {
		unsigned char bytes[8];
		size_t at;

		for (int i = 0; i < 8; i++)
			bytes[i] = (unsigned char)(p >> 8 * i);
		at = ch->first[p] = point_at(ch, clb_hash_xxh64(bytes, sizeof(bytes)));
		while (have[ch->ring[at].collector] + 1 > most)
			at = (at + 1) % ch->npoints;
		ch->owner[p] = ch->ring[at].collector;
		have[ch->owner[p]]++;
	}
	free(have);
}

/* ---- all of them ---- */

/*
 * A copy to the first collector from the k-th on that may have it. Returns the
 * place behind it: what must not have one copy must not have the next.
 */
static size_t
prefer(struct clb_work *w, const struct choice *ch, ask_fn *ask, size_t copy, size_t k,
    int skewed)
{
	const struct clb_placement *p = clb_work_placement(w, copy);
	uint32_t c;

	for (; (c = ask(ch, p, k)) != CLB_NOWHERE; k++)
		if (clb_work_fits(w, copy, c)) {
			if (skewed && !clb_work_zone_open(w, w->s->seat[c].zone))
				continue;
			clb_work_put(w, copy, c);
			return k + 1;
		} else if (!clb_work_has_room(w, copy, c)) {
			w->s->why[copy] = CLB_NO_CAPACITY;
		}
	return k;
}

static void
prefer_all(struct clb_work *w, const struct choice *ch, ask_fn *ask)
{
	struct clb_schedule *s = w->s;
	uint32_t R = s->replication;
	int skewed = w->zoned && s->zone_skew != SIZE_MAX;

	for (size_t t = 0; t < s->ntargets; t++)
		for (size_t i = t * R, k = 0; i < (t + 1) * R; i++) {
			if (s->where[i] != CLB_NOWHERE)
				continue;
			if (skewed)
				(void)prefer(w, ch, ask, i, 0, 1);
			if (s->where[i] == CLB_NOWHERE)
				k = prefer(w, ch, ask, i, skewed ? 0 : k, 0);
		}
}

void
clb_work_prefer(struct clb_work *w, enum clb_strategy strategy)
{
	struct choice ch = { .w = w };

	set_shards(&ch);
	if (strategy == CLB_PER_NODE)
		set_nodes(&ch);
	if (strategy == CLB_CONSISTENT_HASHING)
		set_ring(&ch);
	prefer_all(w, &ch, strategy == CLB_PER_NODE ? ask_node :
	    strategy == CLB_CONSISTENT_HASHING ? ask_ring : ask_shard);
	free(ch.shard);
	free(ch.on_node);
	free(ch.node_first);
	free(ch.ring);
}
