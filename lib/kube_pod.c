/* Pods: what every role that meets one says of it, and the role pod. */
#include <stdlib.h>

#include "lib/kube_part.h"
#include "lib/utf8.h"

#define L CLB_KUBE_LABEL

/* ---- reading ---- */

/* The first owner that says it controls obj. */
static struct clb_kube_value
controller(struct clb_kube_value obj)
{
	struct clb_kube_value owners = clb_kube_path(obj, "metadata.ownerReferences");
	struct clb_kube_value item = { NULL, 0 };

	while (clb_kube_next(owners, &item))
		if (clb_kube_is_true(clb_kube_get(item, "controller")))
			return item;
	return (struct clb_kube_value){ NULL, 0 };
}

static struct clb_str
ready(struct clb_kube *k, struct clb_kube_value obj)
{
	struct clb_kube_value list = clb_kube_path(obj, "status.conditions"), item = { NULL, 0 };

	while (clb_kube_next(list, &item))
		if (clb_str_eq(clb_kube_field(item, "type"), CLB_STR("Ready")))
			return clb_utf8_lower(clb_kube_field(item, "status"), &k->arena);
	return CLB_STR("unknown");
}

/*
 * If the object of that kind is controlled by one of kind by, the label gets
 * the controller's name.
 */
static int
controllers_controller(struct clb_kube_build *b, struct clb_labels *ls,
    enum clb_kube_kind kind, struct clb_str ns, struct clb_str name, struct clb_str by,
    struct clb_str label)
{
	const struct clb_json *obj;
	struct clb_kube_value owner;
	int rc = b->join->find(b->join->arg, kind, ns, name, &obj, b->e);

	if (rc != 1)
		return rc;
	owner = controller(clb_kube_root(obj));
	if (clb_str_eq(clb_kube_field(owner, "kind"), by))
		clb_kube_set(b->k, ls, label, clb_kube_field(owner, "name"));
	return 0;
}

/* Who made the pod, seen from further off. kind and name are its controller's. */
static int
makers(struct clb_kube_build *b, struct clb_labels *ls, struct clb_str ns,
    struct clb_str kind, struct clb_str name)
{
	int is_job = clb_str_eq(kind, CLB_STR("Job"));

	if (b->sd->attach & CLB_KUBE_ATTACH_DEPLOYMENT &&
	    clb_str_eq(kind, CLB_STR("ReplicaSet")) &&
	    controllers_controller(b, ls, CLB_KUBE_REPLICASET, ns, name,
	    CLB_STR("Deployment"), L("pod_deployment_name")) == -1)
		return -1;
	if (b->sd->attach & CLB_KUBE_ATTACH_JOB && is_job)
		clb_kube_set(b->k, ls, L("pod_job_name"), name);
	if (b->sd->attach & CLB_KUBE_ATTACH_CRONJOB && is_job)
		return controllers_controller(b, ls, CLB_KUBE_JOB, ns, name,
		    CLB_STR("CronJob"), L("pod_cronjob_name"));
	return 0;
}

static struct clb_str
container_id(struct clb_kube_value statuses, struct clb_str name)
{
	struct clb_kube_value item = { NULL, 0 };

	while (clb_kube_next(statuses, &item))
		if (clb_str_eq(clb_kube_field(item, "name"), name))
			return clb_kube_field(item, "containerID");
	return CLB_STR("");
}

static void
read_ports(struct clb_kube *k, struct clb_kube_container *c, struct clb_kube_value list)
{
	struct clb_kube_value item = { NULL, 0 };

	c->nport = 0;
	c->port = clb_arena_alloc(&k->arena, clb_kube_count(list) * sizeof(*c->port));
	while (clb_kube_next(list, &item))
		c->port[c->nport++] = (struct clb_kube_port){
		    clb_kube_keep(k, clb_kube_field(item, "name")),
		    clb_kube_keep(k, clb_kube_field(item, "protocol")),
		    clb_kube_number(clb_kube_get(item, "containerPort")) };
}

static void
read_containers(struct clb_kube *k, struct clb_kube_pod *pod, struct clb_kube_value obj)
{
	static const struct {
		const char *containers, *statuses;
	} parts[] = {
		{ "spec.containers", "status.containerStatuses" },
		{ "spec.initContainers", "status.initContainerStatuses" },
	};
	size_t n = clb_kube_count(clb_kube_path(obj, parts[0].containers)) +
	    clb_kube_count(clb_kube_path(obj, parts[1].containers));

	pod->ncontainer = 0;
	pod->container = clb_arena_alloc(&k->arena, n * sizeof(*pod->container));
	for (int init = 0; init < 2; init++) {
		struct clb_kube_value list = clb_kube_path(obj, parts[init].containers);
		struct clb_kube_value statuses = clb_kube_path(obj, parts[init].statuses);
		struct clb_kube_value item = { NULL, 0 };

		while (clb_kube_next(list, &item)) {
			struct clb_kube_container *c = &pod->container[pod->ncontainer++];
			struct clb_str name = clb_kube_field(item, "name");

			c->name = clb_kube_keep(k, name);
			c->image = clb_kube_keep(k, clb_kube_field(item, "image"));
			c->id = clb_kube_keep(k, container_id(statuses, name));
			c->init = init;
			read_ports(k, c, clb_kube_get(item, "ports"));
		}
	}
}

int
clb_kube_read_pod(struct clb_kube_build *b, const struct clb_json *json,
    struct clb_kube_pod *pod)
{
	struct clb_kube *k = b->k;
	struct clb_kube_value obj = clb_kube_root(json), owner = controller(obj);
	struct clb_labels ls = { NULL, 0, 0 };
	struct clb_str kind = clb_kube_keep(k, clb_kube_field(owner, "kind"));
	struct clb_str name = clb_kube_keep(k, clb_kube_field(owner, "name"));
	struct clb_str ns = clb_kube_keep(k, clb_kube_field(obj, "metadata.namespace"));
	int rc;

	pod->ip = clb_kube_keep(k, clb_kube_field(obj, "status.podIP"));
	pod->node = clb_kube_keep(k, clb_kube_field(obj, "spec.nodeName"));
	read_containers(k, pod, obj);
	clb_kube_meta(k, &ls, "pod", obj, CLB_KUBE_META_ALL);
	clb_labels_set(&ls, L("pod_ip"), pod->ip);
	clb_kube_set(k, &ls, L("pod_host_ip"), clb_kube_field(obj, "status.hostIP"));
	clb_labels_set(&ls, L("pod_node_name"), pod->node);
	clb_kube_set(k, &ls, L("pod_uid"), clb_kube_field(obj, "metadata.uid"));
	clb_kube_set(k, &ls, L("pod_phase"), clb_kube_field(obj, "status.phase"));
	clb_labels_set(&ls, L("pod_ready"), ready(k, obj));
	clb_labels_set(&ls, L("pod_controller_kind"), kind);
	clb_labels_set(&ls, L("pod_controller_name"), name);
	/* From here on obj may be gone: others are looked for. */
	rc = makers(b, &ls, ns, kind, name);
	pod->nlabel = ls.n;
	pod->label = clb_arena_alloc(&k->arena, ls.n * sizeof(*pod->label));
	memcpy(pod->label, ls.v, ls.n * sizeof(*pod->label));
	clb_labels_release(&ls);
	return rc == -1 ? -1 : 0;
}

void
clb_kube_container_labels(struct clb_kube *k, struct clb_labels *ls,
    const struct clb_kube_container *c, const struct clb_kube_port *port)
{
	clb_labels_set(ls, L("pod_container_name"), c->name);
	clb_labels_set(ls, L("pod_container_image"), c->image);
	clb_labels_set(ls, L("pod_container_init"), c->init ? CLB_STR("true") : CLB_STR("false"));
	if (port == NULL)
		return;
	clb_labels_set(ls, L("pod_container_port_name"), port->name);
	clb_labels_set(ls, L("pod_container_port_protocol"), port->protocol);
	clb_kube_set_number(k, ls, L("pod_container_port_number"), port->number);
}

/* ---- the role ---- */

static void
container_targets(struct clb_kube *k, const struct clb_kube_pod *pod,
    const struct clb_kube_container *c, struct clb_str zone)
{
	struct clb_labels *own = &k->scratch;

	clb_labels_clear(own);
	clb_labels_set(own, L("pod_container_id"), c->id);
	clb_kube_container_labels(k, own, c, NULL);
	if (c->nport == 0)
		clb_kube_target(k, pod->ip, own, pod->node, zone);
	for (size_t i = 0; i < c->nport; i++) {
		clb_kube_container_labels(k, own, c, &c->port[i]);
		clb_kube_target(k, clb_kube_host_port(k, pod->ip, c->port[i].number), own,
		    pod->node, zone);
	}
}

/*
 * A pod without address is an empty group; so is, from 3.11 on, one whose node
 * is to be attached and not known.
 */
int
clb_kube_pod(struct clb_kube_build *b, const struct clb_json *json)
{
	struct clb_kube *k = b->k;
	struct clb_kube_value obj = clb_kube_root(json);
	struct clb_labels *ls = &k->group.labels;
	struct clb_str ns = clb_kube_keep(k, clb_kube_field(obj, "metadata.namespace")), zone;
	struct clb_kube_pod pod;
	int known;

	if (clb_kube_field(obj, "status.podIP").n == 0)
		return 1;
	if (clb_kube_read_pod(b, json, &pod) == -1)
		return -1;
	if (b->sd->attach & CLB_KUBE_ATTACH_NODE) {
		known = clb_kube_node_meta(b, ls, pod.node);
		if (known != 1 && (known == -1 || b->compat >= CLB_VERSION(3, 11)))
			return known == -1 ? -1 : 1;
	}
	for (size_t i = 0; i < pod.nlabel; i++)
		clb_labels_set(ls, pod.label[i].name, pod.label[i].value);
	clb_labels_set(ls, L("namespace"), ns);
	if (clb_kube_namespace_meta(b, ls, ns) == -1)
		return -1;
	zone = clb_kube_zone(b, pod.node);
	for (size_t i = 0; i < pod.ncontainer; i++)
		container_targets(k, &pod, &pod.container[i], zone);
	return 1;
}
