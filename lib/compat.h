#ifndef CLB_COMPAT_H
#define CLB_COMPAT_H

/*
 * Which Prometheus is to be reproduced. "2" is 2.42 and "3" is 3.5, the
 * versions the tests compare with; a minor version picks the rules of that
 * release (2.53, 3.13).
 */
#include "lib/err.h"

#define CLB_VERSION(major, minor) ((major) * 1000 + (minor))
#define CLB_COMPAT_DEFAULT CLB_VERSION(3, 5)

/*
 * The version that text names. Returns it, or -1 with e set (EX_USAGE) if it
 * is not 2, 3 or MAJOR.MINOR from 2.42 on.
 */
int clb_compat_parse(const char *text, struct clb_err *e);

#endif
