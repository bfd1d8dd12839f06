#ifndef CLB_SCALE_STATE_H
#define CLB_SCALE_STATE_H

/*
 * The history of scaling in a file, one JSON object in a line:
 *
 *	{"asked":[[TIME,LEAST,MOST],…],"clb-scale":1,"current":N,"desired":N,
 *	"down":[[TIME,N],…],"up":[[TIME,N],…]}
 *
 * Nobody else is meant to read it; the version says what it is.
 */
#include "lib/err.h"
#include "lib/scale.h"

/*
 * Read path into h. A file that is not there is a fresh history. Returns 0, or
 * -1 with e set: EX_DATAERR for anything that clb_scale_state_write would not
 * have written, with line and column, EX_NOINPUT.
 */
int clb_scale_state_read(struct clb_scale_history *h, const char *path, struct clb_err *e);

/* Replace path. Returns 0, or -1 with e set as clb_atomic_replace does. */
int clb_scale_state_write(const struct clb_scale_history *h, const char *path, struct clb_err *e);

#endif
