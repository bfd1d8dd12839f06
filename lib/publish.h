#ifndef CLB_PUBLISH_H
#define CLB_PUBLISH_H

/*
 * A directory of files that other programs read, replaced file by file through
 * atomic, in a run that either reaches its end or changes nothing.
 *
 * All files are written and synced beside the old ones first, then all renamed
 * over them, in the order they were ended in; those whose content is the same
 * are left alone. Last, the files and directories go that were there before and
 * have not been written. Only names of the kind that lib/sd_name.h makes are
 * looked at. One process at a time may use a directory, and only one that is
 * empty or has been used before.
 *
 * Memory grows with the number of files.
 */
#include "lib/atomic.h"
#include "lib/err.h"

struct clb_publish;

/*
 * Claim and lock dir, which is made if it is missing (its parent must exist).
 * Returns NULL with e set: EX_CANTCREAT (it cannot be used), EX_TEMPFAIL (it is
 * in use).
 */
struct clb_publish *clb_publish_open(const char *dir, struct clb_err *e);

/*
 * What is there and may go: the files *.json and *.list in the directories of
 * sub (below dir; "" is dir itself), so many levels deep; with_files: in sub, as
 * well. What a killed run left there is removed. A sub that is not there is
 * empty. Returns 0, or -1 with e set (EX_CANTCREAT, EX_IOERR).
 */
int clb_publish_scan(struct clb_publish *p, const char *sub, int with_files, int levels,
    struct clb_err *e);

/* The same for files in dir with these names; a NULL ends the list. */
int clb_publish_scan_names(struct clb_publish *p, const char *const *names, struct clb_err *e);

/* 1 if a file *.json was found that is larger than size bytes, and not written since. */
int clb_publish_has_larger(const struct clb_publish *p, uint64_t size);

/* Make a directory below dir, unless it is there. Returns 0, or -1 with e set (EX_CANTCREAT). */
int clb_publish_dir(struct clb_publish *p, const char *name, unsigned mode, struct clb_err *e);

/*
 * Write one file: name is its path below dir, whose directories are made. One
 * at a time. Each returns 0, or -1 with e set (EX_CANTCREAT, EX_IOERR).
 */
int clb_publish_begin(struct clb_publish *p, const char *name, struct clb_err *e);
int clb_publish_write(struct clb_publish *p, const void *data, size_t n, struct clb_err *e);
int clb_publish_end(struct clb_publish *p, struct clb_err *e);

/* Begin, write and end. */
int clb_publish_file(struct clb_publish *p, const char *name, const struct clb_buf *content,
    struct clb_err *e);

/*
 * All that was written is synced; nothing has been seen of it yet. Then commit
 * makes it so. Each returns 0, or -1 with e set (EX_IOERR): until the renaming
 * begins nothing has changed, after that every file is the old or the new one.
 */
int clb_publish_sync(struct clb_publish *p, struct clb_err *e);
int clb_publish_commit(struct clb_publish *p, struct clb_err *e);

/* Without a commit before, all is as it was. */
void clb_publish_close(struct clb_publish *p);

#endif
