#ifndef CLB_JSON_H
#define CLB_JSON_H

/*
 * One JSON document (RFC 8259) to a flat list of tokens, and strings back to
 * JSON. The parser is simdjson; its header appears only in json_parse.cc.
 *
 * A document is UTF-8 throughout; broken UTF-8, lone surrogates, unescaped
 * control characters, trailing text and nesting deeper than 512 are refused.
 * Numbers keep their text, so that a field nobody here knows can be passed on
 * unchanged.
 */
#include "lib/err.h"
#include "lib/mem.h"

#define CLB_JSON_PADDING 64	/* readable bytes the parser needs behind a document */

enum clb_json_type {
	CLB_JSON_OBJECT, CLB_JSON_ARRAY, CLB_JSON_KEY, CLB_JSON_STRING,
	CLB_JSON_NUMBER, CLB_JSON_TRUE, CLB_JSON_FALSE, CLB_JSON_NULL
};

/*
 * Objects are followed by KEY, value, KEY, value, …; arrays by their values.
 * next is the index of the token behind this one and all it holds: the way to
 * the next sibling, and where a container ends.
 */
struct clb_token {
	struct clb_str str;	/* decoded text of a key or string, raw text of a number */
	uint32_t off;		/* where it starts, in bytes from the document's start */
	uint32_t next;
	uint8_t type;
};

struct clb_json {
	struct clb_token *tok;	/* tok[0] is the document; valid until the next parse */
	size_t n, cap;
	uint32_t bad_off;	/* after a failure: where, and what is wrong there */
	char bad[128];
	void *impl;
};

/* Zero-initialise before the first parse; release gives the storage back. */
void clb_json_release(struct clb_json *j);

/*
 * Parse the n bytes at p; CLB_JSON_PADDING bytes behind them must be readable
 * (their content does not matter). Token strings point into p or into the
 * parser's own storage. Returns 0, or -1 with bad and bad_off set.
 */
int clb_json_parse(struct clb_json *j, const char *p, size_t n);

/*
 * The part of a document that somebody reads: members of an object by name,
 * and of each the members again. An array's elements have the array's shape;
 * what is neither object nor array is taken as it is.
 */
struct clb_json_shape {
	struct clb_str name;	/* the member's; of no use in the outermost shape */
	const struct clb_json_shape *sub;	/* NULL: all of it */
	size_t nsub;
};

/*
 * The same, with tokens for nothing but what the shape names. The rest is
 * looked at only to find where it ends: its UTF-8, strings and nesting are
 * checked, its numbers and commas are not.
 */
int clb_json_parse_shape(struct clb_json *j, const char *p, size_t n,
    const struct clb_json_shape *shape);

/* clb_json_parse for a document without padding behind it, which is copied. */
int clb_json_parse_copy(struct clb_json *j, struct clb_buf *copy,
    const char *p, size_t n);

/* The UTF-16 code unit that a \u and four digits at p stand for, or -1 for all else. */
long clb_json_code_unit(const char *p, size_t n);

/*
 * Append the n bytes at p as Go's decoder takes them: every byte that is not
 * UTF-8 and every escape of a surrogate without its partner becomes U+FFFD.
 * The length changes; places in the result are not those in the original.
 */
void clb_json_mend(struct clb_buf *out, const char *p, size_t n);

/*
 * Append s as a JSON string. What must be escaped is: quote, backslash and
 * control characters, as \" \\ \b \f \n \r \t or \u00XX; all else is written as
 * it is. That is what jansson writes, and a test compares the two.
 */
void clb_json_string(struct clb_buf *out, struct clb_str s);

/* 1 if nothing in s needs an escape, so that s.plain may be set. */
int clb_json_plain(struct clb_str s);

/* A token that is a whole number below 2^64, in digits alone. Returns 0 or -1. */
int clb_json_uint(const struct clb_token *tok, uint64_t *v);

/* Append the value at token i, without white space, otherwise unchanged. */
void clb_json_value(struct clb_buf *out, const struct clb_json *j, size_t i);

#endif
