#ifndef CLB_TARGET_H
#define CLB_TARGET_H

/*
 * One record of the streams: a target and what is known of it so far. The
 * contract is clb-targets(5) and clb-assignment(5); this is the same record
 * at every stage, and a field that is not there yet is absent.
 */
#include "lib/labels.h"
#include "lib/stream.h"

enum {
	CLB_HAS_ID = 1, CLB_HAS_WEIGHT = 2
};

/* Strings and fields borrow from the stream that the record was read from. */
struct clb_target {
	struct clb_str job;		/* the scrape config's name; always there */
	struct clb_str collector;	/* n == 0 where absent; so for the three below */
	struct clb_str node, zone;
	struct clb_str address;	/* __address__ before relabelling, where it was another */
	uint64_t id;
	uint64_t weight;		/* samples a scrape, at least 1; 1 where absent */
	uint64_t moved;		/* the last turn that moved it; 0 where absent: none has */
	unsigned has;			/* CLB_HAS_… */
	struct clb_labels labels;
	/* Fields nobody here knows: sorted by name, the value as compact JSON. */
	struct clb_label *extra;
	size_t nextra, extra_cap;
	struct clb_buf raw;		/* storage of the values in extra */
};

void clb_target_release(struct clb_target *t);

/* What is written as an id, or as a weight. Return 0, or -1 if it is none. */
int clb_target_id(struct clb_str s, uint64_t *id);
int clb_target_weight(const struct clb_token *tok, uint64_t *weight);

/*
 * Fill t from the stream's current document. Returns 0, or -1 with e set
 * (EX_DATAERR, at line and column) if it is not an object, has no job, names
 * anything twice, or has a known field of the wrong type.
 */
int clb_target_parse(struct clb_target *t, struct clb_stream *s, struct clb_err *e);

/*
 * Give t the field name, which is none of the known ones: value is compact
 * JSON. Both are borrowed, as the rest of t.
 */
void clb_target_set_extra(struct clb_target *t, struct clb_str name, struct clb_str value);

/* Append t as one line: keys sorted, no white space, a newline. */
void clb_target_json(struct clb_buf *out, const struct clb_target *t);

/*
 * The next record of s into t. Returns 1, 0 at the end, -1 with e set.
 */
int clb_target_next(struct clb_target *t, struct clb_stream *s, struct clb_err *e);

/*
 * The same for who keeps all of them by id, and has n: -1 as well if there is no
 * id, or if there would be more than UINT32_MAX.
 */
int clb_target_next_by_id(struct clb_target *t, size_t n, struct clb_stream *s, struct clb_err *e);

/* What discovery knows of one target besides its address. */
struct clb_group_own {
	const struct clb_label *label;	/* sorted by name, each once, no value empty */
	size_t n;
	struct clb_str node, zone;	/* n == 0 where unknown */
};

/*
 * A target group: addresses, the labels that they share, and what only one of
 * them has, which wins over the group's.
 */
struct clb_group {
	struct clb_str *target;		/* __address__ of each; empty: it has none */
	struct clb_group_own *own;	/* of each; NULL where no target has any */
	size_t n, cap, own_cap;
	struct clb_labels labels;	/* empty values are kept out: they mean absent */
};

void clb_group_release(struct clb_group *g);

/* Empty the group and keep its storage. */
void clb_group_clear(struct clb_group *g);

/*
 * Add a target. Either all targets of a group are added with what is their
 * own, or none is: own may be NULL. Strings and labels stay their owner's.
 */
void clb_group_add(struct clb_group *g, struct clb_str address,
    const struct clb_group_own *own);

#endif
