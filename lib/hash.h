#ifndef CLB_HASH_H
#define CLB_HASH_H

/*
 * The hashes that leave the program. Their values are formats: ids are
 * compared between machines and versions, shards between clb and others.
 */
#include "lib/labels.h"

/*
 * A target's id: XXH64 (seed 0) of the job's name followed, for every label in
 * order, by the byte 0xff, the name, 0xff and the value. 0xff stands in no
 * UTF-8 text, so different targets are different inputs. scratch is storage.
 */
uint64_t clb_hash_target(struct clb_str job, const struct clb_labels *ls,
    struct clb_buf *scratch);

/*
 * The number that relabelling's hashmod takes modulo the modulus: the last 8
 * of MD5's 16 bytes, big endian (Prometheus 2.42 and 3.x).
 */
uint64_t clb_hash_md5_tail(const void *p, size_t n);

/* XXH64 with seed 0: what tells the streams of a mirror apart, see clb-mirror(5). */
uint64_t clb_hash_xxh64(const void *p, size_t n);

/* XXH3, for tables in memory; its values go nowhere. */
uint64_t clb_hash_bytes(const void *p, size_t n);

/* A set of ids. At most 32 bytes an id, while it grows; 0 is an id like others. */
struct clb_idset {
	uint64_t *slot;
	size_t n, cap;
	int has_zero;
};

/* Returns 1 if id was not in the set and is now, 0 if it was. */
int clb_idset_add(struct clb_idset *s, uint64_t id);
void clb_idset_release(struct clb_idset *s);

#endif
