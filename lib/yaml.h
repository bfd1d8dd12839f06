#ifndef CLB_YAML_H
#define CLB_YAML_H

/*
 * A YAML document as a tree of nodes with places, read the way go-yaml v2 in
 * strict mode reads it (Prometheus 2.42 to 3.x). libyaml appears nowhere else.
 *
 * Only the first document of a file is read; what follows is not looked at.
 *
 * Duplicate keys and merge keys are for whoever decodes the tree: what they
 * mean depends on whether a mapping is a structure or a map.
 */
#include "lib/err.h"
#include "lib/mem.h"

/* Limits; what is beyond is an error. */
#define CLB_YAML_MAX_DEPTH 1000
#define CLB_YAML_MAX_ALIASED 1000000	/* nodes that aliases stand for, in all */

enum clb_yaml_kind { CLB_YAML_SCALAR, CLB_YAML_SEQUENCE, CLB_YAML_MAPPING };

struct clb_yaml_node {
	enum clb_yaml_kind kind;
	unsigned line, column;		/* from 1; the column counts characters */
	struct clb_str text;		/* scalar: decoded (!!binary too), may hold U+0000 */
	const char *tag;		/* explicit tag in full, or NULL */
	int plain;			/* scalar: written without quotes */
	int mark;			/* the tree's owner may use it; 0 at first */
	unsigned size;			/* nodes in it, itself and aliased ones included */
	/*
	 * Where it is written: from which byte of the input on and up to which,
	 * anchor and tag included, white space and comments around it not. An
	 * empty scalar is behind the colon, if there is one, or the dash.
	 */
	uint32_t start, end;
	int flow;			/* collection: written in brackets */
	int block;			/* scalar: "|" or ">"; 2: with the blank lines behind it */
	const char *anchor;		/* its name, or NULL */
	const struct clb_yaml_node *alias;	/* the node that this alias names, or NULL */
	/*
	 * Sequence: its items. Mapping: key, value, key, value, … as written,
	 * merge keys and all. An alias is a copy of the node that it names, with
	 * that one's line and children.
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
 * the status given. y is to be released in either case; it need not be
 * initialised.
 *
 * The value of every merge key is a mapping, or a list of mappings.
 */
int clb_yaml_parse(struct clb_yaml *y, const char *name, const char *p, size_t n,
    int status, struct clb_err *e);
void clb_yaml_release(struct clb_yaml *y);

/*
 * The end of the line that begins at p, and in *next where the one behind it
 * begins: lines end as YAML 1.1 has it, in CR, LF, CR LF, NEL, LS, PS, or at end.
 */
const char *clb_yaml_line(const char *p, const char *end, const char **next);

/* 1 if the node is null: absent, or a plain ~, null, Null, NULL or nothing. */
int clb_yaml_is_null(const struct clb_yaml_node *n);

/* 1 if a mapping's key is the merge key: a plain <<. */
int clb_yaml_is_merge(const struct clb_yaml_node *key);

/*
 * The value of the field name of the structure that the mapping is: that of the
 * last entry or merge key that has it; of merged mappings in a list the first
 * wins. NULL if there is none. Unless entry is NULL, *entry is the number of its
 * entry, or CLB_YAML_MERGED.
 */
#define CLB_YAML_MERGED SIZE_MAX
const struct clb_yaml_node *clb_yaml_field(const struct clb_yaml_node *map, struct clb_str name,
    size_t *entry);

/* What a scalar is: a quoted one is a string, a plain one what it looks like. */
enum clb_yaml_type {
	CLB_YAML_NULL, CLB_YAML_BOOL, CLB_YAML_INT, CLB_YAML_FLOAT, CLB_YAML_STRING
};

struct clb_yaml_value {
	enum clb_yaml_type type;
	int negative;		/* int: minus u */
	uint64_t u;		/* bool: 0 or 1; int: its magnitude */
	double f;		/* float */
};

/*
 * Resolve a scalar, its explicit tag considered. Returns 0, or -1 if the text
 * does not fit the tag (!!int x). Timestamps count as strings.
 */
int clb_yaml_resolve(const struct clb_yaml_node *n, struct clb_yaml_value *v);

#endif
