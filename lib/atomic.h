#ifndef CLB_ATOMIC_H
#define CLB_ATOMIC_H

/*
 * Replace a file whole or not at all.
 *
 * The new content goes to a temporary file beside the old one, named like it
 * with a dot and six random characters behind (node.json.Ab3xYz), so that a
 * collector's *.json never matches it. It is synced, then renamed over the old
 * file. Content equal to the old file's leaves the old file untouched: not
 * opened for writing, same inode, same times.
 */
#include "lib/err.h"
#include "lib/mem.h"

/*
 * A file being replaced. While what is written equals the old content nothing
 * is created; from the first difference on, it goes to the temporary file.
 */
struct clb_atomic {
	char *path;	/* the file to be replaced */
	char *tmp;	/* NULL while the old content is matched */
	int old, fd;
	uint64_t same;	/* bytes matched */
	uint64_t size, asked;	/* bytes written, and of those, asked of the disk */
	struct clb_buf buf;
};

/*
 * Begin to replace path. What is there and is no file, or cannot be read,
 * counts as different content. Returns 0, or -1 with e set (EX_IOERR); a is to
 * be released in either case.
 */
int clb_atomic_begin(struct clb_atomic *a, const char *path, struct clb_err *e);

/* Add content. Returns 0, or -1 with e set (EX_CANTCREAT, EX_IOERR). */
int clb_atomic_write(struct clb_atomic *a, const void *p, size_t n, struct clb_err *e);

/*
 * End the content: all of it is in the temporary file if it differs from the
 * old file's, and on its way to the disk.
 * Returns 1 if it differs, and clb_atomic_sync and clb_atomic_commit are due, 0
 * if it is the same (nothing left to do), -1 with e set.
 */
int clb_atomic_finish(struct clb_atomic *a, struct clb_err *e);

/*
 * Wait until the content is on the disk. Of many files, finish all, then sync
 * all: the disk then works on them together.
 * Returns 0, or -1 with e set (EX_IOERR).
 */
int clb_atomic_sync(struct clb_atomic *a, struct clb_err *e);

/*
 * Rename over the old file. The directory's own sync is the caller's, once for
 * all files in it: clb_atomic_sync_dir. Returns 0, or -1 with e set.
 */
int clb_atomic_commit(struct clb_atomic *a, struct clb_err *e);

/* Give up, or release after commit or a finish with 0: no temporary file is left. */
void clb_atomic_release(struct clb_atomic *a);

/* Make renames and removals in dir last. Returns 0, or -1 with e set (EX_IOERR). */
int clb_atomic_sync_dir(const char *dir, struct clb_err *e);

/*
 * All of the above for content at hand. The new file is mode 0644, because a
 * collector runs as another user. Returns 0, or -1 with e set; the old file is
 * then untouched.
 */
int clb_atomic_replace(const char *path, const void *p, size_t n, struct clb_err *e);

/* 1 if name is one that this room makes for temporary files of *suffix. */
int clb_atomic_is_tmp(const char *name, const char *suffix);

#endif
