#ifndef CLB_REWRITE_PART_H
#define CLB_REWRITE_PART_H

/* What the files of the room rewrite share, and nobody else. */
#include "lib/config_decode.h"
#include "lib/rewrite.h"
#include "lib/yaml_edit.h"

#define NONE CLB_YAML_MERGED
#define DEFAULT_INTERVAL "30s"

/* Names of fields: few, and each once. */
struct names {
	struct clb_str v[64];
	size_t n;
};

/* A job, and what its scrape config has in the end. */
struct plan {
	const struct clb_job *job;
	const struct clb_yaml_node *map;	/* as it is written; an alias, perhaps */
	int is_edited;			/* where it stands, and so for aliases of it */
	char *gone;			/* for each entry */
	size_t at;			/* in place of this entry the new ones come */
	struct clb_yaml_entry *add;
	size_t nadd;
	struct names discovery;		/* the fields to take out that it has nevertheless */
	unsigned needs;
	json_t *source, *rules;
};

/* A path that changes. */
struct path {
	const struct clb_yaml_node *node;
	struct clb_str text;
};

/* What becomes of relative paths. */
struct paths {
	const char *dir;	/* that they are to start at; NULL: they stay as they are */
	int are_copied;		/* written out elsewhere */
};

/* A Prometheus configuration in the document. */
struct section {
	const struct clb_yaml_node *map;
	const struct clb_yaml_node *list, *files;	/* scrape_configs and …_files, or NULL */
	size_t list_at, files_at;	/* their entries in map, or NONE where merged */
	size_t first, nlist, njob;	/* its jobs: those of the list, then those of files */
};

struct rewriting {
	const struct clb_config *c;
	const struct clb_rewrite_options *o;
	struct clb_yaml y;		/* as it is written, nothing expanded */
	struct clb_yaml_edit *ed;
	struct plan *plan;		/* for each job */
	const struct clb_yaml_node **list;	/* of scrape configs that stand in the text */
	size_t nlist;
	struct path *path;
	size_t npath;
	json_t *kept, *nothing;		/* what entries refer to, and [] in there */
	struct clb_arena arena;
	struct clb_err *e;
};

/* Record a failure at a node of the document (EX_CONFIG). Returns -1. */
int clb_rewrite_fail(struct rewriting *r, const struct clb_yaml_node *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Zeroes that live as long as the arena. */
void *clb_rewrite_alloc(struct rewriting *r, size_t count, size_t size);

/* 1 if it is the key of a field of a scrape config that leaves. */
int clb_rewrite_is_discovery(const struct clb_yaml_node *key);

/* 1 if entry i of the mapping counts, whatever is merged. */
int clb_rewrite_is_last(const struct clb_yaml_node *map, size_t i);

/* 1 if it is the key of a receiver that is Prometheus. */
int clb_rewrite_is_prometheus(const struct clb_yaml_node *key);

/* Whether the options are good. Returns 0, or -1 with e set (EX_USAGE). */
int clb_rewrite_check_options(struct rewriting *r);

/*
 * Find out what becomes of the job, whose scrape config is written in map;
 * is_written: it will be written out anew, with what is merged as it was.
 */
void clb_rewrite_plan(struct rewriting *r, struct plan *p, const struct clb_job *job,
    const struct clb_yaml_node *map, int is_written);

/* The paths of a scrape config; see rewrite_paths.c. Returns 0, or -1 with e set. */
int clb_rewrite_paths(struct rewriting *r, const struct clb_yaml_node *map,
    const struct paths *paths);

/* For struct clb_yaml_writer: the new text of a path. */
int clb_rewrite_path(const struct clb_yaml_node *n, struct clb_str *text, void *arg);

/* Warn of something at n, which is in file. */
void clb_rewrite_warn(const struct rewriting *r, const char *file, const struct clb_yaml_node *n,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Warn of what several collectors cannot do as one does. */
void clb_rewrite_warn_of_section(const struct rewriting *r, const struct section *s);
void clb_rewrite_warn_of_jobs(const struct rewriting *r, size_t first, size_t njob);

/* Whether the text means what it should. Returns 0, or -1 with e set (EX_SOFTWARE). */
int clb_rewrite_verify(struct rewriting *r, const struct clb_buf *text);

#endif
