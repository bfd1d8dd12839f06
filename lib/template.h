#ifndef CLB_TEMPLATE_H
#define CLB_TEMPLATE_H

/*
 * The texts with $1, ${1} and ${name} in replacement and target_label, in the
 * grammar of Go's Regexp.Expand: $$ is a dollar sign, the longest run of
 * letters, digits and underscores behind a dollar is a name, a name of digits
 * is a group's number, and a dollar that begins nothing stands for itself.
 */
#include "lib/regex.h"

struct clb_template;

/* Compile text for the groups of re. Both must outlive the template. */
struct clb_template *clb_template_new(struct clb_str text, const struct clb_regex *re);
void clb_template_free(struct clb_template *t);

/* How many groups from 0 on expand needs: 0 if the text is constant. */
int clb_template_groups(const struct clb_template *t);

/*
 * The text with the groups filled in; a group that took no part is empty. The
 * result borrows from a, from a group or from the template.
 */
struct clb_str clb_template_expand(const struct clb_template *t,
    const struct clb_str *group, struct clb_arena *a);

#endif
