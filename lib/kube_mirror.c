#include <stdlib.h>

#include "lib/hash.h"
#include "lib/kube_mirror.h"
#include "lib/kube_part.h"
#include "lib/mirror.h"

struct stream {
	char *name;
	struct clb_mirror *reader;
};

/* Where nodes are, as far as anybody asked. */
struct zone {
	struct clb_str node, zone;
};

struct clb_kube_mirror {
	const char *dir;
	int compat;
	int has_nodes;			/* the configuration needs all nodes */
	struct stream *stream;
	size_t nstream;
	struct clb_kube kube;
	/* The block that is being gone through: */
	const struct clb_kube_sd *sd;
	struct clb_arena arena;
	struct clb_str *ns;		/* its namespaces; one that is empty: all */
	int nns, at_ns;
	struct clb_mirror *reader[CLB_KUBE_KINDS];	/* of the namespace; NULL: not needed */
	struct clb_mirror *nodes;	/* for zones, or NULL */
	struct zone *zone;		/* a table; its cap is a power of two */
	size_t nzone, zone_cap;
	struct clb_arena zones;		/* their texts: longer than a group */
};

static int
needs_all_nodes(const struct clb_kube_sd *sd)
{
	return clb_kube_needs(sd, CLB_KUBE_NODE) && sd->label_selector[CLB_KUBE_NODE].n == 0 &&
	    sd->field_selector[CLB_KUBE_NODE].n == 0;
}

struct clb_kube_mirror *
clb_kube_mirror_new(const char *dir, const struct clb_config *c)
{
	struct clb_kube_mirror *m = clb_xcalloc(1, sizeof(*m));

	m->dir = dir;
	m->compat = c->compat;
	for (size_t j = 0; j < c->njob; j++)
		for (size_t i = 0; i < c->job[j].nsd; i++)
			if (c->job[j].sd[i].kind == CLB_SD_KUBERNETES &&
			    needs_all_nodes(&c->job[j].sd[i].kube))
				m->has_nodes = 1;
	return m;
}

void
clb_kube_mirror_free(struct clb_kube_mirror *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->nstream; i++) {
		clb_mirror_reader_free(m->stream[i].reader);
		free(m->stream[i].name);
	}
	free(m->stream);
	free(m->zone);
	clb_kube_release(&m->kube);
	clb_arena_release(&m->arena);
	clb_arena_release(&m->zones);
	free(m);
}

/* The stream of that name, read once. Returns NULL with e set. */
static struct clb_mirror *
stream(struct clb_kube_mirror *m, const char *name, struct clb_err *e)
{
	struct clb_mirror *reader;

	for (size_t i = 0; i < m->nstream; i++)
		if (strcmp(m->stream[i].name, name) == 0)
			return m->stream[i].reader;
	if ((reader = clb_mirror_reader_new(m->dir, name, e)) == NULL)
		return NULL;
	m->stream = clb_xreallocarray(m->stream, m->nstream + 1, sizeof(*m->stream));
	m->stream[m->nstream++] = (struct stream){ clb_xstrdup(name), reader };
	return reader;
}

/* Read what the block needs of one namespace. */
static int
load_namespace(struct clb_kube_mirror *m, const struct clb_kube_sd *sd, struct clb_str ns,
    struct clb_mirror **reader, struct clb_err *e)
{
	struct clb_buf name = { NULL, 0, 0 };
	int rc = 0;

	for (int k = 0; k < CLB_KUBE_KINDS && rc == 0; k++) {
		reader[k] = NULL;
		if (!clb_kube_needs(sd, (enum clb_kube_kind)k))
			continue;
		name.n = 0;
		clb_kube_stream(&name, sd, (enum clb_kube_kind)k, ns);
		clb_buf_addc(&name, '\0');
		if ((reader[k] = stream(m, name.p, e)) == NULL)
			rc = -1;
	}
	clb_buf_release(&name);
	return rc;
}

/* The block's namespaces go to m; if it is not restricted, an empty one. */
static int
list_namespaces(struct clb_kube_mirror *m, const struct clb_kube_sd *sd, struct clb_err *e)
{
	clb_arena_clear(&m->arena);
	if ((m->nns = clb_kube_namespaces(sd, &m->arena, &m->ns, e)) == -1)
		return -1;
	if (m->nns == 0 || !clb_kube_resources[sd->role].namespaced) {
		m->ns[0] = CLB_STR("");
		m->nns = 1;
	}
	return 0;
}

/* Read what the block needs of all its namespaces. */
static int
load(struct clb_kube_mirror *m, const struct clb_kube_sd *sd, struct clb_err *e)
{
	struct clb_mirror *reader[CLB_KUBE_KINDS];

	if (list_namespaces(m, sd, e) == -1)
		return -1;
	for (int i = 0; i < m->nns; i++)
		if (load_namespace(m, sd, m->ns[i], reader, e) == -1)
			return -1;
	return 0;
}

/* ---- what the block's objects refer to ---- */

static int
find(void *arg, enum clb_kube_kind kind, struct clb_str ns, struct clb_str name,
    const struct clb_json **obj, struct clb_err *e)
{
	struct clb_kube_mirror *m = arg;

	if (m->reader[kind] == NULL || name.n == 0 ||
	    (ns.n == 0 && clb_kube_resources[kind].namespaced))
		return 0;
	return clb_mirror_find(m->reader[kind], ns, name, obj, e);
}

static struct zone *
zone_slot(struct clb_kube_mirror *m, struct clb_str node)
{
	size_t i = (size_t)clb_hash_bytes(node.s, node.n) & (m->zone_cap - 1);

	while (m->zone[i].node.n != 0 && !clb_str_eq(m->zone[i].node, node))
		i = (i + 1) & (m->zone_cap - 1);
	return &m->zone[i];
}

static void
grow_zones(struct clb_kube_mirror *m)
{
	struct zone *old = m->zone;
	size_t n = m->zone_cap;

	m->zone_cap = n != 0 ? n * 2 : 64;
	m->zone = clb_xcalloc(m->zone_cap, sizeof(*m->zone));
	for (size_t i = 0; i < n; i++)
		if (old[i].node.n != 0)
			*zone_slot(m, old[i].node) = old[i];
	free(old);
}

static struct clb_str
keep(struct clb_arena *a, struct clb_str s)
{
	struct clb_str copy = clb_arena_str(a, s.s, s.n);

	copy.plain = s.plain;
	return copy;
}

/* A node that cannot be read has no zone: the record does without. */
static struct clb_str
zone_of(void *arg, struct clb_str node)
{
	struct clb_kube_mirror *m = arg;
	struct clb_err ignored = CLB_ERR_INIT;
	const struct clb_json *obj;
	struct clb_str zone = CLB_STR("");
	struct zone *z;

	if (m->nodes == NULL || node.n == 0)
		return zone;
	if (m->nzone >= m->zone_cap / 4 * 3)
		grow_zones(m);
	z = zone_slot(m, node);
	if (z->node.n != 0)
		return z->zone;
	if (clb_mirror_find(m->nodes, CLB_STR(""), node, &obj, &ignored) == 1)
		zone = clb_kube_text(clb_kube_get(clb_kube_path(clb_kube_root(obj),
		    "metadata.labels"), "topology.kubernetes.io/zone"));
	*z = (struct zone){ keep(&m->zones, node), keep(&m->zones, zone) };
	m->nzone++;
	return z->zone;
}

/* ---- going through a block ---- */

static int
next_namespace(struct clb_kube_mirror *m, struct clb_err *e)
{
	if (load_namespace(m, m->sd, m->ns[m->at_ns++], m->reader, e) == -1)
		return -1;
	clb_mirror_rewind(m->reader[m->sd->role]);
	return 0;
}

int
clb_kube_mirror_begin(struct clb_kube_mirror *m, const struct clb_kube_sd *sd,
    struct clb_err *e)
{
	struct clb_err ignored = CLB_ERR_INIT;

	if (load(m, sd, e) == -1)
		return -1;
	m->sd = sd;
	m->at_ns = 0;
	if (next_namespace(m, e) == -1)
		return -1;
	/*
	 * Where the block sees a choice of nodes only, that will have to do. It
	 * is no reason to fail if others' nodes are missing.
	 */
	m->nodes = m->reader[CLB_KUBE_NODE];
	if (m->nodes == NULL && m->has_nodes)
		m->nodes = stream(m, "nodes", &ignored);
	if (m->zone != NULL)
		memset(m->zone, 0, m->zone_cap * sizeof(*m->zone));
	m->nzone = 0;
	clb_arena_clear(&m->zones);
	return 0;
}

int
clb_kube_mirror_next(struct clb_kube_mirror *m, const struct clb_group **g,
    struct clb_err *e)
{
	const struct clb_kube_join join = { find, zone_of, m };
	const struct clb_json *obj;
	int rc;

	for (;;) {
		rc = clb_mirror_next(m->reader[m->sd->role], &obj, e);
		if (rc == -1)
			return -1;
		if (rc == 0 && m->at_ns == m->nns)
			return 0;
		if (rc == 0 && next_namespace(m, e) == -1)
			return -1;
		if (rc == 0)
			continue;
		rc = clb_kube_group(&m->kube, m->sd, m->compat, obj, &join, e);
		*g = &m->kube.group;
		if (rc != 0)
			return rc;
	}
}
