#ifndef CLB_KUBE_PART_H
#define CLB_KUBE_PART_H

/*
 * What the files of the room kube share, and nobody else: looking into
 * objects, and the label sets that stand in more than one role.
 */
#include "lib/kube.h"

/* ---- looking into an object ---- */

/* A value in a document; tok is NULL for an absent one, and null is absent. */
struct clb_kube_value {
	const struct clb_token *tok;	/* the document's tokens */
	size_t i;
};

struct clb_kube_value clb_kube_root(const struct clb_json *j);
/* The member of an object, or an absent value. The last of two is it, as in Go. */
struct clb_kube_value clb_kube_get(struct clb_kube_value v, const char *name);
/* The same, in objects in it: names with a dot between. */
struct clb_kube_value clb_kube_path(struct clb_kube_value v, const char *path);
struct clb_str clb_kube_text(struct clb_kube_value v);
struct clb_str clb_kube_field(struct clb_kube_value v, const char *path);
int64_t clb_kube_number(struct clb_kube_value v);
int clb_kube_is_true(struct clb_kube_value v);

/*
 * The items of an array: begin with item absent. Returns 1, 0 at the end (at
 * once for what is no array).
 */
int clb_kube_next(struct clb_kube_value array, struct clb_kube_value *item);
size_t clb_kube_count(struct clb_kube_value array);

/* ---- building ---- */

/* What one group is built of and into. */
struct clb_kube_build {
	struct clb_kube *k;
	const struct clb_kube_sd *sd;
	int compat;
	const struct clb_kube_join *join;
	struct clb_err *e;
};

#define CLB_KUBE_LABEL(name) CLB_STR("__meta_kubernetes_" name)

/* A copy that lives as long as the group. */
struct clb_str clb_kube_keep(struct clb_kube *k, struct clb_str s);

/*
 * Set a label; an empty value deletes it. name is one that lives on, value is
 * copied.
 */
void clb_kube_set(struct clb_kube *k, struct clb_labels *ls, struct clb_str name,
    struct clb_str value);
void clb_kube_set_number(struct clb_kube *k, struct clb_labels *ls, struct clb_str name,
    int64_t value);

/* prefix and key made legal, "__meta_kubernetes_" in front. */
struct clb_str clb_kube_name(struct clb_kube *k, const char *prefix, struct clb_str key);

/*
 * A map as labels: the names are prefix with the keys behind; where present is
 * not NULL, each key also has a label with that prefix and the value "true".
 */
void clb_kube_map(struct clb_kube *k, struct clb_labels *ls, const char *prefix,
    const char *present, struct clb_kube_value map);

/* The same for n pairs, which get sorted; of two with one name the later is it. */
struct clb_kube_pair {
	struct clb_str name, value;
	size_t i;			/* its place in the object */
};
void clb_kube_pairs(struct clb_kube *k, struct clb_labels *ls, const char *prefix,
    const char *present, struct clb_kube_pair *pair, size_t n);

enum { CLB_KUBE_META_NAME = 1, CLB_KUBE_META_LABELS = 2, CLB_KUBE_META_ANNOTATIONS = 4,
    CLB_KUBE_META_ALL = 7 };
/* Name, labels and annotations of obj, which is called what in the labels' names. */
void clb_kube_meta(struct clb_kube *k, struct clb_labels *ls, const char *what,
    struct clb_kube_value obj, unsigned parts);

/* host:port, with brackets where the host has a colon. */
struct clb_str clb_kube_host_port(struct clb_kube *k, struct clb_str host, int64_t port);

/* The labels of the node: returns 1, 0 if nobody knows it, -1 with e set. */
int clb_kube_node_meta(struct clb_kube_build *b, struct clb_labels *ls, struct clb_str name);
/* The labels of the namespace, if they are asked for. Returns 0 or -1. */
int clb_kube_namespace_meta(struct clb_kube_build *b, struct clb_labels *ls, struct clb_str ns);
struct clb_str clb_kube_zone(struct clb_kube_build *b, struct clb_str node);

/* Add a target with the labels of its own that stand in ls, which is copied. */
void clb_kube_target(struct clb_kube *k, struct clb_str address,
    const struct clb_labels *ls, struct clb_str node, struct clb_str zone);

/* ---- pods ---- */

struct clb_kube_port {
	struct clb_str name, protocol;
	int64_t number;
};

struct clb_kube_container {
	struct clb_str name, image, id;
	int init;
	struct clb_kube_port *port;
	size_t nport;
};

/* What roles need of a pod. Copied from the object; lives as long as the group. */
struct clb_kube_pod {
	struct clb_str ip, node;
	struct clb_label *label;		/* sorted */
	size_t nlabel;
	struct clb_kube_container *container;	/* then the init containers */
	size_t ncontainer;
};

/* Read the pod obj, which may be gone afterwards. Returns 0, or -1 with b->e set. */
int clb_kube_read_pod(struct clb_kube_build *b, const struct clb_json *obj,
    struct clb_kube_pod *pod);

/* Set the labels that tell a container and its port, which may be NULL. */
void clb_kube_container_labels(struct clb_kube *k, struct clb_labels *ls,
    const struct clb_kube_container *c, const struct clb_kube_port *port);

/* ---- the roles ---- */

/* Each makes the group of obj. Returns 1, 0 if there is none, -1 with b->e set. */
typedef int clb_kube_role_fn(struct clb_kube_build *b, const struct clb_json *obj);
clb_kube_role_fn clb_kube_pod, clb_kube_endpoints, clb_kube_endpointslice;

#endif
