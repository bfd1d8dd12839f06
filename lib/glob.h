#ifndef CLB_GLOB_H
#define CLB_GLOB_H

/*
 * File name patterns as Go's filepath.Glob reads them, because file_sd and
 * scrape_config_files are defined by it. Unlike glob(3): dotfiles match a star,
 * a question mark is one UTF-8 character, only ^ negates a class, a malformed
 * pattern is an error, and no locale has a say.
 */
#include "lib/err.h"
#include "lib/mem.h"

struct clb_glob {
	char **path;	/* owned; each a NUL-terminated string */
	size_t n, cap;
};

/*
 * Append to g every existing path that pattern matches, directories in the
 * order of their names, the names in each sorted by bytes. A pattern without
 * any of * ? [ \ stands for itself and is appended as written if it exists;
 * the paths of a real pattern are cleaned (no "//", no "x/..").
 *
 * No match is no failure. Returns 0, or -1 with e set: EX_CONFIG for a
 * malformed pattern (Prometheus logs that and goes on without the pattern),
 * EX_NOINPUT for a directory that exists and cannot be read. Prometheus takes
 * the latter for an empty one; here the caller shall be able to keep what it
 * had. g keeps what it held before in any case.
 */
int clb_glob(struct clb_glob *g, const char *pattern, struct clb_err *e);
void clb_glob_release(struct clb_glob *g);

/* 1 if pattern is well-formed. */
int clb_glob_valid(const char *pattern);

/*
 * 1 if the well-formed pattern matches all of name, a single path component;
 * a slash in either is a character like others.
 */
int clb_glob_match(const char *pattern, const char *name);

#endif
