#ifndef CLB_SELECTOR_H
#define CLB_SELECTOR_H

/*
 * Kubernetes selectors, as apimachinery's labels.Parse and
 * fields.ParseSelector read them. Here they are only checked: it is the API
 * server that selects.
 */
#include "lib/mem.h"

/*
 * Look at a selector. Returns NULL if it is good, or what is wrong with it,
 * in text, whose former content is lost.
 */
const char *clb_selector_check_label(struct clb_str s, struct clb_buf *text);
const char *clb_selector_check_field(struct clb_str s, struct clb_buf *text);

#endif
