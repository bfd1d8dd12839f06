/* The roles without joins between objects: node, service, ingress. */
#include <stdlib.h>

#include "lib/kube_part.h"
#include "lib/utf8.h"

#define L CLB_KUBE_LABEL

const struct clb_kube_resource clb_kube_resources[CLB_KUBE_KINDS] = {
	[CLB_KUBE_NODE] = { "Node", "nodes", "node", "/api/v1", 0 },
	[CLB_KUBE_POD] = { "Pod", "pods", "pod", "/api/v1", 1 },
	[CLB_KUBE_SERVICE] = { "Service", "services", "service", "/api/v1", 1 },
	[CLB_KUBE_ENDPOINTS] = { "Endpoints", "endpoints", "endpoints", "/api/v1", 1 },
	[CLB_KUBE_ENDPOINTSLICE] = { "EndpointSlice", "endpointslices", "endpointslice",
	    "/apis/discovery.k8s.io/v1", 1 },
	[CLB_KUBE_INGRESS] = { "Ingress", "ingresses", "ingress",
	    "/apis/networking.k8s.io/v1", 1 },
	[CLB_KUBE_NAMESPACE] = { "Namespace", "namespaces", NULL, "/api/v1", 0 },
	[CLB_KUBE_REPLICASET] = { "ReplicaSet", "replicasets", NULL, "/apis/apps/v1", 1 },
	[CLB_KUBE_JOB] = { "Job", "jobs", NULL, "/apis/batch/v1", 1 },
};

void
clb_kube_release(struct clb_kube *k)
{
	clb_arena_release(&k->arena);
	clb_group_release(&k->group);
	clb_labels_release(&k->scratch);
	clb_buf_release(&k->name);
}

/* ---- node ---- */

/* The first address of each type: by type, in the order of the list. */
static size_t
node_addresses(struct clb_kube *k, struct clb_kube_value list, struct clb_kube_pair **address)
{
	struct clb_kube_value item = { NULL, 0 };
	size_t n = 0, i;

	*address = clb_arena_alloc(&k->arena, clb_kube_count(list) * sizeof(**address));
	while (clb_kube_next(list, &item)) {
		struct clb_str type = clb_kube_field(item, "type");

		for (i = 0; i < n && !clb_str_eq((*address)[i].name, type); i++)
			;
		if (i == n)
			(*address)[n++] = (struct clb_kube_pair){ type,
			    clb_kube_field(item, "address"), i };
	}
	return n;
}

/* Presence counts: the first type that is there is it, be its address empty. */
static const struct clb_kube_pair *
node_address(const struct clb_kube_pair *address, size_t n)
{
	static const char *const order[] = {
		"InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP",
		"Hostname"
	};

	for (size_t t = 0; t < sizeof(order) / sizeof(order[0]); t++)
		for (size_t i = 0; i < n; i++)
			if (clb_str_eq(address[i].name, clb_str(order[t])))
				return &address[i];
	return NULL;
}

static void
node_conditions(struct clb_kube *k, struct clb_labels *ls, struct clb_kube_value list)
{
	struct clb_kube_value item = { NULL, 0 };

	while (clb_kube_next(list, &item)) {
		struct clb_str type = clb_utf8_lower(clb_kube_field(item, "type"), &k->arena);

		clb_labels_set(ls, clb_kube_name(k, "node_condition_", type),
		    clb_utf8_lower(clb_kube_field(item, "status"), &k->arena));
	}
}

static int
role_node(struct clb_kube_build *b, const struct clb_json *json)
{
	struct clb_kube *k = b->k;
	struct clb_kube_value obj = clb_kube_root(json), zones;
	struct clb_labels *ls = &k->group.labels;
	struct clb_str name = clb_kube_field(obj, "metadata.name"), address;
	const struct clb_kube_pair *at;
	struct clb_kube_pair *list;
	size_t n = node_addresses(k, clb_kube_path(obj, "status.addresses"), &list);

	if ((at = node_address(list, n)) == NULL)
		return 0;
	clb_kube_meta(k, ls, "node", obj, CLB_KUBE_META_ALL);
	clb_kube_set(k, ls, L("node_provider_id"), clb_kube_field(obj, "spec.providerID"));
	if (b->compat >= CLB_VERSION(3, 12))
		node_conditions(k, ls, clb_kube_path(obj, "status.conditions"));
	address = clb_kube_host_port(k, at->value, clb_kube_number(
	    clb_kube_path(obj, "status.daemonEndpoints.kubeletEndpoint.Port")));
	clb_kube_pairs(k, &k->scratch, "node_address_", NULL, list, n);
	clb_labels_set(&k->scratch, CLB_STR("instance"), name);
	zones = clb_kube_path(obj, "metadata.labels");
	clb_kube_target(k, address, &k->scratch, name,
	    clb_kube_text(clb_kube_get(zones, "topology.kubernetes.io/zone")));
	return 1;
}

/* ---- service ---- */

/* The addresses that a load balancer has got, or the one that was asked for. */
static struct clb_str
load_balancer_ip(struct clb_kube_build *b, struct clb_kube_value obj)
{
	struct clb_kube_value list = clb_kube_path(obj, "status.loadBalancer.ingress");
	struct clb_kube_value item = { NULL, 0 };
	struct clb_buf *ips = &b->k->name;
	struct clb_str ip;

	ips->n = 0;
	while (b->compat > CLB_VERSION(3, 14) && clb_kube_next(list, &item)) {
		if ((ip = clb_kube_field(item, "ip")).n == 0)
			continue;
		if (ips->n != 0)
			clb_buf_addc(ips, ',');
		clb_buf_add(ips, ip.s, ip.n);
	}
	return ips->n == 0 ? clb_kube_field(obj, "spec.loadBalancerIP") :
	    (struct clb_str){ ips->p, (uint32_t)ips->n, 0 };
}

static int
role_service(struct clb_kube_build *b, const struct clb_json *json)
{
	struct clb_kube *k = b->k;
	struct clb_kube_value obj = clb_kube_root(json), port = { NULL, 0 };
	struct clb_kube_value spec = clb_kube_get(obj, "spec"), ports = clb_kube_get(spec, "ports");
	struct clb_labels *ls = &k->group.labels, *own = &k->scratch;
	struct clb_str ns = clb_kube_field(obj, "metadata.namespace");
	struct clb_str name = clb_kube_field(obj, "metadata.name");
	struct clb_str type = clb_kube_field(spec, "type"), host;
	char *text;

	clb_kube_set(k, ls, L("namespace"), ns);
	clb_kube_meta(k, ls, "service", obj, CLB_KUBE_META_ALL);
	if (clb_kube_namespace_meta(b, ls, ns) == -1)
		return -1;
	text = clb_xasprintf("%.*s.%.*s.svc", (int)name.n, name.s, (int)ns.n, ns.s);
	host = clb_kube_keep(k, clb_str(text));
	free(text);
	clb_kube_set(k, own, L("service_type"), type);
	if (clb_str_eq(type, CLB_STR("ExternalName")))
		clb_kube_set(k, own, L("service_external_name"),
		    clb_kube_field(spec, "externalName"));
	else
		clb_kube_set(k, own, L("service_cluster_ip"), clb_kube_field(spec, "clusterIP"));
	if (clb_str_eq(type, CLB_STR("LoadBalancer")))
		clb_kube_set(k, own, L("service_loadbalancer_ip"), load_balancer_ip(b, obj));
	while (clb_kube_next(ports, &port)) {
		int64_t number = clb_kube_number(clb_kube_get(port, "port"));

		clb_kube_set(k, own, L("service_port_name"), clb_kube_field(port, "name"));
		clb_kube_set(k, own, L("service_port_protocol"), clb_kube_field(port, "protocol"));
		clb_kube_set_number(k, own, L("service_port_number"), number);
		clb_kube_target(k, clb_kube_host_port(k, host, number), own, CLB_STR(""),
		    CLB_STR(""));
	}
	return 1;
}

/* ---- ingress ---- */

/* A star stands for the whole first part of a name, be that empty. */
static int
host_matches(struct clb_str pattern, struct clb_str host)
{
	const char *dot;

	if (clb_str_eq(pattern, host))
		return 1;
	if (pattern.n == 0 || pattern.s[0] != '*' || (pattern.n > 1 && pattern.s[1] != '.'))
		return 0;
	dot = host.n != 0 ? memchr(host.s, '.', host.n) : NULL;
	if (dot == NULL)
		return pattern.n == 1;
	host.n -= (uint32_t)(dot - host.s);
	host.s = dot;
	pattern.s++;
	pattern.n--;
	return clb_str_eq(pattern, host);
}

static int
has_tls(struct clb_kube_value tls, struct clb_str host)
{
	struct clb_kube_value entry = { NULL, 0 };

	while (clb_kube_next(tls, &entry)) {
		struct clb_kube_value hosts = clb_kube_get(entry, "hosts"), h = { NULL, 0 };

		while (clb_kube_next(hosts, &h))
			if (host_matches(clb_kube_text(h), host))
				return 1;
	}
	return 0;
}

static void
ingress_target(struct clb_kube *k, struct clb_str host, struct clb_str path)
{
	clb_kube_set(k, &k->scratch, L("ingress_path"), path.n != 0 ? path : CLB_STR("/"));
	clb_kube_target(k, host, &k->scratch, CLB_STR(""), CLB_STR(""));
}

/* A rule without http has one path; one whose http has no paths has none. */
static int
role_ingress(struct clb_kube_build *b, const struct clb_json *json)
{
	struct clb_kube *k = b->k;
	struct clb_kube_value obj = clb_kube_root(json), rule = { NULL, 0 };
	struct clb_kube_value tls = clb_kube_path(obj, "spec.tls");
	struct clb_kube_value rules = clb_kube_path(obj, "spec.rules");
	struct clb_labels *ls = &k->group.labels;
	struct clb_str ns = clb_kube_field(obj, "metadata.namespace");

	clb_kube_set(k, ls, L("namespace"), ns);
	clb_kube_meta(k, ls, "ingress", obj, CLB_KUBE_META_ALL);
	clb_kube_set(k, ls, L("ingress_class_name"), clb_kube_field(obj, "spec.ingressClassName"));
	if (clb_kube_namespace_meta(b, ls, ns) == -1)
		return -1;
	while (clb_kube_next(rules, &rule)) {
		struct clb_kube_value http = clb_kube_get(rule, "http"), path = { NULL, 0 };
		struct clb_kube_value paths = clb_kube_get(http, "paths");
		struct clb_str host = clb_kube_field(rule, "host");

		clb_kube_set(k, &k->scratch, L("ingress_host"), host);
		clb_labels_set(&k->scratch, L("ingress_scheme"),
		    has_tls(tls, host) ? CLB_STR("https") : CLB_STR("http"));
		if (http.tok == NULL)
			ingress_target(k, host, CLB_STR("/"));
		while (clb_kube_next(paths, &path))
			ingress_target(k, host, clb_kube_field(path, "path"));
	}
	return 1;
}

/* ---- all roles ---- */

int
clb_kube_group(struct clb_kube *k, const struct clb_kube_sd *sd, int compat,
    const struct clb_json *obj, const struct clb_kube_join *join, struct clb_err *e)
{
	static clb_kube_role_fn *const roles[CLB_KUBE_ROLES] = {
		[CLB_KUBE_NODE] = role_node, [CLB_KUBE_POD] = clb_kube_pod,
		[CLB_KUBE_SERVICE] = role_service, [CLB_KUBE_ENDPOINTS] = clb_kube_endpoints,
		[CLB_KUBE_ENDPOINTSLICE] = clb_kube_endpointslice,
		[CLB_KUBE_INGRESS] = role_ingress,
	};
	struct clb_kube_build b = { k, sd, compat, join, e };

	clb_arena_clear(&k->arena);
	clb_group_clear(&k->group);
	clb_labels_clear(&k->scratch);
	return roles[sd->role](&b, obj);
}
