#ifndef CLB_SD_PART_H
#define CLB_SD_PART_H

/*
 * What the files of the room sd share, and nobody else: who is to have which
 * files, and what is in them.
 */
#include "lib/intern.h"
#include "lib/publish.h"
#include "lib/sd.h"

/* What is known of a collector. */
struct clb_sd_share {
	uint64_t targets, weight;
	/* From the file of collectors; absent: n == 0. capacity is a number's text. */
	struct clb_str state, node, zone, capacity;
};

/* One file: how many targets it has, and a hash of its content. */
struct clb_sd_file {
	uint64_t targets, version;
};

struct clb_sd_site {
	const struct clb_sd_options *o;
	struct clb_publish *p;
	struct clb_intern collectors, jobs;
	struct clb_sd_share *share;	/* by the collector's number */
	uint32_t nshares;
	/* Once all is read: numbers in the order of names, and a file for each two. */
	uint32_t *collector, *job;
	struct clb_sd_file *file;	/* [place of the collector * jobs.n + place of the job] */
	struct clb_buf scrape_configs, private_scrape_configs;
	struct clb_arena arena;
	struct clb_buf name, text;	/* scratch */
};

/* The number of the collector called name, which may be new. */
uint32_t clb_sd_collector(struct clb_sd_site *s, struct clb_str name);

/* Read the file of collectors. Returns 0, or -1 with e set (EX_DATAERR, EX_NOINPUT). */
int clb_sd_read_collectors(struct clb_sd_site *s, const char *path, struct clb_err *e);

/*
 * Read scrape configs into out; their jobs are noted. Refused is what would make
 * a collector use the text <secret> for a secret.
 * Returns 0, or -1 with e set (EX_DATAERR, EX_NOINPUT).
 */
int clb_sd_read_scrape_configs(struct clb_sd_site *s, struct clb_buf *out, const char *path,
    struct clb_err *e);

/* Write all of the tree but the files of targets. Returns 0, or -1 with e set. */
int clb_sd_tree_write(struct clb_sd_site *s, struct clb_err *e);

/* s->name is the path of the file of a collector and a job below the directory. */
void clb_sd_path(struct clb_sd_site *s, struct clb_str collector, struct clb_str job);

#endif
