/* Looking into Kubernetes objects, and the label sets that roles share. */
#include <stdlib.h>

#include "lib/kube_part.h"
#include "lib/utf8.h"

static const struct clb_kube_value absent = { NULL, 0 };

struct clb_kube_value
clb_kube_root(const struct clb_json *j)
{
	return (struct clb_kube_value){ j->tok, 0 };
}

static struct clb_kube_value
member(struct clb_kube_value v, struct clb_str name)
{
	struct clb_kube_value found = absent;
	const struct clb_token *tok = v.tok;

	if (tok == NULL || tok[v.i].type != CLB_JSON_OBJECT)
		return absent;
	for (size_t k = v.i + 1; k < tok[v.i].next; k = tok[k + 1].next)
		if (clb_str_eq(tok[k].str, name))
			found = tok[k + 1].type != CLB_JSON_NULL ?
			    (struct clb_kube_value){ tok, k + 1 } : absent;
	return found;
}

struct clb_kube_value
clb_kube_get(struct clb_kube_value v, const char *name)
{
	return member(v, clb_str(name));
}

struct clb_kube_value
clb_kube_path(struct clb_kube_value v, const char *path)
{
	const char *dot;

	for (; (dot = strchr(path, '.')) != NULL; path = dot + 1)
		v = member(v, (struct clb_str){ path, (uint32_t)(dot - path), 1 });
	return clb_kube_get(v, path);
}

struct clb_str
clb_kube_text(struct clb_kube_value v)
{
	return v.tok != NULL && v.tok[v.i].type == CLB_JSON_STRING ? v.tok[v.i].str : CLB_STR("");
}

struct clb_str
clb_kube_field(struct clb_kube_value v, const char *path)
{
	return clb_kube_text(clb_kube_path(v, path));
}

int64_t
clb_kube_number(struct clb_kube_value v)
{
	struct clb_str s;
	int64_t n = 0;
	uint32_t i;

	if (v.tok == NULL || v.tok[v.i].type != CLB_JSON_NUMBER)
		return 0;
	s = v.tok[v.i].str;
	i = s.n != 0 && s.s[0] == '-';
	for (; i < s.n && s.s[i] >= '0' && s.s[i] <= '9' && n < INT32_MAX; i++)
		n = n * 10 + (s.s[i] - '0');
	return s.n != 0 && s.s[0] == '-' ? -n : n;
}

int
clb_kube_is_true(struct clb_kube_value v)
{
	return v.tok != NULL && v.tok[v.i].type == CLB_JSON_TRUE;
}

int
clb_kube_next(struct clb_kube_value array, struct clb_kube_value *item)
{
	const struct clb_token *tok = array.tok;
	size_t i;

	if (tok == NULL || tok[array.i].type != CLB_JSON_ARRAY)
		return 0;
	i = item->tok == NULL ? array.i + 1 : tok[item->i].next;
	if (i >= tok[array.i].next)
		return 0;
	*item = (struct clb_kube_value){ tok, i };
	return 1;
}

size_t
clb_kube_count(struct clb_kube_value array)
{
	struct clb_kube_value item = absent;
	size_t n = 0;

	while (clb_kube_next(array, &item))
		n++;
	return n;
}

/* ---- building ---- */

struct clb_str
clb_kube_keep(struct clb_kube *k, struct clb_str s)
{
	struct clb_str copy;

	if (s.n == 0)
		return CLB_STR("");
	copy = clb_arena_str(&k->arena, s.s, s.n);
	copy.plain = s.plain;
	return copy;
}

void
clb_kube_set(struct clb_kube *k, struct clb_labels *ls, struct clb_str name,
    struct clb_str value)
{
	clb_labels_set(ls, name, clb_kube_keep(k, value));
}

void
clb_kube_set_number(struct clb_kube *k, struct clb_labels *ls, struct clb_str name,
    int64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)value);

	clb_kube_set(k, ls, name, (struct clb_str){ text, (uint32_t)n, 1 });
}

/* A character beyond ASCII is one underscore, whatever it takes in bytes. */
struct clb_str
clb_kube_name(struct clb_kube *k, const char *prefix, struct clb_str key)
{
	static const char all[] = "__meta_kubernetes_";
	size_t len = strlen(prefix);
	char *name = clb_arena_alloc(&k->arena, sizeof(all) - 1 + len + key.n + 1), *p = name;

	memcpy(p, all, sizeof(all) - 1);
	p += sizeof(all) - 1;
	memcpy(p, prefix, len);
	p += len;
	for (uint32_t i = 0; i < key.n; i++) {
		unsigned char c = (unsigned char)key.s[i];

		if ((c & 0xc0) == 0x80)
			continue;
		*p++ = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') ? (char)c : '_';
	}
	return (struct clb_str){ name, (uint32_t)(p - name), 1 };
}

static int
by_name(const void *a, const void *b)
{
	const struct clb_kube_pair *p = a, *q = b;
	int c = clb_str_cmp(p->name, q->name);

	return c != 0 ? c : (p->i > q->i) - (p->i < q->i);
}

/* In the order of the keys, so that of two that collide the greater one stays. */
void
clb_kube_pairs(struct clb_kube *k, struct clb_labels *ls, const char *prefix,
    const char *present, struct clb_kube_pair *pair, size_t n)
{
	size_t i;

	for (i = 1; i < n && clb_str_cmp(pair[i - 1].name, pair[i].name) < 0; i++)
		;
	if (i < n)		/* an API server has them in order */
		qsort(pair, n, sizeof(*pair), by_name);
	for (i = 0; i < n; i++) {
		clb_kube_set(k, ls, clb_kube_name(k, prefix, pair[i].name), pair[i].value);
		if (present != NULL)
			clb_labels_set(ls, clb_kube_name(k, present, pair[i].name),
			    CLB_STR("true"));
	}
}

void
clb_kube_map(struct clb_kube *k, struct clb_labels *ls, const char *prefix,
    const char *present, struct clb_kube_value map)
{
	const struct clb_token *tok = map.tok;
	struct clb_kube_pair *pair;
	size_t n = 0;

	if (tok == NULL || tok[map.i].type != CLB_JSON_OBJECT)
		return;
	for (size_t i = map.i + 1; i < tok[map.i].next; i = tok[i + 1].next)
		n++;
	pair = clb_arena_alloc(&k->arena, n * sizeof(*pair));
	n = 0;
	for (size_t i = map.i + 1; i < tok[map.i].next; i = tok[i + 1].next, n++)
		pair[n] = (struct clb_kube_pair){ tok[i].str,
		    clb_kube_text((struct clb_kube_value){ tok, i + 1 }), n };
	clb_kube_pairs(k, ls, prefix, present, pair, n);
}

/* The names' beginnings, for every kind that has them. */
static const struct {
	const char *what, *name, *label, *labelpresent, *annotation, *annotationpresent;
} metas[] = {
#define META(w) \
	{ w, w "_name", w "_label_", w "_labelpresent_", w "_annotation_", w "_annotationpresent_" }
	META("pod"), META("node"), META("service"), META("endpoints"), META("endpointslice"),
	META("ingress"), META("namespace"),
};

void
clb_kube_meta(struct clb_kube *k, struct clb_labels *ls, const char *what,
    struct clb_kube_value obj, unsigned parts)
{
	struct clb_kube_value meta = clb_kube_get(obj, "metadata");
	size_t i = 0;

	while (strcmp(metas[i].what, what) != 0)
		i++;
	if (parts & CLB_KUBE_META_NAME)
		clb_kube_set(k, ls, clb_kube_name(k, metas[i].name, CLB_STR("")),
		    clb_kube_field(meta, "name"));
	if (parts & CLB_KUBE_META_LABELS)
		clb_kube_map(k, ls, metas[i].label, metas[i].labelpresent,
		    clb_kube_get(meta, "labels"));
	if (parts & CLB_KUBE_META_ANNOTATIONS)
		clb_kube_map(k, ls, metas[i].annotation, metas[i].annotationpresent,
		    clb_kube_get(meta, "annotations"));
}

struct clb_str
clb_kube_host_port(struct clb_kube *k, struct clb_str host, int64_t port)
{
	int bracket = host.n != 0 && memchr(host.s, ':', host.n) != NULL;
	char *s = clb_arena_alloc(&k->arena, (size_t)host.n + 32);
	int n = sprintf(s, "%s%.*s%s:%lld", bracket ? "[" : "", (int)host.n, host.s,
	    bracket ? "]" : "", (long long)port);

	return (struct clb_str){ s, (uint32_t)n, host.plain };
}

int
clb_kube_node_meta(struct clb_kube_build *b, struct clb_labels *ls, struct clb_str name)
{
	unsigned parts = CLB_KUBE_META_NAME | CLB_KUBE_META_LABELS;
	const struct clb_json *obj;
	int rc = b->join->find(b->join->arg, CLB_KUBE_NODE, CLB_STR(""), name, &obj, b->e);

	if (b->compat >= CLB_VERSION(2, 46))
		parts |= CLB_KUBE_META_ANNOTATIONS;
	if (rc == 1)
		clb_kube_meta(b->k, ls, "node", clb_kube_root(obj), parts);
	return rc;
}

int
clb_kube_namespace_meta(struct clb_kube_build *b, struct clb_labels *ls, struct clb_str ns)
{
	const struct clb_json *obj;
	int rc;

	if (!(b->sd->attach & CLB_KUBE_ATTACH_NAMESPACE))
		return 0;
	rc = b->join->find(b->join->arg, CLB_KUBE_NAMESPACE, CLB_STR(""), ns, &obj, b->e);
	if (rc == 1)
		clb_kube_meta(b->k, ls, "namespace", clb_kube_root(obj),
		    CLB_KUBE_META_LABELS | CLB_KUBE_META_ANNOTATIONS);
	return rc == -1 ? -1 : 0;
}

struct clb_str
clb_kube_zone(struct clb_kube_build *b, struct clb_str node)
{
	if (node.n == 0 || b->join->zone == NULL)
		return CLB_STR("");
	return b->join->zone(b->join->arg, node);
}

void
clb_kube_target(struct clb_kube *k, struct clb_str address,
    const struct clb_labels *ls, struct clb_str node, struct clb_str zone)
{
	struct clb_label *label = clb_arena_alloc(&k->arena, ls->n * sizeof(*label));
	struct clb_group_own own = { label, ls->n, node, zone };

	if (ls->n != 0)
		memcpy(label, ls->v, ls->n * sizeof(*label));
	clb_group_add(&k->group, address, &own);
}
