/*
 * A day of churn, as make bench-schedule draws it but with fewer targets: the
 * number of collectors follows the load and does not swing, balance holds, and
 * what balance moves stays where it is put.
 */
#include "testdata/bench/day.h"
#include "testdata/unit/check.h"

static struct day d;

int
main(void)
{
	const char *fault;

	d.size = 2000;
	d.per_replica = 100000;
	d.tolerance = 0.05;
	day_run(&d, 1);
	fault = day_fault(&d);
	CHECK(fault == NULL, "%s", fault);
	CHECK(d.changes > 5, "only %u changes: it does not follow", (unsigned)d.changes);
	CHECK(d.departed > 500, "only %llu moved when collectors drained or died",
	    (unsigned long long)d.departed);
	CHECK(d.sample[DAY_SECONDS / DAY_STEP - 1].desired < d.sample[DAY_GROWN / DAY_STEP].desired,
	    "it did not shrink");
	return check_end();
}
