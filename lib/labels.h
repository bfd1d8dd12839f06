#ifndef CLB_LABELS_H
#define CLB_LABELS_H

/*
 * A label set: names to values, sorted by the bytes of the name, each name
 * once, no value empty. In Prometheus an empty value and an absent label are
 * the same thing, so a set never holds one.
 *
 * The set owns its array and no string: names and values stay their owner's
 * and must live as long as the set uses them (an arena cleared with the
 * record, the configuration, the input line).
 */
#include "lib/mem.h"

struct clb_label {
	struct clb_str name, value;
};

/* Read v[0] to v[n - 1] freely; change them only through the functions. */
struct clb_labels {
	struct clb_label *v;
	size_t n, cap;
};

void clb_labels_release(struct clb_labels *ls);
/* Empty the set and keep its storage. */
static inline void
clb_labels_clear(struct clb_labels *ls)
{
	ls->n = 0;
}

/* The value of name, borrowed, or an empty string (n == 0) where absent. */
struct clb_str clb_labels_get(const struct clb_labels *ls, struct clb_str name);

/*
 * The same, looking first where *hint says, and noting there where it was:
 * the sets of one job are much alike.
 */
struct clb_str clb_labels_get_near(const struct clb_labels *ls, struct clb_str name,
    size_t *hint);

/* Set name to value; an empty value deletes the label. */
void clb_labels_set(struct clb_labels *ls, struct clb_str name, struct clb_str value);

/*
 * Like set, but a name that is present stays as it is. Returns 1 if the name
 * was absent, else 0. Fast when names arrive in order.
 */
int clb_labels_add(struct clb_labels *ls, struct clb_str name, struct clb_str value);

/* Make dst equal to src, strings shared. */
void clb_labels_copy(struct clb_labels *dst, const struct clb_labels *src);

/* Make dst the set src with the n labels at v, sorted and not empty, over it. */
void clb_labels_overlay(struct clb_labels *dst, const struct clb_labels *src,
    const struct clb_label *v, size_t n);

/* Delete every label for which keep(name, arg) is 0, in one pass. */
void clb_labels_filter(struct clb_labels *ls,
    int (*keep)(struct clb_str name, void *arg), void *arg);

/* 1 if the sets hold the same names and values. */
int clb_labels_eq(const struct clb_labels *a, const struct clb_labels *b);

/* 1 if name begins with the literal prefix. */
#define clb_str_has_prefix(str, lit) \
	((str).n >= sizeof(lit) - 1 && memcmp((str).s, (lit), sizeof(lit) - 1) == 0)

/* Append {"name":"value",…}. */
void clb_labels_json(struct clb_buf *out, const struct clb_labels *ls);

#endif
