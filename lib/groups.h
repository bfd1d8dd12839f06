#ifndef CLB_GROUPS_H
#define CLB_GROUPS_H

/*
 * Target groups from the documents of file_sd (JSON or YAML) and http_sd
 * (JSON), by the rules of Go's encoding/json and go-yaml v2 in strict mode, as
 * Prometheus 2.42 and 3.x read them: keys of JSON in any case, the last of two
 * wins, null for a text is the empty text, broken UTF-8 becomes U+FFFD.
 *
 * JSON is read group by group in constant memory; YAML is read whole.
 */
#include "lib/target.h"
#include "lib/yaml.h"

struct clb_groups {
	struct clb_stream stream;
	const char *name;
	int fd, legacy_names;
	int is_yaml, is_read;		/* read: the YAML document is here */
	struct clb_yaml yaml;
	size_t next;			/* of the YAML document's items */
	struct clb_group group;
	struct clb_arena arena;		/* strings of the current YAML group */
};

/*
 * Read groups from fd, which stays the caller's and must be seekable, from its
 * start on. name is what errors call it; is_yaml says how to read it.
 * legacy_names: label names must be those of Prometheus 2.
 */
void clb_groups_init(struct clb_groups *g, int fd, const char *name, int is_yaml,
    int legacy_names);
void clb_groups_release(struct clb_groups *g);

/* Begin anew at the start. Returns 0, or -1 with e set (EX_IOERR). */
int clb_groups_rewind(struct clb_groups *g, struct clb_err *e);

/*
 * The next group, in g->group until the next call. Returns 1, 0 at the end, or
 * -1 with e set: EX_DATAERR at name:line:column, EX_NOINPUT.
 */
int clb_groups_next(struct clb_groups *g, struct clb_err *e);

/* Read to the end, to know that the whole document is good. Returns 0 or -1. */
int clb_groups_check(struct clb_groups *g, struct clb_err *e);

#endif
