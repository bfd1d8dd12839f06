#ifndef CLB_YAML_H
#define CLB_YAML_H

/*
 * A YAML document as a tree of nodes with places, read the way go-yaml v2 in
 * strict mode reads it (Prometheus 2.42 to 3.x). libyaml appears nowhere else.
 *
 * Only the first document of a file is read; what follows is not looked at.
 */
#include "lib/err.h"
#include "lib/mem.h"

enum clb_yaml_kind { CLB_YAML_SCALAR, CLB_YAML_SEQUENCE, CLB_YAML_MAPPING };

struct clb_yaml_node {
	enum clb_yaml_kind kind;
	unsigned line, column;		/* from 1 */
	struct clb_str text;		/* scalar: decoded, never with U+0000 cut */
	const char *tag;		/* explicit tag in full, or NULL */
	int plain;			/* scalar: written without quotes */
	/*
	 * Sequence: its items. Mapping: key, value, key, value, … as written,
	 * merge keys and all. An alias stands as the node that it names.
	 */
	struct clb_yaml_node **child;
	size_t n, cap;
};

struct clb_yaml {
	char *name;			/* what messages call the document */
	struct clb_yaml_node *root;	/* NULL for an empty document */
	struct clb_arena arena;
};

/*
 * Parse n bytes. Returns 0, or -1 with e set to "name:line:column: what" and
 * the status given. y is to be released in either case.
 */
int clb_yaml_parse(struct clb_yaml *y, const char *name, const char *p, size_t n,
    int status, struct clb_err *e);
void clb_yaml_release(struct clb_yaml *y);

/* 1 if the node is null: absent, or a plain ~, null, Null, NULL or nothing. */
int clb_yaml_is_null(const struct clb_yaml_node *n);

/* 1 if a mapping's key is the merge key: a plain <<. */
int clb_yaml_is_merge(const struct clb_yaml_node *key);

#endif
