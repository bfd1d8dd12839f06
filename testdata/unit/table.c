/* A table holds what a plain array would, through any puts and removals. */
#include "lib/table.h"
#include "testdata/unit/check.h"

#define KEYS 600

/* Keys that fall on few places, so that they push each other away. */
static uint64_t
key_of(size_t i)
{
	return (uint64_t)(i % 7 + 1) + ((uint64_t)i << 32);
}

int
main(void)
{
	static uint64_t want[KEYS];
	struct clb_table t = { NULL, 0, 0 };
	uint64_t seed = 5;
	size_t n = 0;

	clb_table_remove(&t, 1);
	CHECK(clb_table_get(&t, 1) == 0, "an empty table");
	for (int round = 0; round < 20000; round++) {
		size_t i = (size_t)(check_random(&seed) % KEYS);
		int put = check_random(&seed) % 10 < (uint64_t)(round % 4000 < 2000 ? 7 : 3);
		uint64_t value = put ? check_random(&seed) | 1 : 0;

		n += (size_t)put - (want[i] != 0);
		want[i] = value;
		if (put)
			clb_table_put(&t, key_of(i), value);
		else
			clb_table_remove(&t, key_of(i));
		CHECK(t.n == n, "round %d: %zu, not %zu", round, t.n, n);
		for (size_t k = 0; round % 50 == 0 && k < KEYS; k++)
			CHECK(clb_table_get(&t, key_of(k)) == want[k], "round %d, key %zu", round, k);
	}
	clb_table_release(&t);
	return check_end();
}
