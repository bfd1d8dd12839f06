#ifndef CLB_COLLECTOR_H
#define CLB_COLLECTOR_H

/*
 * The collectors that targets can go to: their list as it is told on the
 * command line or in a file, whose format is in clb-schedule(1).
 */
#include "lib/intern.h"
#include "lib/schedule.h"
#include "lib/stream.h"

/*
 * A collector's number is its place in the order of names. Behind the nseats
 * that there are, names has those of collectors that are gone.
 */
struct clb_collectors {
	struct clb_intern names, nodes, zones;
	struct clb_seat *seat;
	uint32_t nseats;
};

void clb_collectors_release(struct clb_collectors *c);

/* Collectors <prefix>0 to <prefix>n-1, all ready. c is zero-initialised. */
void clb_collectors_number(struct clb_collectors *c, uint32_t n, const char *prefix);

/*
 * Collectors from JSON Lines: {"name":NAME,"state":STATE,"node":NODE,
 * "zone":ZONE,"capacity":WEIGHT}, of which all but the name may be missing.
 * Unknown fields are ignored. c is zero-initialised. Returns 0, or -1 with e
 * set (EX_DATAERR with line and column, EX_NOINPUT).
 */
int clb_collectors_read(struct clb_collectors *c, struct clb_stream *s, struct clb_err *e);

/* The most that each may have; a collector's own capacity stays if it is less. */
void clb_collectors_limit(struct clb_collectors *c, uint64_t max_targets, uint64_t max_weight);

/* "ready", "pending" or "draining". */
const char *clb_state_name(enum clb_state state);

#endif
