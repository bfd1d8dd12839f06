/* How many collectors there should be. */
#include "lib/scale.h"
#include "testdata/unit/check.h"

static void
check(struct clb_scale s, uint64_t desired, const char *rule)
{
	struct clb_scale_answer a = clb_scale(&s);

	CHECK(a.desired == desired && strcmp(a.rule, rule) == 0, "%llu targets: %llu by %s",
	    (unsigned long long)s.targets, (unsigned long long)a.desired, a.rule);
}

/* No collector has more than it should, and with one less some would. */
static void
test_fewest(void)
{
	uint64_t seed = 99;

	for (int i = 0; i < 10000; i++) {
		struct clb_scale s = { check_random(&seed) % 100000,
		    1 + check_random(&seed) % 1000, 0, UINT64_MAX, UINT64_MAX };
		uint64_t n = clb_scale(&s).desired;

		CHECK(n * s.targets_per_replica >= s.targets, "%llu are too few",
		    (unsigned long long)n);
		CHECK(n == 0 || (n - 1) * s.targets_per_replica < s.targets, "%llu are too many",
		    (unsigned long long)n);
	}
}

int
main(void)
{
	check((struct clb_scale){ 1000, 100, 1, 50, UINT64_MAX }, 10, "targets");
	check((struct clb_scale){ 1001, 100, 1, 50, UINT64_MAX }, 11, "targets");
	check((struct clb_scale){ 0, 100, 1, 50, UINT64_MAX }, 1, "min");
	check((struct clb_scale){ 0, 100, 0, 50, UINT64_MAX }, 0, "targets");
	check((struct clb_scale){ 5001, 100, 1, 50, UINT64_MAX }, 50, "max");
	check((struct clb_scale){ 5000, 100, 1, 50, UINT64_MAX }, 50, "targets");
	check((struct clb_scale){ UINT64_MAX, 1, 1, UINT64_MAX, UINT64_MAX }, UINT64_MAX, "targets");
	check((struct clb_scale){ UINT64_MAX, 2, 3, UINT64_MAX, 3 }, UINT64_MAX / 2 + 1, "targets");
	test_fewest();
	return check_end();
}
