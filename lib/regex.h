#ifndef CLB_REGEX_H
#define CLB_REGEX_H

/*
 * Prometheus's regular expressions, by RE2, whose header appears only in
 * regex.cc. The text between "^(?:" and ")$" (3.x: "^(?s:") is compiled as one
 * string, as Prometheus does, so that "a)|(b" means what it means there.
 *
 * Accepted is what Go's regexp/syntax accepts: (?<name>…) as well as
 * (?P<name>…), names that repeat, and not RE2's \C.
 */
#include "lib/compat.h"
#include "lib/mem.h"

struct clb_regex;

/*
 * Compile. Returns a new expression for clb_regex_free, or NULL with a text of
 * at most why_size bytes in why.
 */
struct clb_regex *clb_regex_new(struct clb_str text, int compat, char *why, size_t why_size);
void clb_regex_free(struct clb_regex *re);

/* 1 if the expression matches s. */
int clb_regex_match(const struct clb_regex *re, struct clb_str s);

/*
 * 0 if s cannot match, as a glance at how the expression begins tells, else 1:
 * cheaper than looking up what is known of s.
 */
int clb_regex_may_match(const struct clb_regex *re, struct clb_str s);

/* How many groups the expression has, the whole match not counted. */
int clb_regex_groups(const struct clb_regex *re);

/*
 * The n groups from 0 (the whole match) on. Returns 1 if the expression
 * matches s; a group that took no part has s == NULL.
 */
int clb_regex_captures(const struct clb_regex *re, struct clb_str s,
    struct clb_str *group, int n);

/*
 * The numbers of the groups named name, in order, at most max of them.
 * Returns how many there are.
 */
int clb_regex_named(const struct clb_regex *re, struct clb_str name, int *number, int max);

#endif
