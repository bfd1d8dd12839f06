/* Which streams of objects a configuration needs of a cluster. */
#include <errno.h>
#include <stdlib.h>

#include "lib/hash.h"
#include "lib/kube.h"

/* Where a pod finds the name of the namespace that it runs in. */
#define OWN_NAMESPACE "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

int
clb_kube_needs(const struct clb_kube_sd *sd, enum clb_kube_kind kind)
{
	int joins_pods = sd->role == CLB_KUBE_ENDPOINTS || sd->role == CLB_KUBE_ENDPOINTSLICE;
	int has_pods = joins_pods || sd->role == CLB_KUBE_POD;

	if (kind == sd->role)
		return 1;
	switch (kind) {
	case CLB_KUBE_SERVICE:
	case CLB_KUBE_POD:
		return joins_pods;
	case CLB_KUBE_NODE:
		return has_pods && sd->attach & CLB_KUBE_ATTACH_NODE;
	case CLB_KUBE_NAMESPACE:
		return sd->role != CLB_KUBE_NODE && sd->attach & CLB_KUBE_ATTACH_NAMESPACE;
	case CLB_KUBE_REPLICASET:
		return has_pods && sd->attach & CLB_KUBE_ATTACH_DEPLOYMENT;
	case CLB_KUBE_JOB:
		return has_pods && sd->attach & (CLB_KUBE_ATTACH_JOB | CLB_KUBE_ATTACH_CRONJOB);
	default:
		return 0;
	}
}

/*
 * s with everything but letters, digits, minus, underscore and dot as %XX;
 * a name of a file does not begin with a dot.
 */
static void
add_encoded(struct clb_buf *out, struct clb_str s, int is_name)
{
	for (uint32_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.s[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '_' || (c == '.' && !(is_name && i == 0)))
			clb_buf_addc(out, (char)c);
		else
			clb_buf_printf(out, "%%%02X", c);
	}
}

void
clb_kube_stream(struct clb_buf *out, const struct clb_kube_sd *sd,
    enum clb_kube_kind kind, struct clb_str ns)
{
	struct clb_str label = sd->label_selector[kind], field = sd->field_selector[kind];
	struct clb_buf both = { NULL, 0, 0 };

	clb_buf_adds(out, clb_kube_resources[kind].plural);
	if (ns.n != 0 && clb_kube_resources[kind].namespaced) {
		clb_buf_addc(out, '@');
		add_encoded(out, ns, 1);
	}
	if (label.n == 0 && field.n == 0)
		return;
	clb_buf_add(&both, label.s, label.n);
	clb_buf_addc(&both, '\0');
	clb_buf_add(&both, field.s, field.n);
	clb_buf_printf(out, "+%016llx", (unsigned long long)clb_hash_xxh64(both.p, both.n));
	clb_buf_release(&both);
}

static int
read_own_namespace(struct clb_arena *a, struct clb_str *ns, struct clb_err *e)
{
	const char *given = getenv("POD_NAMESPACE");
	char text[256];
	FILE *f;
	size_t n;

	if (given != NULL && *given != '\0') {
		*ns = clb_arena_str(a, given, strlen(given));
		return 0;
	}
	if ((f = fopen(OWN_NAMESPACE, "re")) == NULL)
		return clb_err_set(e, EX_NOINPUT, "own_namespace: POD_NAMESPACE is not set, and "
		    "%s: %s", OWN_NAMESPACE, strerror(errno));
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (n == 0 || n == sizeof(text))
		return clb_err_set(e, EX_NOINPUT, "own_namespace: %s: no name in it",
		    OWN_NAMESPACE);
	*ns = clb_arena_str(a, text, n);
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return clb_str_cmp(*(const struct clb_str *)a, *(const struct clb_str *)b);
}

int
clb_kube_namespaces(const struct clb_kube_sd *sd, struct clb_arena *a,
    struct clb_str **ns, struct clb_err *e)
{
	size_t n = sd->nns, kept = 0;

	*ns = clb_arena_alloc(a, (n + 1) * sizeof(**ns));
	if (n != 0)
		memcpy(*ns, sd->ns, n * sizeof(**ns));
	if (sd->own_namespace && read_own_namespace(a, &(*ns)[n++], e) == -1)
		return -1;
	qsort(*ns, n, sizeof(**ns), by_text);
	/* The empty name means all of them. */
	if (n != 0 && (*ns)[0].n == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !clb_str_eq((*ns)[i], (*ns)[kept - 1]))
			(*ns)[kept++] = (*ns)[i];
	return (int)kept;
}

/* ---- the list ---- */

static void
add_query(struct clb_buf *out, const char *name, struct clb_str selector, const char *sep)
{
	if (selector.n == 0)
		return;
	clb_buf_printf(out, "%s%s=", sep, name);
	add_encoded(out, selector, 0);
}

static void
add_watch(struct clb_buf *out, const struct clb_kube_sd *sd, enum clb_kube_kind kind,
    struct clb_str ns)
{
	const struct clb_kube_resource *r = &clb_kube_resources[kind];
	struct clb_str label = sd->label_selector[kind], field = sd->field_selector[kind];

	clb_kube_stream(out, sd, kind, ns);
	clb_buf_printf(out, "\t%s\t%s/", r->kind, r->api);
	if (ns.n != 0 && r->namespaced) {
		clb_buf_adds(out, "namespaces/");
		add_encoded(out, ns, 1);
		clb_buf_addc(out, '/');
	}
	clb_buf_adds(out, r->plural);
	clb_buf_addc(out, '\t');
	add_query(out, "labelSelector", label, "");
	add_query(out, "fieldSelector", field, label.n != 0 ? "&" : "");
	clb_buf_addc(out, '\n');
}

static int
add_block(struct clb_buf *out, const struct clb_kube_sd *sd, struct clb_err *e)
{
	struct clb_arena a = { NULL, NULL };
	struct clb_str *ns;
	int n = clb_kube_namespaces(sd, &a, &ns, e);

	for (int k = 0; n != -1 && k < CLB_KUBE_KINDS; k++) {
		if (!clb_kube_needs(sd, (enum clb_kube_kind)k))
			continue;
		if (n == 0 || !clb_kube_resources[k].namespaced)
			add_watch(out, sd, (enum clb_kube_kind)k, CLB_STR(""));
		else
			for (int i = 0; i < n; i++)
				add_watch(out, sd, (enum clb_kube_kind)k, ns[i]);
	}
	clb_arena_release(&a);
	return n == -1 ? -1 : 0;
}

/* Sort the lines and drop all but one of those that are equal. */
static void
sort_lines(struct clb_buf *out, const struct clb_buf *lines)
{
	struct clb_str *line = NULL;
	size_t n = 0, cap = 0;

	for (const char *p = lines->p, *end = p + lines->n, *nl; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (n == cap) {
			cap = cap != 0 ? cap * 2 : 16;
			line = clb_xreallocarray(line, cap, sizeof(*line));
		}
		line[n++] = (struct clb_str){ p, (uint32_t)(nl + 1 - p), 0 };
	}
	if (n != 0)
		qsort(line, n, sizeof(*line), by_text);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !clb_str_eq(line[i], line[i - 1]))
			clb_buf_add(out, line[i].s, line[i].n);
	free(line);
}

int
clb_kube_watches(const struct clb_config *c, struct clb_buf *out, struct clb_err *e)
{
	struct clb_buf lines = { NULL, 0, 0 };
	int rc = 0;

	for (size_t j = 0; j < c->njob && rc == 0; j++)
		for (size_t i = 0; i < c->job[j].nsd && rc == 0; i++)
			if (c->job[j].sd[i].kind == CLB_SD_KUBERNETES)
				rc = add_block(&lines, &c->job[j].sd[i].kube, e);
	if (rc == 0)
		sort_lines(out, &lines);
	clb_buf_release(&lines);
	return rc;
}
