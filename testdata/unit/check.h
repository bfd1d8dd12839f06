#ifndef CHECK_H
#define CHECK_H

/* For tests in C: a failed check says where and what, and the test fails. */
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>

static int failures;

#define CHECK(cond, ...) do { \
	if (!(cond)) { \
		failures++; \
		fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond); \
		fprintf(stderr, __VA_ARGS__); \
		putc('\n', stderr); \
	} \
} while (0)

/* The same numbers in every run (xorshift64*). */
static inline uint64_t
check_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

static inline int
check_end(void)
{
	if (failures > 0)
		fprintf(stderr, "%d checks failed\n", failures);
	return failures > 0;
}

#endif
