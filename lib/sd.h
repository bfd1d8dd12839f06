#ifndef CLB_SD_H
#define CLB_SD_H

/*
 * Assignments to file_sd documents: DIR/<collector>/<job>.json, published
 * through atomic. clb-writesd(1) tells what is in them.
 */
#include "lib/err.h"
#include "lib/stream.h"
#include "lib/target.h"

struct clb_sd_options {
	int compat;		/* lib/compat.h: who reads the files */
	int allow_empty;	/* an assignment of no target may remove all files */
	void (*warn)(const char *text);	/* for each warning: one line. NULL: none */
};

/*
 * Publish the assignment that in holds, sorted by collector, job and id, in
 * the directory dir, which is made if it is missing (its parent must exist).
 *
 * All files are written and synced beside the old ones first, then all renamed
 * over them; those that have not changed are left alone. Last, files of jobs
 * and directories of collectors that are not in the assignment are removed.
 * What a killed run left is removed at the start. One process at a time may
 * use a directory, and only one that is empty or has been used before.
 *
 * Memory does not grow with the number of targets, only with that of files.
 *
 * Returns 0, or -1 with e set: EX_DATAERR (malformed input, with line and
 * column), EX_NOINPUT (it cannot be read), EX_TEMPFAIL (in use by another process; empty input), EX_CANTCREAT
 * (the directory cannot be used, a file not made), EX_IOERR. Until the
 * renaming begins a failure changes nothing; after that every file is either
 * the old or the new one.
 */
int clb_sd_publish(const char *dir, const struct clb_sd_options *o, struct clb_stream *in,
    struct clb_err *e);

#endif
