#ifndef CLB_SD_H
#define CLB_SD_H

/*
 * Assignments to what collectors read: DIR/<collector>/<job>.json, or a tree that
 * a web server serves, published through publish. clb-writesd(1) tells what is in
 * the files, clb-tree(5) what else is in the tree.
 */
#include "lib/err.h"
#include "lib/stream.h"
#include "lib/target.h"

struct clb_sd_options {
	int compat;		/* lib/compat.h: who reads the files */
	int tree;		/* DIR is to be a tree */
	int allow_empty;	/* an assignment of no target may take all targets away */
	/* JSON Lines of the collectors that there are; NULL: those with targets. */
	const char *collectors;
	/* Of a tree: scrape configs by job for everybody, and for some. NULL: none. */
	const char *scrape_configs, *private_scrape_configs;
	void (*warn)(const char *text);	/* for each warning: one line. NULL: none */
};

/*
 * Publish the assignment that in holds, sorted by collector, job and id, in
 * the directory dir, as lib/publish.h has it. Each collector that has a target,
 * or is in the file of collectors, gets a file for each job that has a target or
 * a scrape config.
 *
 * Memory does not grow with the number of targets, only with that of files.
 *
 * Returns 0, or -1 with e set: EX_DATAERR (malformed input, with line and
 * column), EX_NOINPUT (it cannot be read), EX_TEMPFAIL (in use by another
 * process; empty input), EX_CANTCREAT (the directory cannot be used, a file not
 * made), EX_IOERR. Until the renaming begins a failure changes nothing; after
 * that every file is either the old or the new one.
 */
int clb_sd_publish(const char *dir, const struct clb_sd_options *o, struct clb_stream *in,
    struct clb_err *e);

#endif
