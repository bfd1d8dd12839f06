#ifndef CLB_SECRETS_H
#define CLB_SECRETS_H

/*
 * The secrets that stand in scrape configs themselves, not in files that these
 * name, and scrape configs as a target allocator serves them.
 *
 * Discovery is not looked at, as collectors do without.
 */
#include "lib/config.h"

struct clb_secret {
	struct clb_place place;
	const char *key;	/* "basic_auth.password" */
	int is_masked;		/* the text <secret>: pasted from where secrets are hidden */
};

/* Call found for every secret of the job, in the order of the fields' names. */
void clb_secrets(const struct clb_job *job, void (*found)(const struct clb_job *job,
    const struct clb_secret *s, void *arg), void *arg);

struct clb_scrape_configs_options {
	int allow_inline_secrets;
	/* For each secret that stands in the way, but the last. NULL: none. */
	void (*tell)(const struct clb_err *e);
};

/*
 * Append {"job":{…},…} with every field of every scrape config and every
 * default, with secrets as they are: JSON that YAML readers take, too. Of
 * discovery and relabelling there is what unpacks the targets.
 *
 * Returns 0, or -1 with e set: EX_NOPERM (there are secrets, and these are not
 * allowed), EX_CONFIG (a secret is the text <secret>).
 */
int clb_scrape_configs(const struct clb_config *c, const struct clb_scrape_configs_options *o,
    struct clb_buf *out, struct clb_err *e);

/* Fails, with e set (EX_CONFIG), if a secret of any job is the text <secret>. */
int clb_secrets_check(const struct clb_config *c, struct clb_err *e);

#endif
