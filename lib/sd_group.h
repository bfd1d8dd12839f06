#ifndef CLB_SD_GROUP_H
#define CLB_SD_GROUP_H

/*
 * Targets to the target groups of one file: those with the same labels, but for
 * __address__, share a group. Groups come in the order of their first targets,
 * targets in that of the input. clb-writesd(1) tells what the labels become.
 *
 * Memory: what is gathered is written out when it grows past a megabyte. A
 * file larger than that may have the same labels in more than one group.
 */
#include "lib/target.h"

struct clb_sd_groups {
	int compat;		/* lib/compat.h: who reads the file */
	void (*warn)(const char *text);	/* for each warning: one line. NULL: none */
	struct clb_sd_gathered *gathered;
	/* The labels being made. */
	struct clb_labels labels;
	struct clb_buf json;
	struct clb_arena names;
	/* Labels that were left out, and the first few that were told of. */
	uint64_t left_out, told[5];
	size_t ntold;
};

void clb_sd_groups_init(struct clb_sd_groups *g, int compat, void (*warn)(const char *text));
void clb_sd_groups_release(struct clb_sd_groups *g);

/* Add a target, which has an __address__. Returns 1 if it is time to call clb_sd_groups_take. */
int clb_sd_groups_add(struct clb_sd_groups *g, const struct clb_target *t);

/*
 * Append the groups gathered, in JSON that is YAML as well and holds nothing that
 * a reader expands, with ",\n" between them; and begin anew.
 */
void clb_sd_groups_take(struct clb_sd_groups *g, struct clb_buf *out);

/* Warn of the number of labels left out, if not all were told of. */
void clb_sd_groups_warn(struct clb_sd_groups *g);

#endif
