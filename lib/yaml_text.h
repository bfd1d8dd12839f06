#ifndef CLB_YAML_TEXT_H
#define CLB_YAML_TEXT_H

/*
 * YAML on one line: texts, JSON values and nodes as they can stand in any place
 * of a document, in brackets or not. What is written is read back as the same
 * by go-yaml, libyaml and, but for tags and plain texts, by JSON parsers.
 */
#include <jansson.h>

#include "lib/yaml.h"

enum clb_yaml_style {
	CLB_YAML_READABLE,	/* no more quotes than needed */
	CLB_YAML_AS_JSON	/* what is JSON */
};

/* Append s as a scalar that is a string. */
void clb_yaml_string(struct clb_buf *out, struct clb_str s, enum clb_yaml_style style);

/*
 * Append JSON text with escapes for what YAML does not take in a string as it
 * is: DEL, U+0080 to U+009F, U+2028, U+2029, U+FEFF, U+FFFE and U+FFFF.
 */
void clb_yaml_escape(struct clb_buf *out, struct clb_str json);

/* Append v: {a: b, c: [d]}. */
void clb_yaml_json(struct clb_buf *out, const json_t *v, enum clb_yaml_style style);

/* 1 if what is written in n is v: texts are compared as they stand, not resolved. */
int clb_yaml_is_json(const struct clb_yaml_node *n, const json_t *v);

/*
 * How to write nodes. Texts for which replace (NULL: none) returns 1 are written
 * as what it puts into *text.
 */
struct clb_yaml_writer {
	int double_dollars;	/* every $ is written as $$ */
	int (*replace)(const struct clb_yaml_node *n, struct clb_str *text, void *arg);
	void *arg;
};

/* Append the node n and all in it, aliases written out and anchors left away. */
void clb_yaml_node(struct clb_buf *out, const struct clb_yaml_node *n,
    const struct clb_yaml_writer *w);

#endif
