#ifndef CLB_OPT_H
#define CLB_OPT_H

/*
 * The values of options. A function that fails returns -1 with e set
 * (EX_USAGE) to a text that names the option.
 */
#include <stdint.h>

#include "lib/err.h"

/* A whole number from min to max, in decimal digits and nothing else. */
int clb_opt_uint(const char *option, const char *text, uint64_t min, uint64_t max,
    uint64_t *v, struct clb_err *e);

/* A number from 0 to max, such as 0.05; always with a decimal point. */
int clb_opt_real(const char *option, const char *text, double max, double *v,
    struct clb_err *e);

#endif
