#ifndef CLB_STREAM_H
#define CLB_STREAM_H

/*
 * Documents in and out of files and pipes: the only code that knows how
 * documents are framed. Reading takes constant memory but for the largest
 * document.
 */
#include "lib/err.h"
#include "lib/json.h"
#include "lib/mem.h"

/* ---- in ---- */

/*
 * A source of JSON documents: the lines of JSON Lines, or the elements of one
 * JSON array. name is what errors call it and stays the caller's.
 */
struct clb_stream {
	int fd;
	const char *name;
	struct clb_buf buf;	/* what is read and not yet used, from pos on */
	size_t pos, scan;
	uint64_t base;		/* offset of buf.p[0] in the file */
	uint64_t doc_off;	/* offset of the current document */
	const char *doc;	/* the current document, CLB_JSON_PADDING readable behind it */
	size_t doc_len;
	uint64_t line;		/* of the current document, from 1 (lines only) */
	int state, eof, by_line;
	const struct clb_json_shape *shape;	/* the caller's: what of a document to read, NULL for all */
	uint64_t rest_off;	/* clb_stream_piece: where the object starts, */
	struct clb_buf rest;	/* what of it is not the array, */
	int has_array, inside;	/* whether it has the array, and whether we are within */
	const char *within;	/* the caller's: the array is in this member, an object, NULL for none */
	int cut;		/* the caller's: a last line without newline is no line */
	int mend;		/* the caller's: take broken UTF-8 as Go does, see clb_json_mend */
	struct clb_buf mended;
	struct clb_json json;	/* the current document's tokens */
};

void clb_stream_init(struct clb_stream *s, int fd, const char *name);
/* Frees what init and next allocated; closes nothing. */
void clb_stream_release(struct clb_stream *s);

/* Forget what was read: the caller has moved the descriptor to its start. */
void clb_stream_rewind(struct clb_stream *s);

/*
 * The next line of JSON Lines, parsed into s->json. Empty lines are refused.
 * The last line must end in a newline: one that does not was cut short, and is
 * an error unless s->cut says that it is passed over.
 * Returns 1, 0 at the end, or -1 with e set (EX_DATAERR with line and column,
 * EX_NOINPUT). Valid until the next call.
 */
int clb_stream_next(struct clb_stream *s, struct clb_err *e);

/*
 * For a caller that has something to do before it waits. ready: 1 if the next
 * line is here, so that clb_stream_next will not read. more: read once, as much
 * as there is; returns 1, 0 at the end, or -1 with e set.
 */
int clb_stream_ready(struct clb_stream *s);
int clb_stream_more(struct clb_stream *s, struct clb_err *e);

/*
 * The next element of the JSON array that the whole input is, parsed into
 * s->json; the document null is read as an empty array. Returns as above; -1
 * as well for anything but an array, for text behind it, and for an input
 * that ends early. Elements before the fault have been returned by then.
 */
int clb_stream_element(struct clb_stream *s, struct clb_err *e);

/*
 * The next piece of a row of JSON objects, with any white space around them,
 * each of which may hold one long array as its member named array: returns 1
 * for every element of it, and 2 when the object ends, for the object without
 * that member, which s->has_array then tells of (null is an empty array).
 * With s->within the array is a member of the object's member of that name.
 * Either is parsed into s->json. Returns 0 and -1 as clb_stream_element does.
 */
int clb_stream_piece(struct clb_stream *s, const char *array, struct clb_err *e);

/*
 * Record a failure at byte off of the current document as
 * name:line:column: text. Returns -1.
 */
int clb_stream_fail(struct clb_stream *s, uint32_t off, struct clb_err *e,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ---- out ---- */

/*
 * An output. Append to buf, and call clb_out_record after each record: it
 * writes when enough is gathered. Nothing is sure before clb_out_close.
 */
struct clb_out {
	int fd;
	const char *name;
	struct clb_buf buf;
};

/* A pipe is widened where the system allows it: fewer switches between stages. */
void clb_out_init(struct clb_out *o, int fd, const char *name);
/* Returns 0, or -1 with e set (EX_IOERR). */
int clb_out_flush(struct clb_out *o, struct clb_err *e);

static inline int
clb_out_record(struct clb_out *o, struct clb_err *e)
{
	return o->buf.n < 256 * 1024 ? 0 : clb_out_flush(o, e);
}

/*
 * Write the rest and close the descriptor, so that an error which the system
 * reports late is seen. Frees the buffer in any case. Returns 0, or -1 with e
 * set (EX_IOERR).
 */
int clb_out_close(struct clb_out *o, struct clb_err *e);

#endif
