#ifndef CLB_MIRROR_WRITE_H
#define CLB_MIRROR_WRITE_H

/*
 * The writing side of a mirror: one directory, one stream of one kind of
 * Kubernetes object, held as a list and a log of what changed since. The files
 * are those of clb-mirror(5); lib/mirror.h reads them.
 *
 * A process may be killed at any moment: what is in list and log at that
 * moment is a state that the cluster had, and the place to go on from is the
 * one that belongs to it. Two writers of one directory exclude each other by a
 * lock; readers need none.
 */
#include "lib/err.h"
#include "lib/project.h"
#include "lib/stream.h"
#include "lib/table.h"

struct clb_mirror_writer {
	char *dir;
	const char *stream;		/* the last component of dir */
	struct clb_project project;
	int lock;
	struct clb_buf text;		/* an object, projected */
	/* watch alone: */
	struct clb_table objects;	/* hash of the key to hash of the projected object */
	struct clb_out log;
	uint64_t list_size, log_size;	/* log_size: what of it is sound */
	char *list_version;		/* resourceVersion of the list that log belongs to */
	char *version, *logged;		/* the newest seen, and the newest in the log */
	int64_t logged_ms;		/* when */
};

/*
 * Open the mirror below dir, which is made if it is missing, and lock it.
 * kind NULL: the kind whose plural the name of dir begins with.
 * Returns 0, or -1 with e set: EX_USAGE for no kind that discovery has a use
 * for, EX_CANTCREAT, EX_TEMPFAIL if another process holds the lock.
 */
int clb_mirror_open(struct clb_mirror_writer *w, const char *dir, const char *kind,
    struct clb_err *e);
void clb_mirror_close(struct clb_mirror_writer *w);

/*
 * Add what in holds, a page of a list or more of them, to the list in the
 * making; begin forgets the pages before. Behind the last page the list
 * replaces the one in use, and the log begins anew. One line to out:
 *   continue TOKEN    the next page's, as it has to stand in a URL
 *   complete VERSION  the list is whole and in use; no VERSION if it has none
 * Returns 0, or -1 with e set, the list in use as it was: EX_DATAERR; EX_TEMPFAIL
 * if the server sent an error instead, or the page is of another list than
 * those before; EX_CANTCREAT, EX_IOERR.
 */
int clb_mirror_list(struct clb_mirror_writer *w, struct clb_stream *in, int begin,
    struct clb_out *out, struct clb_err *e);

/*
 * Follow the watch stream in to its end: what changes an object goes to the
 * log, and then a line to out: ADDED, MODIFIED or DELETED, a space, and the
 * object's key. silence_s: give up when nothing came for so long; 0 never.
 * Returns 0, or -1 with e set: EX_NOINPUT without a list; EX_TEMPFAIL if only
 * a new list can help (the server said so, or the mirror is damaged);
 * EX_DATAERR, EX_UNAVAILABLE after a silence, EX_IOERR. What came before the
 * failure is in the log and on out.
 */
int clb_mirror_watch(struct clb_mirror_writer *w, struct clb_stream *in,
    unsigned silence_s, struct clb_out *out, struct clb_err *e);

/*
 * Append the resource version to watch from to out. Takes no lock. Returns 0,
 * or -1 with e set: EX_NOINPUT without a list, EX_TEMPFAIL if it has no
 * resource version or is damaged.
 */
int clb_mirror_position(const char *dir, struct clb_buf *out, struct clb_err *e);

#endif
