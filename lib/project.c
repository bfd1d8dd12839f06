#include <stdlib.h>

#include "lib/project.h"

/*
 * The fields, sorted within each object as they are written. What a field is
 * stands behind its name; a field without a mark is a string.
 *
 *   name#   a whole number
 *   name?   true or false
 *   name{}  strings by name
 *   name[]  strings, or at an inner place objects
 *   name[T] objects, of which only the first whose type is T counts
 */
#define META \
	"metadata.annotations{}", "metadata.labels{}", "metadata.name", "metadata.namespace"
#define OWNERS \
	"metadata.ownerReferences[].controller?", "metadata.ownerReferences[].kind", \
	"metadata.ownerReferences[].name"
#define CONTAINERS(which) \
	"spec." which "[].image", "spec." which "[].name", \
	"spec." which "[].ports[].containerPort#", "spec." which "[].ports[].name", \
	"spec." which "[].ports[].protocol"
#define ADDRESSES(which) \
	"subsets[]." which "[].hostname", "subsets[]." which "[].ip", \
	"subsets[]." which "[].nodeName", "subsets[]." which "[].targetRef.kind", \
	"subsets[]." which "[].targetRef.name", "subsets[]." which "[].targetRef.namespace"

static const char *const pod[] = {
	META, OWNERS, "metadata.deletionTimestamp", "metadata.uid",
	CONTAINERS("containers"), CONTAINERS("initContainers"), "spec.nodeName",
	"status.conditions[Ready].status", "status.conditions[Ready].type",
	"status.containerStatuses[].containerID", "status.containerStatuses[].name",
	"status.hostIP",
	"status.initContainerStatuses[].containerID", "status.initContainerStatuses[].name",
	"status.phase", "status.podIP", NULL
};
static const char *const node[] = {
	META, "spec.providerID",
	"status.addresses[].address", "status.addresses[].type",
	"status.conditions[].status", "status.conditions[].type",
	"status.daemonEndpoints.kubeletEndpoint.Port#", NULL
};
static const char *const service[] = {
	META, "spec.clusterIP", "spec.externalName", "spec.ipFamilies[]",
	"spec.ipFamilyPolicy", "spec.loadBalancerIP", "spec.ports[].name",
	"spec.ports[].port#", "spec.ports[].protocol", "spec.selector{}", "spec.type",
	"status.loadBalancer.ingress[].ip", NULL
};
static const char *const endpoints[] = {
	META, ADDRESSES("addresses"), ADDRESSES("notReadyAddresses"),
	"subsets[].ports[].name", "subsets[].ports[].port#", "subsets[].ports[].protocol", NULL
};
/* topology is what deprecatedTopology was called in v1beta1. */
static const char *const endpointslice[] = {
	"addressType", "endpoints[].addresses[]", "endpoints[].conditions.ready?",
	"endpoints[].conditions.serving?", "endpoints[].conditions.terminating?",
	"endpoints[].deprecatedTopology{}", "endpoints[].hostname", "endpoints[].nodeName",
	"endpoints[].targetRef.kind", "endpoints[].targetRef.name",
	"endpoints[].targetRef.namespace", "endpoints[].topology{}", "endpoints[].zone",
	META, "ports[].appProtocol", "ports[].name", "ports[].port#", "ports[].protocol", NULL
};
static const char *const ingress[] = {
	META, "spec.ingressClassName", "spec.rules[].host", "spec.rules[].http.paths[].path",
	"spec.tls[].hosts[]", NULL
};
static const char *const namespace[] = { META, NULL };
static const char *const owner[] = {
	"metadata.name", "metadata.namespace", OWNERS, NULL
};
/* What the balancer itself looks after: its generation changes with its spec. */
static const char *const managed[] = {
	META, OWNERS, "metadata.deletionTimestamp", "metadata.generation#", "metadata.uid",
	"spec.replicas#", NULL
};
static const char *const configmap[] = { "data{}", META, OWNERS, NULL };

static const struct clb_kind kinds[] = {
	{ "Pod", "pods", pod },
	{ "Node", "nodes", node },
	{ "Service", "services", service },
	{ "Endpoints", "endpoints", endpoints },
	{ "EndpointSlice", "endpointslices", endpointslice },
	{ "Ingress", "ingresses", ingress },
	{ "Namespace", "namespaces", namespace },
	{ "ReplicaSet", "replicasets", owner },
	{ "Job", "jobs", owner },
	{ "CollectorLoadBalancer", "collectorloadbalancers", managed },
	{ "StatefulSet", "statefulsets", managed },
	{ "DaemonSet", "daemonsets", managed },
	{ "ConfigMap", "configmaps", configmap },
};

/* Beside its fields, what says which object it is, of which list, and what went wrong. */
static const char *const envelope[] = {
	"code", "kind", "message", "metadata.continue", "metadata.name", "metadata.namespace",
	"metadata.resourceVersion", "reason", NULL
};

const struct clb_kind *
clb_kind_named(const char *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, kind) == 0)
			return &kinds[i];
	return NULL;
}

const struct clb_kind *
clb_kind_plural(struct clb_str plural)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (clb_str_eq(clb_str(kinds[i].plural), plural))
			return &kinds[i];
	return NULL;
}

#define MAX_FIELDS 16

enum what { STRING, NUMBER, BOOL, MAP, STRINGS, OBJECT, OBJECTS, FIRST_OF_TYPE };

struct clb_project_node {
	struct clb_str name;
	enum what what;
	struct clb_str type;	/* FIRST_OF_TYPE: which */
	struct clb_project_node *sub[MAX_FIELDS];
	size_t nsub;
};

/* ---- from the table to a tree, and from that to a shape ---- */

static enum what
what_of(const char *mark, size_t n, int leaf)
{
	if (n == 0)
		return leaf ? STRING : OBJECT;
	switch (*mark) {
	case '#': return NUMBER;
	case '?': return BOOL;
	case '{': return MAP;
	default: return n > 2 ? FIRST_OF_TYPE : leaf ? STRINGS : OBJECTS;
	}
}

/* The node for the first component of a path, made if it is not there. */
static struct clb_project_node *
component(struct clb_arena *a, struct clb_project_node *n, const char *path, size_t len)
{
	size_t name = strcspn(path, "#?{[.");
	struct clb_project_node *sub;

	for (size_t i = 0; i < n->nsub; i++)
		if (clb_str_eq(n->sub[i]->name, (struct clb_str){ path, (uint32_t)name, 1 }))
			return n->sub[i];
	sub = memset(clb_arena_alloc(a, sizeof(*sub)), 0, sizeof(*sub));
	sub->name = (struct clb_str){ path, (uint32_t)name, 1 };
	sub->what = what_of(path + name, len - name, path[len] == '\0');
	if (sub->what == FIRST_OF_TYPE)
		sub->type = (struct clb_str){ path + name + 1, (uint32_t)(len - name - 2), 1 };
	n->sub[n->nsub++] = sub;
	return sub;
}

static int
by_name(const void *a, const void *b)
{
	const struct clb_project_node *const *x = a, *const *y = b;

	return clb_str_cmp((*x)->name, (*y)->name);
}

static void
plant(struct clb_arena *a, struct clb_project_node *root, const char *const *paths)
{
	for (; *paths != NULL; paths++) {
		struct clb_project_node *n = root;

		for (const char *p = *paths; *p != '\0'; p += *p == '.') {
			size_t len = strcspn(p, ".");
			struct clb_project_node *parent = n;

			n = component(a, parent, p, len);
			qsort(parent->sub, parent->nsub, sizeof(parent->sub[0]), by_name);
			p += len;
		}
	}
}

static struct clb_json_shape
shape_of(struct clb_arena *a, const struct clb_project_node *n)
{
	struct clb_json_shape *sub;

	if (n->nsub == 0)
		return (struct clb_json_shape){ n->name, NULL, 0 };
	sub = clb_arena_alloc(a, n->nsub * sizeof(*sub));
	for (size_t i = 0; i < n->nsub; i++)
		sub[i] = shape_of(a, n->sub[i]);
	return (struct clb_json_shape){ n->name, sub, n->nsub };
}

void
clb_project_init(struct clb_project *p, const struct clb_kind *kind)
{
	struct clb_project_node *fields, list = { 0 }, items, event = { 0 };
	struct clb_project_node type = { .name = CLB_STR_INIT("type") };

	*p = (struct clb_project){ .kind = kind };
	fields = memset(clb_arena_alloc(&p->arena, sizeof(*fields)), 0, sizeof(*fields));
	plant(&p->arena, fields, kind->fields);
	p->fields = fields;

	plant(&p->arena, &list, kind->fields);
	plant(&p->arena, &list, envelope);
	items = list;
	items.name = CLB_STR("items");
	p->list = shape_of(&p->arena, &list);

	list.name = CLB_STR("object");
	list.sub[list.nsub++] = &items;
	event.sub[event.nsub++] = &list;
	event.sub[event.nsub++] = &type;
	p->event = shape_of(&p->arena, &event);
}

void
clb_project_release(struct clb_project *p)
{
	clb_arena_release(&p->arena);
	clb_buf_release(&p->key);
	free(p->order);
	*p = (struct clb_project){ 0 };
}

/* ---- an object ---- */

size_t
clb_project_member(const struct clb_json *j, size_t i, const char *name)
{
	struct clb_str want = clb_str(name);

	if (j->tok[i].type == CLB_JSON_OBJECT)
		for (size_t k = i + 1; k < j->tok[i].next; k = j->tok[k + 1].next)
			if (clb_str_eq(j->tok[k].str, want))
				return k + 1;
	return 0;
}

struct clb_str
clb_project_text(const struct clb_json *j, size_t i, const char *name)
{
	size_t k = clb_project_member(j, i, name);

	return k != 0 && j->tok[k].type == CLB_JSON_STRING ? j->tok[k].str : CLB_STR("");
}

static int
wrong(struct clb_stream *s, size_t i, struct clb_str name, const char *what,
    struct clb_err *e)
{
	return clb_stream_fail(s, s->json.tok[i].off, e, "'%.*s' is not %s", (int)name.n,
	    name.s, what);
}

/* The string at token i; null is an empty one, as in Go. */
static int
put_string(struct clb_stream *s, size_t i, struct clb_str name, struct clb_buf *out,
    struct clb_err *e)
{
	const struct clb_token *t = &s->json.tok[i];

	if (t->type == CLB_JSON_STRING)
		clb_json_string(out, t->str);
	else if (t->type == CLB_JSON_NULL)
		clb_buf_add(out, "\"\"", 2);
	else
		return wrong(s, i, name, "a string", e);
	return 0;
}

static int
put_number(struct clb_stream *s, size_t i, struct clb_str name, struct clb_buf *out,
    struct clb_err *e)
{
	const struct clb_token *t = &s->json.tok[i];

	if (t->type != CLB_JSON_NUMBER || t->str.n > 20 ||
	    strspn(t->str.s, "-0123456789") < t->str.n)
		return wrong(s, i, name, "a whole number", e);
	clb_buf_add(out, t->str.s, t->str.n);
	return 0;
}

static int
put_bool(struct clb_stream *s, size_t i, struct clb_str name, struct clb_buf *out,
    struct clb_err *e)
{
	if (s->json.tok[i].type == CLB_JSON_TRUE)
		clb_buf_adds(out, "true");
	else if (s->json.tok[i].type == CLB_JSON_FALSE)
		clb_buf_adds(out, "false");
	else
		return wrong(s, i, name, "true or false", e);
	return 0;
}

static int
put_strings(struct clb_stream *s, size_t i, struct clb_str name, struct clb_buf *out,
    struct clb_err *e)
{
	const struct clb_token *t = s->json.tok;

	if (t[i].type != CLB_JSON_ARRAY)
		return wrong(s, i, name, "an array", e);
	clb_buf_addc(out, '[');
	for (size_t k = i + 1; k < t[i].next; k = t[k].next) {
		if (k > i + 1)
			clb_buf_addc(out, ',');
		if (put_string(s, k, name, out, e) == -1)
			return -1;
	}
	clb_buf_addc(out, ']');
	return 0;
}

static int
by_key(const void *a, const void *b, void *tok)
{
	const struct clb_token *t = tok;

	return clb_str_cmp(t[*(const uint32_t *)a].str, t[*(const uint32_t *)b].str);
}

/* p->order: the keys of the object at token i, sorted, as they nearly always are. */
static int
sort_keys(struct clb_project *p, struct clb_stream *s, size_t i, size_t *n,
    struct clb_err *e)
{
	struct clb_token *t = s->json.tok;
	int sorted = 1;

	*n = 0;
	for (size_t k = i + 1; k < t[i].next; k = t[k + 1].next) {
		if (*n == p->order_cap) {
			p->order_cap = p->order_cap != 0 ? p->order_cap * 2 : 64;
			p->order = clb_xreallocarray(p->order, p->order_cap, sizeof(*p->order));
		}
		p->order[(*n)++] = (uint32_t)k;
		if (*n > 1 && clb_str_cmp(t[p->order[*n - 2]].str, t[k].str) >= 0)
			sorted = 0;
	}
	if (sorted)
		return 0;
	qsort_r(p->order, *n, sizeof(*p->order), by_key, t);
	for (size_t k = 1; k < *n; k++)
		if (clb_str_eq(t[p->order[k - 1]].str, t[p->order[k]].str))
			return clb_stream_fail(s, t[p->order[k]].off, e, "duplicate key '%.*s'",
			    (int)t[p->order[k]].str.n, t[p->order[k]].str.s);
	return 0;
}

static int
put_map(struct clb_project *p, struct clb_stream *s, size_t i, struct clb_str name,
    struct clb_buf *out, struct clb_err *e)
{
	size_t n;

	if (s->json.tok[i].type != CLB_JSON_OBJECT)
		return wrong(s, i, name, "an object", e);
	if (sort_keys(p, s, i, &n, e) == -1)
		return -1;
	clb_buf_addc(out, '{');
	for (size_t k = 0; k < n; k++) {
		if (k > 0)
			clb_buf_addc(out, ',');
		clb_json_string(out, s->json.tok[p->order[k]].str);
		clb_buf_addc(out, ':');
		if (put_string(s, p->order[k] + 1, name, out, e) == -1)
			return -1;
	}
	clb_buf_addc(out, '}');
	return 0;
}

static int put_object(struct clb_project *p, const struct clb_project_node *n,
    struct clb_stream *s, size_t i, struct clb_buf *out, struct clb_err *e);

static int
put_objects(struct clb_project *p, const struct clb_project_node *n,
    struct clb_stream *s, size_t i, struct clb_buf *out, struct clb_err *e)
{
	const struct clb_token *t = s->json.tok;
	size_t count = 0;

	if (t[i].type != CLB_JSON_ARRAY)
		return wrong(s, i, n->name, "an array", e);
	clb_buf_addc(out, '[');
	for (size_t k = i + 1; k < t[i].next; k = t[k].next) {
		if (n->what == FIRST_OF_TYPE && (count > 0 ||
		    !clb_str_eq(clb_project_text(&s->json, k, "type"), n->type)))
			continue;
		if (count++ > 0)
			clb_buf_addc(out, ',');
		if (put_object(p, n, s, k, out, e) == -1)
			return -1;
	}
	clb_buf_addc(out, ']');
	return 0;
}

static int
put_field(struct clb_project *p, const struct clb_project_node *n, struct clb_stream *s,
    size_t i, struct clb_buf *out, struct clb_err *e)
{
	switch (n->what) {
	case STRING: return put_string(s, i, n->name, out, e);
	case NUMBER: return put_number(s, i, n->name, out, e);
	case BOOL: return put_bool(s, i, n->name, out, e);
	case MAP: return put_map(p, s, i, n->name, out, e);
	case STRINGS: return put_strings(s, i, n->name, out, e);
	case OBJECT: return put_object(p, n, s, i, out, e);
	case OBJECTS:
	case FIRST_OF_TYPE: break;
	}
	return put_objects(p, n, s, i, out, e);
}

/* Which token has each field's value: slot[k] of n->sub[k], 0 if there is none. */
static int
find_fields(const struct clb_project_node *n, struct clb_stream *s, size_t i,
    size_t *slot, struct clb_err *e)
{
	const struct clb_token *t = s->json.tok;

	memset(slot, 0, n->nsub * sizeof(*slot));
	for (size_t k = i + 1; k < t[i].next; k = t[k + 1].next)
		for (size_t f = 0; f < n->nsub; f++) {
			if (!clb_str_eq(n->sub[f]->name, t[k].str))
				continue;
			if (slot[f] != 0)
				return clb_stream_fail(s, t[k].off, e, "duplicate key '%.*s'",
				    (int)t[k].str.n, t[k].str.s);
			slot[f] = k + 1;
			break;
		}
	return 0;
}

static int
put_object(struct clb_project *p, const struct clb_project_node *n, struct clb_stream *s,
    size_t i, struct clb_buf *out, struct clb_err *e)
{
	const struct clb_token *t = s->json.tok;
	size_t slot[MAX_FIELDS], count = 0;
	const char *kind = n == p->fields ? p->kind->kind : NULL;

	if (t[i].type == CLB_JSON_NULL) {	/* in an array: an object with nothing in it */
		clb_buf_add(out, "{}", 2);
		return 0;
	}
	if (t[i].type != CLB_JSON_OBJECT)
		return wrong(s, i, n->name, "an object", e);
	if (find_fields(n, s, i, slot, e) == -1)
		return -1;
	clb_buf_addc(out, '{');
	for (size_t f = 0; f < n->nsub; f++) {
		/* kind is a field that need not be there, and is written in its place. */
		if (kind != NULL && clb_str_cmp(n->sub[f]->name, CLB_STR("kind")) > 0) {
			if (count++ > 0)
				clb_buf_addc(out, ',');
			clb_buf_printf(out, "\"kind\":\"%s\"", kind);
			kind = NULL;
		}
		if (slot[f] == 0 || t[slot[f]].type == CLB_JSON_NULL)
			continue;
		if (count++ > 0)
			clb_buf_addc(out, ',');
		clb_json_string(out, n->sub[f]->name);
		clb_buf_addc(out, ':');
		if (put_field(p, n->sub[f], s, slot[f], out, e) == -1)
			return -1;
	}
	clb_buf_addc(out, '}');
	return 0;
}

int
clb_project_object(struct clb_project *p, struct clb_stream *s, size_t i,
    struct clb_buf *out, struct clb_err *e)
{
	const struct clb_json *j = &s->json;
	struct clb_str kind, ns, name;
	size_t meta, start = out->n;

	if (j->tok[i].type != CLB_JSON_OBJECT)
		return clb_stream_fail(s, j->tok[i].off, e, "an object is expected");
	kind = clb_project_text(j, i, "kind");
	if (kind.n != 0 && !clb_str_eq(kind, clb_str(p->kind->kind)))
		return 0;
	meta = clb_project_member(j, i, "metadata");
	ns = meta != 0 ? clb_project_text(j, meta, "namespace") : CLB_STR("");
	name = meta != 0 ? clb_project_text(j, meta, "name") : CLB_STR("");
	if (name.n == 0 || memchr(name.s, '/', name.n) != NULL ||
	    memchr(name.s, '\n', name.n) != NULL ||
	    (ns.n != 0 && (memchr(ns.s, '/', ns.n) != NULL || memchr(ns.s, '\n', ns.n) != NULL)))
		return clb_stream_fail(s, j->tok[i].off, e, "an object without a proper name");
	p->key.n = 0;
	clb_buf_add(&p->key, ns.s, ns.n);
	if (ns.n != 0)
		clb_buf_addc(&p->key, '/');
	clb_buf_add(&p->key, name.s, name.n);
	if (put_object(p, p->fields, s, i, out, e) == -1) {
		out->n = start;
		return -1;
	}
	return 1;
}
