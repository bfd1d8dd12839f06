#ifndef CLB_WEIGHTS_H
#define CLB_WEIGHTS_H

/*
 * Measured weights: which target weighs how much, by id or by labels. The
 * format is clb-weights(5).
 *
 * Of all lines that mean a target the newest counts, which is the last one of
 * the file, whether it names the target by id or by labels. A target that no
 * line means is not measured; what it then weighs is the caller's business.
 *
 * Memory: about 70 bytes for an id, 150 for a match and the values in it. Both
 * are found in constant time; what a look-up costs grows with the number of
 * different sets of label names that are matched, of which there can be
 * CLB_WEIGHTS_SHAPES.
 */
#include "lib/table.h"
#include "lib/target.h"

#define CLB_WEIGHTS_SHAPES 64

struct clb_weight {
	uint64_t weight;	/* at least 1 */
	uint64_t line;		/* in the file, from 1 */
	/* For the smoothing of the next measurement: */
	double measured;	/* the weight before it was rounded; weight where absent */
	double time;		/* when, in seconds since 1970; 0 where absent */
};

/* Zero-initialised is empty: nothing is measured. */
struct clb_weights {
	struct clb_weight *id;	/* by the number in ids, minus 1 */
	size_t nid, id_cap;
	struct clb_table ids;
	size_t zero;		/* the number of id 0, which a table cannot hold */
	struct clb_weights_match *match;
	size_t nmatch, match_cap;
	struct clb_table matches;	/* from the hash of what is matched */
	struct clb_weights_shape *shape;
	size_t nshapes;
	struct clb_arena arena;
	struct clb_buf key;
};

void clb_weights_release(struct clb_weights *w);

/*
 * Read all of s; what w has already is older. Returns 0, or -1 with e set
 * (EX_DATAERR with line and column, EX_NOINPUT).
 */
int clb_weights_read(struct clb_weights *w, struct clb_stream *s, struct clb_err *e);

/*
 * The same for a file. Returns 0, or -1 with e set; that it is not there is
 * EX_NOINPUT.
 */
int clb_weights_read_file(struct clb_weights *w, const char *path, struct clb_err *e);

/*
 * What t weighs, or NULL if it is not measured. Looks at id (if it has one),
 * job and labels. Borrowed, until w is read into or released.
 */
const struct clb_weight *clb_weights_find(struct clb_weights *w, const struct clb_target *t);

/* The same of what lines say that name an id. */
const struct clb_weight *clb_weights_find_id(const struct clb_weights *w, uint64_t id);

#endif
