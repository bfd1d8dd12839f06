#ifndef RANDOM_H
#define RANDOM_H

/* For simulations: the same numbers in every run (xorshift64*). */
#include <math.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t
random_number(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1dULL;
}

static inline struct random
random_from(uint64_t seed)
{
	struct random r = { seed * 0x9e3779b97f4a7c15ULL + 1 };

	for (int i = 0; i < 8; i++)
		(void)random_number(&r);
	return r;
}

static inline uint64_t
random_below(struct random *r, uint64_t n)
{
	return random_number(r) % n;
}

/* From 0 to 1, neither of them. */
static inline double
random_fraction(struct random *r)
{
	return ((double)(random_number(r) >> 12) + 0.5) * 0x1p-52;
}

static inline double
random_normal(struct random *r)
{
	double u = random_fraction(r), v = random_fraction(r);

	return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* A whole number from 1 on, half of them up to median. */
static inline uint64_t
random_lognormal(struct random *r, double median, double sigma)
{
	return 1 + (uint64_t)(median * exp(sigma * random_normal(r)));
}

#endif
