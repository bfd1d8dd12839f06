#ifndef CLB_KUBE_H
#define CLB_KUBE_H

/*
 * Kubernetes objects to target groups, as kubernetes_sd_configs of Prometheus
 * 2.42 to 3.14 makes them, and what follows it. One object is one group: a
 * function of the object and of those it refers to, and of nothing else. So a
 * group is what Prometheus has right after its start; later Prometheus may be
 * behind, as it looks only at some of the changes.
 *
 * Where label names of one object collide once they are made legal (a.b, a-b),
 * Prometheus takes the value of one at random; here it is that of the original
 * name which is the greatest by its bytes.
 *
 * Objects are looked at with lenience: a field of the wrong type is an absent
 * one. What an API server sends has none.
 */
#include "lib/config.h"
#include "lib/json.h"

/* What is known of a kind of object; the table is indexed by kind. */
struct clb_kube_resource {
	const char *kind;		/* "Pod" */
	const char *plural;		/* "pods" */
	const char *role;		/* "pod"; NULL: not a role */
	const char *api;		/* "/api/v1" */
	int namespaced;
};
extern const struct clb_kube_resource clb_kube_resources[CLB_KUBE_KINDS];

/* How to come by the objects that an object refers to. */
struct clb_kube_join {
	/*
	 * The object of that kind and name; of kinds without namespace, ns is
	 * empty. Returns 1 with *obj borrowed until the next call, 0 if there is
	 * none, -1 with e set.
	 */
	int (*find)(void *arg, enum clb_kube_kind kind, struct clb_str ns,
	    struct clb_str name, const struct clb_json **obj, struct clb_err *e);
	/*
	 * The zone of a node, empty where unknown; borrowed until the group is
	 * done with. For the record, not for a label. NULL: nobody knows.
	 */
	struct clb_str (*zone)(void *arg, struct clb_str node);
	void *arg;
};

/* Storage of a group in the making; zero-initialise. */
struct clb_kube {
	struct clb_arena arena;
	struct clb_group group;
	struct clb_labels scratch;
	struct clb_buf name;
};

void clb_kube_release(struct clb_kube *k);

/*
 * Make the group of obj, which is of the kind of sd->role, in k->group; compat
 * is the version to be. The group borrows from obj and from k's arena, until
 * the next call.
 *
 * A group may be empty of targets. Returns 1, 0 if Prometheus makes no group
 * of such an object, -1 with e set by find.
 */
int clb_kube_group(struct clb_kube *k, const struct clb_kube_sd *sd, int compat,
    const struct clb_json *obj, const struct clb_kube_join *join, struct clb_err *e);

/* ---- which objects a block looks at ---- */

/*
 * 1 if the block reads objects of that kind, as its role or to join them.
 */
int clb_kube_needs(const struct clb_kube_sd *sd, enum clb_kube_kind kind);

/*
 * Append the name of the stream that holds what the block sees of a kind:
 * PLURAL[@NAMESPACE][+HASH], the name of a directory in a mirror; see
 * clb-mirror(5). ns is empty for all namespaces.
 */
void clb_kube_stream(struct clb_buf *out, const struct clb_kube_sd *sd,
    enum clb_kube_kind kind, struct clb_str ns);

/*
 * The namespaces that the block is restricted to, sorted, each once; none is
 * all of them. Allocated in a. Returns how many, or -1 with e set (EX_NOINPUT)
 * if its own namespace is among them and cannot be told.
 */
int clb_kube_namespaces(const struct clb_kube_sd *sd, struct clb_arena *a,
    struct clb_str **ns, struct clb_err *e);

/*
 * Append what the configuration needs of a cluster, one stream a line, sorted,
 * each once: STREAM, KIND, PATH and QUERY, with tabs between. PATH is for
 * kubectl get --raw; QUERY is its part behind the question mark, encoded, and
 * may be empty. Returns 0 or -1 as above.
 */
int clb_kube_watches(const struct clb_config *c, struct clb_buf *out, struct clb_err *e);

#endif
