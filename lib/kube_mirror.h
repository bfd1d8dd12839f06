#ifndef CLB_KUBE_MIRROR_H
#define CLB_KUBE_MIRROR_H

/*
 * The target groups of kubernetes_sd_configs, with the objects from a mirror:
 * a directory of streams, each as lib/mirror.h reads it.
 *
 * With several namespaces an object finds only those of its own, as Prometheus
 * has it, which keeps a store of each. The zone of a record's node is known
 * where the configuration needs the nodes of the cluster for anything.
 */
#include "lib/kube.h"

struct clb_kube_mirror;

/* Streams are read below dir, which stays the caller's, when they are needed. */
struct clb_kube_mirror *clb_kube_mirror_new(const char *dir, const struct clb_config *c);
void clb_kube_mirror_free(struct clb_kube_mirror *m);

/*
 * Go to the first group of the block. All streams that it needs are read, so
 * that none of them can be missing later. Returns 0, or -1 with e set as by
 * clb_mirror_reader_new, or EX_NOINPUT if the block's own namespace cannot be
 * told.
 */
int clb_kube_mirror_begin(struct clb_kube_mirror *m, const struct clb_kube_sd *sd,
    struct clb_err *e);

/*
 * The next group, in the order of namespaces and names. Returns 1 with *g
 * borrowed until the next call, 0 at the end, -1 with e set.
 */
int clb_kube_mirror_next(struct clb_kube_mirror *m, const struct clb_group **g,
    struct clb_err *e);

#endif
