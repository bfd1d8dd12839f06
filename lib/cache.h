#ifndef CLB_CACHE_H
#define CLB_CACHE_H

/*
 * The last good answer of every source, as files in one directory.
 *
 * An entry is DIR/<kind>-<16 hex digits>.<ext>, the answer byte for byte, and
 * beside it a file of the same name with .key behind: on its first line the
 * stamp of the file that was copied ("-" for an answer from the network), and
 * on the rest the key's text. An entry whose .key holds another key is none, so
 * two keys with one hash never mix; the later one displaces the other.
 *
 * Entries are replaced whole; they are mode 0600, for answers may tell secrets.
 * An entry's modification time is the caller's now at which it was stored.
 * Processes may share a directory.
 */
#include <sys/types.h>

#include "lib/err.h"
#include "lib/mem.h"

struct clb_cache {
	char *dir;
	int fd;			/* the directory; holds a shared lock */
	char **used;		/* names of the entries asked for or stored, for prune */
	size_t nused, cap;
};

/* What an entry is the answer of; a key with the same three is the same. */
struct clb_cache_key {
	const char *kind;	/* [a-z]+: "http", "dns", "file" */
	const char *text;	/* what tells sources of a kind apart: URL, "A:name:80", path */
	const char *ext;	/* "json", "yml": how the answer is to be read */
};

/* Which state of a file was copied; all zero is none. */
struct clb_cache_stamp {
	uint64_t dev, ino;
	int64_t size, mtime_s, mtime_ns;
};

/*
 * Use dir, which is made (mode 0700) if it is missing; its parent must exist.
 * What a killed process left half-written is removed, unless another process
 * uses the directory at this moment.
 * Returns 0, or -1 with e set (EX_CANTCREAT). c is to be released in either case.
 */
int clb_cache_open(struct clb_cache *c, const char *dir, struct clb_err *e);
void clb_cache_release(struct clb_cache *c);

/*
 * Open the entry of key for reading, from offset 0, close-on-exec. *age_ms is
 * how long before now_ms (since 1970) it was stored; INT64_MAX if that lies in
 * the future, so that a clock that was wrong once makes no answer eternal.
 * age_ms may be NULL.
 * Returns 1 with *fd the caller's to close, 0 if there is no entry, -1 with e
 * set (EX_NOINPUT) if there is one that cannot be read.
 */
int clb_cache_get(struct clb_cache *c, const struct clb_cache_key *key, int64_t now_ms,
    int *fd, int64_t *age_ms, struct clb_err *e);

/*
 * Store all bytes of the file fd, whatever its offset is, which is left alone.
 * The kernel copies. Returns 0, or -1 with e set (EX_CANTCREAT, EX_IOERR); the
 * old entry is then still there.
 */
int clb_cache_put_fd(struct clb_cache *c, const struct clb_cache_key *key, int fd,
    int64_t now_ms, struct clb_err *e);

/* The same for n bytes at p. */
int clb_cache_put(struct clb_cache *c, const struct clb_cache_key *key,
    const void *p, size_t n, int64_t now_ms, struct clb_err *e);

/* The stamp of an open file. Returns 0, or -1 with e set (EX_NOINPUT, named name). */
int clb_cache_stamp(struct clb_cache_stamp *s, int fd, const char *name, struct clb_err *e);

/*
 * 1 if key's entry is a copy of the file in the very state of s, so that what
 * was found good then need not be checked again; else 0. Counts as asked for.
 */
int clb_cache_has_file(struct clb_cache *c, const struct clb_cache_key *key,
    const struct clb_cache_stamp *s);

/*
 * Store the file fd if it is not the one that was stored last, as its stamp
 * tells: an unchanged file costs no copy. Take the stamp before reading the
 * file, and store after having found it good; if the file is no longer what
 * it was at the stamp, nothing is stored, as nobody has checked what is there.
 * Returns 1 if it was stored, 0 if not, -1 with e set.
 */
int clb_cache_put_file(struct clb_cache *c, const struct clb_cache_key *key, int fd,
    const struct clb_cache_stamp *s, int64_t now_ms, struct clb_err *e);

/*
 * Remove the entries that were neither asked for nor stored since
 * clb_cache_open, for use at the end of a run that went through all sources:
 * a file_sd file that is gone shall not come back from here, and sources that
 * left the configuration shall not fill the disk. So each configuration wants a
 * directory of its own. Does nothing while another process uses the directory.
 * Returns 0, or -1 with e set (EX_IOERR).
 */
int clb_cache_prune(struct clb_cache *c, struct clb_err *e);

#endif
