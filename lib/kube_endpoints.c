/*
 * The roles endpoints and endpointslice: addresses, the pods behind them, and
 * the ports of those pods that no address speaks of.
 */
#include <stdlib.h>

#include "lib/hash.h"
#include "lib/kube_part.h"

#define L CLB_KUBE_LABEL

/* A pod that an address refers to, or might. */
struct ref {
	struct clb_str ns, name;
	int is_known, is_seen;
	struct clb_kube_pod pod;
	int64_t *port;			/* the addresses' ports under which it was seen */
	size_t nport, cap;
};

/* The pods of one object, by namespace and name, and in the order they came. */
struct refs {
	struct ref **ref;
	size_t n, cap;
	uint32_t *slot;			/* 1 + an index of ref, or 0 */
	size_t nslot;
};

static void
release_refs(struct refs *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->ref[i]->port);
		free(r->ref[i]);
	}
	free(r->ref);
	free(r->slot);
}

static size_t
slot_of(const struct refs *r, struct clb_str ns, struct clb_str name)
{
	uint64_t h = clb_hash_bytes(name.s, name.n) ^ clb_hash_bytes(ns.s, ns.n) * 31;
	size_t i = (size_t)h & (r->nslot - 1);

	for (; r->slot[i] != 0; i = (i + 1) & (r->nslot - 1)) {
		const struct ref *ref = r->ref[r->slot[i] - 1];

		if (clb_str_eq(ref->name, name) && clb_str_eq(ref->ns, ns))
			break;
	}
	return i;
}

static void
grow_refs(struct refs *r)
{
	r->cap = r->cap != 0 ? r->cap * 2 : 16;
	r->ref = clb_xreallocarray(r->ref, r->cap, sizeof(*r->ref));
	free(r->slot);
	r->nslot = r->cap * 2;
	r->slot = clb_xcalloc(r->nslot, sizeof(*r->slot));
	for (size_t i = 0; i < r->n; i++)
		r->slot[slot_of(r, r->ref[i]->ns, r->ref[i]->name)] = (uint32_t)i + 1;
}

/*
 * The pod that an address's targetRef names, in *found; NULL if it names none
 * or nobody knows it. Returns 0 or -1.
 */
static int
resolve(struct clb_kube_build *b, struct refs *r, struct clb_kube_value target,
    struct ref **found)
{
	struct clb_str ns = clb_kube_field(target, "namespace");
	struct clb_str name = clb_kube_field(target, "name");
	const struct clb_json *obj;
	struct ref *ref;
	size_t slot;

	*found = NULL;
	if (!clb_str_eq(clb_kube_field(target, "kind"), CLB_STR("Pod")))
		return 0;
	if (r->n == r->cap)
		grow_refs(r);
	slot = slot_of(r, ns, name);
	if (r->slot[slot] == 0) {
		ref = clb_xcalloc(1, sizeof(*ref));
		ref->ns = ns;
		ref->name = name;
		r->ref[r->n++] = ref;
		r->slot[slot] = (uint32_t)r->n;
		ref->is_known = b->join->find(b->join->arg, CLB_KUBE_POD, ns, name, &obj, b->e);
		if (ref->is_known == -1 ||
		    (ref->is_known && clb_kube_read_pod(b, obj, &ref->pod) == -1))
			return -1;
	}
	ref = r->ref[r->slot[slot] - 1];
	if (ref->is_known == 1)
		*found = ref;
	return 0;
}

static int
has_port(const struct ref *ref, int64_t port)
{
	for (size_t i = 0; i < ref->nport; i++)
		if (ref->port[i] == port)
			return 1;
	return 0;
}

static void
see_port(struct ref *ref, int64_t port)
{
	if (has_port(ref, port))
		return;
	if (ref->nport == ref->cap) {
		ref->cap = ref->cap != 0 ? ref->cap * 2 : 4;
		ref->port = clb_xreallocarray(ref->port, ref->cap, sizeof(*ref->port));
	}
	ref->port[ref->nport++] = port;
}

/* Prometheus 2 looks at containers only, and does not say that they are no init ones. */
static int
looks_at(const struct clb_kube_build *b, const struct clb_kube_container *c)
{
	return !c->init || b->compat >= CLB_VERSION(3, 0);
}

static void
container_labels(struct clb_kube_build *b, const struct clb_kube_container *c,
    const struct clb_kube_port *port)
{
	clb_kube_container_labels(b->k, &b->k->scratch, c, port);
	if (b->compat < CLB_VERSION(3, 0))
		clb_labels_set(&b->k->scratch, L("pod_container_init"), CLB_STR(""));
}

static void
pod_labels(struct clb_kube_build *b, const struct ref *ref)
{
	for (size_t i = 0; i < ref->pod.nlabel; i++)
		clb_labels_set(&b->k->scratch, ref->pod.label[i].name, ref->pod.label[i].value);
}

/*
 * The labels of the pod behind an address, and of the last of its containers
 * with that port. protocol overrules the container port's, if it is not NULL.
 */
static void
join_pod(struct clb_kube_build *b, struct ref *ref, int has_number, int64_t number,
    const struct clb_str *protocol)
{
	pod_labels(b, ref);
	ref->is_seen = 1;
	if (!has_number)
		return;
	see_port(ref, number);
	for (size_t i = 0; i < ref->pod.ncontainer; i++) {
		const struct clb_kube_container *c = &ref->pod.container[i];

		for (size_t p = 0; p < c->nport && looks_at(b, c); p++) {
			struct clb_kube_port port = c->port[p];

			if (port.number != number)
				continue;
			if (protocol != NULL)
				port.protocol = clb_kube_keep(b->k, *protocol);
			container_labels(b, c, &port);
			break;
		}
	}
}

/* The ports of the pods seen that no address has. */
static void
extra_targets(struct clb_kube_build *b, const struct refs *r)
{
	struct clb_labels *own = &b->k->scratch;

	for (size_t i = 0; i < r->n; i++) {
		const struct ref *ref = r->ref[i];
		const struct clb_kube_pod *pod = &ref->pod;

		if (!ref->is_seen || (pod->ip.n == 0 && b->compat >= CLB_VERSION(2, 46)))
			continue;
		for (size_t c = 0; c < pod->ncontainer; c++)
			for (size_t p = 0; p < pod->container[c].nport; p++) {
				const struct clb_kube_port *port = &pod->container[c].port[p];

				if (!looks_at(b, &pod->container[c]) ||
				    has_port(ref, port->number))
					continue;
				clb_labels_clear(own);
				pod_labels(b, ref);
				container_labels(b, &pod->container[c], port);
				clb_kube_target(b->k,
				    clb_kube_host_port(b->k, pod->ip, port->number), own,
				    pod->node, clb_kube_zone(b, pod->node));
			}
	}
}

/*
 * What the service says of the group. *family is the first address family of a
 * dual-stack service, or empty. Returns 0 or -1.
 */
static int
service_labels(struct clb_kube_build *b, struct clb_str ns, struct clb_str name,
    struct clb_str *family)
{
	const struct clb_json *obj;
	struct clb_kube_value service, policy, families, first = { NULL, 0 };
	int rc = b->join->find(b->join->arg, CLB_KUBE_SERVICE, ns, name, &obj, b->e);

	*family = CLB_STR("");
	if (rc != 1)
		return rc;
	service = clb_kube_root(obj);
	clb_kube_meta(b->k, &b->k->group.labels, "service", service, CLB_KUBE_META_ALL);
	policy = clb_kube_path(service, "spec.ipFamilyPolicy");
	families = clb_kube_path(service, "spec.ipFamilies");
	if ((clb_str_eq(clb_kube_text(policy), CLB_STR("PreferDualStack")) ||
	    clb_str_eq(clb_kube_text(policy), CLB_STR("RequireDualStack"))) &&
	    clb_kube_next(families, &first))
		*family = clb_kube_keep(b->k, clb_kube_text(first));
	return 0;
}

/*
 * The labels of the node behind an address, if they are asked for: that of its
 * nodeName or, since 2.45, of a targetRef to a Node. Which of the two wins,
 * where both are there, is the role's to say.
 */
static int
node_labels(struct clb_kube_build *b, struct clb_kube_value node_name,
    struct clb_kube_value target, int target_wins)
{
	struct clb_kube_value name = node_name;

	if (!(b->sd->attach & CLB_KUBE_ATTACH_NODE))
		return 0;
	if (b->compat >= CLB_VERSION(2, 45) && (target_wins || name.tok == NULL) &&
	    clb_str_eq(clb_kube_field(target, "kind"), CLB_STR("Node")))
		name = clb_kube_get(target, "name");
	if (clb_kube_text(name).n == 0)
		return 0;
	return clb_kube_node_meta(b, &b->k->scratch, clb_kube_text(name)) == -1 ? -1 : 0;
}

/* The node on which the address is, as far as anybody says so. */
static struct clb_str
node_of(struct clb_str node_name, struct clb_kube_value target, const struct ref *ref)
{
	if (node_name.n != 0)
		return node_name;
	if (clb_str_eq(clb_kube_field(target, "kind"), CLB_STR("Node")))
		return clb_kube_field(target, "name");
	return ref != NULL ? ref->pod.node : CLB_STR("");
}

/* ---- endpoints ---- */

static int
endpoint(struct clb_kube_build *b, struct clb_kube_value addr, struct clb_kube_value port,
    struct ref *ref, int is_ready)
{
	struct clb_kube *k = b->k;
	struct clb_labels *own = &k->scratch;
	struct clb_kube_value target = clb_kube_get(addr, "targetRef");
	struct clb_kube_value node_name = clb_kube_get(addr, "nodeName");
	struct clb_str protocol = clb_kube_field(port, "protocol"), node;
	int64_t number = clb_kube_number(clb_kube_get(port, "port"));

	clb_labels_clear(own);
	clb_kube_set(k, own, L("endpoint_port_name"), clb_kube_field(port, "name"));
	clb_kube_set(k, own, L("endpoint_port_protocol"), protocol);
	clb_labels_set(own, L("endpoint_ready"), is_ready ? CLB_STR("true") : CLB_STR("false"));
	clb_kube_set(k, own, L("endpoint_address_target_kind"), clb_kube_field(target, "kind"));
	clb_kube_set(k, own, L("endpoint_address_target_name"), clb_kube_field(target, "name"));
	clb_kube_set(k, own, L("endpoint_node_name"), clb_kube_text(node_name));
	clb_kube_set(k, own, L("endpoint_hostname"), clb_kube_field(addr, "hostname"));
	if (node_labels(b, node_name, target, 0) == -1)
		return -1;
	if (ref != NULL)
		join_pod(b, ref, 1, number, &protocol);
	node = node_of(clb_kube_text(node_name), target, ref);
	clb_kube_target(k, clb_kube_host_port(k, clb_kube_field(addr, "ip"), number), own,
	    node, clb_kube_zone(b, node));
	return 0;
}

/* The addresses of one list with one port; pods holds what they refer to. */
static int
endpoint_list(struct clb_kube_build *b, struct clb_kube_value list, struct clb_kube_value port,
    struct ref **pods, int is_ready)
{
	struct clb_kube_value addr = { NULL, 0 };

	while (clb_kube_next(list, &addr))
		if (endpoint(b, addr, port, *pods++, is_ready) == -1)
			return -1;
	return 0;
}

static int
resolve_list(struct clb_kube_build *b, struct refs *r, struct clb_kube_value list,
    struct ref **pods)
{
	struct clb_kube_value addr = { NULL, 0 };

	while (clb_kube_next(list, &addr))
		if (resolve(b, r, clb_kube_get(addr, "targetRef"), pods++) == -1)
			return -1;
	return 0;
}

static int
subset_targets(struct clb_kube_build *b, struct refs *r, struct clb_kube_value subset)
{
	struct clb_kube_value ready = clb_kube_get(subset, "addresses");
	struct clb_kube_value not_ready = clb_kube_get(subset, "notReadyAddresses");
	struct clb_kube_value ports = clb_kube_get(subset, "ports"), port = { NULL, 0 };
	size_t nready = clb_kube_count(ready), n = nready + clb_kube_count(not_ready);
	struct ref **pods;
	int rc = 0;

	/* Without ports no pod is seen either. */
	if (n == 0 || clb_kube_count(ports) == 0)
		return 0;
	pods = clb_xcalloc(n, sizeof(*pods));
	if (resolve_list(b, r, ready, pods) == -1 ||
	    resolve_list(b, r, not_ready, pods + nready) == -1)
		rc = -1;
	while (rc == 0 && clb_kube_next(ports, &port))
		if (endpoint_list(b, ready, port, pods, 1) == -1 ||
		    endpoint_list(b, not_ready, port, pods + nready, 0) == -1)
			rc = -1;
	free(pods);
	return rc;
}

int
clb_kube_endpoints(struct clb_kube_build *b, const struct clb_json *json)
{
	struct clb_kube *k = b->k;
	struct clb_kube_value obj = clb_kube_root(json), subset = { NULL, 0 };
	struct clb_kube_value subsets = clb_kube_get(obj, "subsets");
	struct clb_labels *ls = &k->group.labels;
	struct clb_str ns = clb_kube_field(obj, "metadata.namespace");
	struct clb_str family;
	struct refs refs = { NULL, 0, 0, NULL, 0 };
	int rc = 0;

	clb_kube_set(k, ls, L("namespace"), ns);
	clb_kube_meta(k, ls, "endpoints", obj, b->compat >= CLB_VERSION(2, 46) ?
	    CLB_KUBE_META_ALL : CLB_KUBE_META_NAME | CLB_KUBE_META_LABELS);
	if (service_labels(b, ns, clb_kube_field(obj, "metadata.name"), &family) == -1 ||
	    clb_kube_namespace_meta(b, ls, ns) == -1)
		return -1;
	while (rc == 0 && clb_kube_next(subsets, &subset))
		rc = subset_targets(b, &refs, subset);
	if (rc == 0)
		extra_targets(b, &refs);
	release_refs(&refs);
	return rc == -1 ? -1 : 1;
}

/* ---- endpointslice ---- */

static void
set_condition(struct clb_labels *ls, struct clb_str name, struct clb_kube_value v)
{
	if (v.tok != NULL)
		clb_labels_set(ls, name, clb_kube_is_true(v) ? CLB_STR("true") : CLB_STR("false"));
}

/* What the endpoint says of itself, its port left aside. */
static void
endpoint_labels(struct clb_kube_build *b, struct clb_kube_value ep,
    struct clb_kube_value topology)
{
	struct clb_kube *k = b->k;
	struct clb_labels *own = &k->scratch;
	struct clb_kube_value conditions = clb_kube_get(ep, "conditions");
	struct clb_kube_value target = clb_kube_get(ep, "targetRef");

	set_condition(own, L("endpointslice_endpoint_conditions_ready"),
	    clb_kube_get(conditions, "ready"));
	set_condition(own, L("endpointslice_endpoint_conditions_serving"),
	    clb_kube_get(conditions, "serving"));
	set_condition(own, L("endpointslice_endpoint_conditions_terminating"),
	    clb_kube_get(conditions, "terminating"));
	clb_kube_set(k, own, L("endpointslice_endpoint_hostname"), clb_kube_field(ep, "hostname"));
	if (b->compat >= CLB_VERSION(2, 52)) {
		clb_kube_set(k, own, L("endpointslice_endpoint_node_name"),
		    clb_kube_field(ep, "nodeName"));
		clb_kube_set(k, own, L("endpointslice_endpoint_zone"),
		    clb_kube_field(ep, "zone"));
	}
	clb_kube_set(k, own, L("endpointslice_address_target_kind"),
	    clb_kube_field(target, "kind"));
	clb_kube_set(k, own, L("endpointslice_address_target_name"),
	    clb_kube_field(target, "name"));
	clb_kube_map(k, own, "endpointslice_endpoint_topology_",
	    "endpointslice_endpoint_topology_present_", topology);
}

static int
slice_target(struct clb_kube_build *b, struct clb_kube_value ep, struct clb_kube_value port,
    struct clb_str address, struct ref *ref)
{
	struct clb_kube *k = b->k;
	struct clb_labels *own = &k->scratch;
	struct clb_kube_value number = clb_kube_get(port, "port"), topology;
	struct clb_kube_value node_name = clb_kube_get(ep, "nodeName");
	struct clb_kube_value target = clb_kube_get(ep, "targetRef");
	struct clb_str node, zone = clb_kube_field(ep, "zone");

	/* v1beta1 has another name for it. */
	topology = clb_kube_get(ep, "deprecatedTopology");
	if (topology.tok == NULL)
		topology = clb_kube_get(ep, "topology");
	clb_labels_clear(own);
	endpoint_labels(b, ep, topology);
	clb_kube_set(k, own, L("endpointslice_port_name"), clb_kube_field(port, "name"));
	clb_kube_set(k, own, L("endpointslice_port_protocol"), clb_kube_field(port, "protocol"));
	clb_kube_set(k, own, L("endpointslice_port_app_protocol"),
	    clb_kube_field(port, "appProtocol"));
	if (number.tok != NULL) {
		clb_kube_set_number(k, own, L("endpointslice_port"), clb_kube_number(number));
		address = clb_kube_host_port(k, address, clb_kube_number(number));
	}
	if (node_labels(b, node_name, target, 1) == -1)
		return -1;
	if (ref != NULL)
		join_pod(b, ref, number.tok != NULL, clb_kube_number(number), NULL);
	node = node_of(clb_kube_text(node_name), target, ref);
	if (zone.n == 0)
		zone = clb_kube_text(clb_kube_get(topology, "topology.kubernetes.io/zone"));
	if (zone.n == 0)
		zone = clb_kube_zone(b, node);
	clb_kube_target(k, address, own, node, zone);
	return 0;
}

static int
slice_endpoint(struct clb_kube_build *b, struct refs *r, struct clb_kube_value ep,
    struct clb_kube_value ports)
{
	struct clb_kube_value addresses = clb_kube_get(ep, "addresses"), port = { NULL, 0 };
	struct ref *ref;

	if (clb_kube_count(ports) == 0 || clb_kube_count(addresses) == 0)
		return 0;
	if (resolve(b, r, clb_kube_get(ep, "targetRef"), &ref) == -1)
		return -1;
	while (clb_kube_next(ports, &port)) {
		struct clb_kube_value address = { NULL, 0 };

		while (clb_kube_next(addresses, &address))
			if (slice_target(b, ep, port, clb_kube_text(address), ref) == -1)
				return -1;
	}
	return 0;
}

int
clb_kube_endpointslice(struct clb_kube_build *b, const struct clb_json *json)
{
	struct clb_kube *k = b->k;
	struct clb_kube_value obj = clb_kube_root(json), ep = { NULL, 0 };
	struct clb_kube_value endpoints = clb_kube_get(obj, "endpoints");
	struct clb_kube_value ports = clb_kube_get(obj, "ports");
	struct clb_labels *ls = &k->group.labels;
	struct clb_str ns = clb_kube_field(obj, "metadata.namespace"), family = CLB_STR("");
	struct clb_str type = clb_kube_field(obj, "addressType");
	struct clb_str service = clb_kube_text(clb_kube_get(
	    clb_kube_path(obj, "metadata.labels"), "kubernetes.io/service-name"));
	struct refs refs = { NULL, 0, 0, NULL, 0 };
	int rc = 0;

	clb_kube_set(k, ls, L("namespace"), ns);
	clb_kube_set(k, ls, L("endpointslice_address_type"), type);
	clb_kube_meta(k, ls, "endpointslice", obj, b->compat >= CLB_VERSION(2, 46) ?
	    CLB_KUBE_META_ALL : CLB_KUBE_META_NAME);
	if ((service.n != 0 && service_labels(b, ns, service, &family) == -1) ||
	    clb_kube_namespace_meta(b, ls, ns) == -1)
		return -1;
	/* The endpoints of a dual-stack service stand in slices of both families. */
	if (family.n != 0 && !clb_str_eq(family, type) && b->compat >= CLB_VERSION(3, 11))
		return 1;
	while (rc == 0 && clb_kube_next(endpoints, &ep))
		rc = slice_endpoint(b, &refs, ep, ports);
	if (rc == 0)
		extra_targets(b, &refs);
	release_refs(&refs);
	return rc == -1 ? -1 : 1;
}
