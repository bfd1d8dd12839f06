#ifndef CLB_SD_NAME_H
#define CLB_SD_NAME_H

/*
 * The names that collectors and jobs have as files. They stand in directories,
 * in URLs and in the configurations of collectors.
 */
#include "lib/mem.h"

#define CLB_SD_SUFFIX ".json"
#define CLB_SD_LIST_SUFFIX ".list"	/* of no job, and nothing that *.json matches */

/*
 * Append the name of a collector's directory, or of a job's file without its
 * suffix: bytes other than letters, digits, '.', '_', '~' and '-' as %XX, and a
 * space as '+'. So does Go's url.QueryEscape, which the clients of a target
 * allocator put into a path: there the name is the file's, as it comes. But a
 * dot in front is %2E, and a name too long for a file system is cut, and gets a
 * '=', which no other name has, and a hash. Different names stay different.
 */
void clb_sd_file_name(struct clb_buf *out, struct clb_str name);

/* Append name as url.QueryEscape makes it: not cut, and with any dot as it is. */
void clb_sd_query_escape(struct clb_buf *out, struct clb_str name);

/* 1 if name could be one that clb_sd_file_name makes, with or without a suffix. */
int clb_sd_is_file_name(const char *name);

#endif
