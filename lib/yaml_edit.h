#ifndef CLB_YAML_EDIT_H
#define CLB_YAML_EDIT_H

/*
 * Changes to the text of a YAML document by its tree. What is not changed keeps
 * its bytes, and what means something because of a part that leaves goes on to
 * mean it: where the node of an anchor leaves and an alias of it stays, the node
 * is written out there.
 *
 * The tree, the text and all that is handed in must outlive the editor; JSON
 * values are referred to.
 */
#include "lib/yaml_text.h"

struct clb_yaml_edit;

/* An editor of the document y, which was parsed from the n bytes at text. */
struct clb_yaml_edit *clb_yaml_edit_new(const struct clb_yaml *y, const char *text, size_t n);
void clb_yaml_edit_free(struct clb_yaml_edit *ed);

/* An entry to add, with one of these values. */
struct clb_yaml_entry {
	const char *key;
	const json_t *json;
	const struct clb_yaml_items *items;
	struct clb_str text;	/* YAML on one line */
};

/* A list of mappings; item i has n[i] of the entries, which stand one behind the other. */
struct clb_yaml_items {
	const struct clb_yaml_entry *entry;
	const size_t *n;
	size_t count;
};

/*
 * Change the entries of a mapping, which is not an alias: entry i, that is
 * child[2 * i], leaves where gone[i] is 1. The n entries of add come in place of
 * entry at, which leaves, or behind the last one that stays if there is no such
 * entry. One stays, or one is added. To be called once for a mapping.
 */
void clb_yaml_edit_mapping(struct clb_yaml_edit *ed, const struct clb_yaml_node *map,
    const char *gone, size_t at, const struct clb_yaml_entry *add, size_t n);

/* Add mappings at the end of a sequence, which is not an alias. */
void clb_yaml_edit_append(struct clb_yaml_edit *ed, const struct clb_yaml_node *seq,
    const struct clb_yaml_items *items);

/* Write a mapping of these entries in place of the node; its anchor stays. */
void clb_yaml_edit_node(struct clb_yaml_edit *ed, const struct clb_yaml_node *node,
    const struct clb_yaml_entry *add, size_t n);

/* Write the scalar as this string; nodes that are written out have it, too. */
void clb_yaml_edit_string(struct clb_yaml_edit *ed, const struct clb_yaml_node *n,
    struct clb_str text);

/*
 * Changes below this node are meant for all aliases that are in such a node.
 * They are not for other aliases: if one needs a node that is changed, finishing
 * fails.
 */
void clb_yaml_edit_scope(struct clb_yaml_edit *ed, const struct clb_yaml_node *n);

/*
 * Append the document as it is now. Returns 0, or -1 with e set (EX_CONFIG) if
 * an alias stands in the way.
 */
int clb_yaml_edit_finish(struct clb_yaml_edit *ed, struct clb_buf *out, struct clb_err *e);

#endif
