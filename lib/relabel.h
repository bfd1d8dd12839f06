#ifndef CLB_RELABEL_H
#define CLB_RELABEL_H

/*
 * Relabel rules applied to one label set, as Prometheus 2.42 and 3.x apply
 * them: relabel_configs compiled once, then run for every target.
 *
 * Where two labels map to one name by labelmap, Prometheus from 2.43 on picks
 * either; here the last in the order of names wins, as in 2.42.
 */
#include "lib/config.h"

struct clb_relabel;

/*
 * Compile the n rules, which must stay until clb_relabel_free. Returns a new
 * object, or NULL with e set (EX_CONFIG) if a regex does not compile.
 */
struct clb_relabel *clb_relabel_new(const struct clb_rule *rule, size_t n, int compat,
    struct clb_err *e);
void clb_relabel_free(struct clb_relabel *r);

/*
 * Apply the rules to ls. New strings come from a, and must live as long as ls.
 * Returns -1 if the target is kept, else the index of the rule that drops it
 * (ls is then what that rule saw).
 */
long clb_relabel_apply(struct clb_relabel *r, struct clb_labels *ls, struct clb_arena *a);

#endif
