/* kubernetes_sd_configs: what Prometheus refuses, and what discovery needs. */
#include <stdlib.h>

#include "lib/config_decode.h"
#include "lib/selector.h"

static const struct clb_str roles[CLB_KUBE_ROLES] = {
	[CLB_KUBE_NODE] = CLB_STR_INIT("node"), [CLB_KUBE_POD] = CLB_STR_INIT("pod"),
	[CLB_KUBE_SERVICE] = CLB_STR_INIT("service"),
	[CLB_KUBE_ENDPOINTS] = CLB_STR_INIT("endpoints"),
	[CLB_KUBE_ENDPOINTSLICE] = CLB_STR_INIT("endpointslice"),
	[CLB_KUBE_INGRESS] = CLB_STR_INIT("ingress"),
};

/* Which kinds the selectors of a role may be about, a bit each. */
static const unsigned selectable[CLB_KUBE_ROLES] = {
	[CLB_KUBE_NODE] = 1 << CLB_KUBE_NODE,
	[CLB_KUBE_POD] = 1 << CLB_KUBE_POD | 1 << CLB_KUBE_NODE,
	[CLB_KUBE_SERVICE] = 1 << CLB_KUBE_SERVICE,
	[CLB_KUBE_ENDPOINTS] =
	    1 << CLB_KUBE_POD | 1 << CLB_KUBE_SERVICE | 1 << CLB_KUBE_ENDPOINTS,
	[CLB_KUBE_ENDPOINTSLICE] =
	    1 << CLB_KUBE_POD | 1 << CLB_KUBE_SERVICE | 1 << CLB_KUBE_ENDPOINTSLICE,
	[CLB_KUBE_INGRESS] = 1 << CLB_KUBE_INGRESS,
};

/* The role that s names, or CLB_KUBE_ROLES. */
static enum clb_kube_kind
role_of(struct clb_str s)
{
	int i = 0;

	while (i < CLB_KUBE_ROLES && !clb_str_eq(s, roles[i]))
		i++;
	return (enum clb_kube_kind)i;
}

/* Written, and not as null. */
static int
is_given(const struct clb_value *v)
{
	return v->node != NULL && !clb_yaml_is_null(v->node);
}

/* ---- checks ---- */

static int
check_access(struct clb_decode *d, const struct clb_value *v)
{
	const struct clb_value *server = clb_value_get(v, "api_server");
	const struct clb_value *kubeconfig = clb_value_get(v, "kubeconfig_file");
	const struct clb_value *namespaces = clb_value_get(v, "namespaces");
	const struct clb_value *custom = clb_http_custom(v);
	int has_file = clb_value_has(v, "kubeconfig_file");

	if (is_given(server) && has_file)
		return clb_decode_fail(d, kubeconfig->node,
		    "cannot use 'kubeconfig_file' and 'api_server' simultaneously");
	if (custom != NULL && has_file)
		return clb_decode_fail(d, clb_value_node(custom, v), "cannot use a custom HTTP "
		    "client configuration together with 'kubeconfig_file'");
	if (custom != NULL && !is_given(server))
		return clb_decode_fail(d, clb_value_node(custom, v), "to use custom HTTP client "
		    "configuration please provide the 'api_server' URL explicitly");
	if (!namespaces->present || clb_value_get(namespaces, "own_namespace")->u == 0 ||
	    (!is_given(server) && !has_file))
		return 0;
	return clb_decode_fail(d, clb_value_get(namespaces, "own_namespace")->node,
	    "cannot use '%s' and 'namespaces.own_namespace' simultaneously",
	    has_file ? "kubeconfig_file" : "api_server");
}

static int
check_selector_text(struct clb_decode *d, const struct clb_value *selector, const char *field,
    const char *(*check)(struct clb_str s, struct clb_buf *text))
{
	const struct clb_value *f = clb_value_get(selector, field);
	struct clb_buf text = { NULL, 0, 0 };
	const char *why = check(f->str, &text);
	int rc = 0;

	if (why != NULL)
		rc = clb_decode_fail(d, clb_value_node(f, selector),
		    "invalid %s selector '%.*s': %s", field, (int)f->str.n, f->str.s, why);
	clb_buf_release(&text);
	return rc;
}

static int
check_selectors(struct clb_decode *d, enum clb_kube_kind role, const struct clb_value *list)
{
	unsigned seen = 0, allowed = selectable[role];

	/* Pods are looked at with their nodes since 3.11. */
	if (role == CLB_KUBE_POD && d->compat < CLB_VERSION(3, 11))
		allowed &= ~(1u << CLB_KUBE_NODE);
	for (size_t i = 0; i < list->n; i++) {
		const struct clb_value *s = &list->item[i], *f;
		enum clb_kube_kind kind;

		if (!s->present)
			return clb_decode_fail(d, list->node->child[i], "a selector has no role");
		f = clb_value_get(s, "role");
		if ((kind = role_of(f->str)) == CLB_KUBE_ROLES)
			return clb_decode_fail(d, clb_value_node(f, s),
			    f->str.n == 0 ? "a selector has no role" :
			    "unknown Kubernetes SD role \"%.*s\"", (int)f->str.n, f->str.s);
		if (seen & 1u << kind)
			return clb_decode_fail(d, f->node, "duplicated selector role: %s",
			    roles[kind].s);
		if (!(allowed & 1u << kind))
			return clb_decode_fail(d, f->node, "role %s has no selectors for %s",
			    roles[role].s, roles[kind].s);
		seen |= 1u << kind;
		if (check_selector_text(d, s, "field", clb_selector_check_field) == -1 ||
		    check_selector_text(d, s, "label", clb_selector_check_label) == -1)
			return -1;
	}
	return 0;
}

int
clb_kubernetes_sd_check(struct clb_decode *d, struct clb_value *v)
{
	const struct clb_value *role = clb_value_get(v, "role");

	if (role->str.n == 0)
		return clb_decode_fail(d, clb_value_node(role, v), "role missing (one of: pod, "
		    "service, endpoints, endpointslice, node, ingress)");
	if (role_of(role->str) == CLB_KUBE_ROLES)
		return clb_decode_fail(d, role->node, "unknown Kubernetes SD role \"%.*s\"",
		    (int)role->str.n, role->str.s);
	if (clb_http_check(d, v) == -1 || check_access(d, v) == -1)
		return -1;
	return check_selectors(d, role_of(role->str), clb_value_get(v, "selectors"));
}

/* ---- what discovery needs ---- */

static unsigned
attached(const struct clb_value *v)
{
	static const char *const names[] = {
		"node", "namespace", "deployment", "job", "cronjob"
	};
	unsigned bits = 0;

	for (unsigned i = 0; v->present && i < sizeof(names) / sizeof(names[0]); i++)
		if (clb_value_get(v, names[i])->u != 0)
			bits |= 1u << i;
	return bits;
}

void
clb_kubernetes_sd_fill(struct clb_kube_sd *k, const struct clb_value *v)
{
	const struct clb_value *namespaces = clb_value_get(v, "namespaces");
	const struct clb_value *selectors = clb_value_get(v, "selectors");

	k->role = role_of(clb_value_get(v, "role")->str);
	k->attach = attached(clb_value_get(v, "attach_metadata"));
	if (namespaces->present) {
		const struct clb_value *names = clb_value_get(namespaces, "names");

		k->ns = names->text;
		k->nns = names->n;
		k->own_namespace = clb_value_get(namespaces, "own_namespace")->u != 0;
	}
	for (size_t i = 0; i < selectors->n; i++) {
		const struct clb_value *s = &selectors->item[i];
		enum clb_kube_kind kind = role_of(clb_value_get(s, "role")->str);

		k->label_selector[kind] = clb_value_get(s, "label")->str;
		k->field_selector[kind] = clb_value_get(s, "field")->str;
	}
}
