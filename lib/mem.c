#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "lib/mem.h"

static void *
check(void *p)
{
	if (p == NULL) {
		fputs("clb: out of memory\n", stderr);
		exit(EX_TEMPFAIL);
	}
	return p;
}

void *
clb_xmalloc(size_t n)
{
	return check(malloc(n != 0 ? n : 1));
}

void *
clb_xcalloc(size_t count, size_t n)
{
	return check(calloc(count != 0 ? count : 1, n != 0 ? n : 1));
}

void *
clb_xrealloc(void *p, size_t n)
{
	return check(realloc(p, n != 0 ? n : 1));
}

void *
clb_xreallocarray(void *p, size_t count, size_t n)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, n, &bytes))
		check(NULL);
	return clb_xrealloc(p, bytes);
}

char *
clb_xstrdup(const char *s)
{
	return check(strdup(s));
}

char *
clb_xstrndup(const char *s, size_t n)
{
	return check(strndup(s, n));
}

char *
clb_xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) == -1)
		s = NULL;
	va_end(ap);
	return check(s);
}

int
clb_str_cmp(struct clb_str a, struct clb_str b)
{
	uint32_t n = a.n < b.n ? a.n : b.n;
	int c = n != 0 ? memcmp(a.s, b.s, n) : 0;

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

void
clb_buf_release(struct clb_buf *b)
{
	free(b->p);
	*b = (struct clb_buf){ NULL, 0, 0 };
}

void
clb_buf_grow(struct clb_buf *b, size_t n)
{
	size_t cap = b->cap != 0 ? b->cap : 256;

	while (cap - b->n < n)
		cap *= 2;
	b->p = clb_xrealloc(b->p, cap);
	b->cap = cap;
}

void
clb_buf_printf(struct clb_buf *b, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) == -1)
		check(NULL);
	va_end(ap);
	clb_buf_adds(b, s);
	free(s);
}

struct clb_arena_block {
	struct clb_arena_block *next;
	size_t used, size;
	max_align_t mem[];
};

void *
clb_arena_alloc(struct clb_arena *a, size_t n)
{
	struct clb_arena_block *b = a->blocks;
	size_t align = sizeof(max_align_t), size = 16384;
	char *p;

	n = (n + align - 1) / align * align;
	if (b == NULL || b->size - b->used < n) {
		if (a->spare != NULL && a->spare->size >= n) {
			b = a->spare;
			a->spare = b->next;
		} else {
			while (size < n)
				size *= 2;
			b = clb_xmalloc(sizeof(*b) + size);
			b->size = size;
		}
		b->used = 0;
		b->next = a->blocks;
		a->blocks = b;
	}
	p = (char *)b->mem + b->used;
	b->used += n;
	return p;
}

struct clb_str
clb_arena_str(struct clb_arena *a, const char *s, size_t n)
{
	char *p = clb_arena_alloc(a, n + 1);

	if (n != 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return (struct clb_str){ p, (uint32_t)n, 0 };
}

/* One block is kept for the next record; a burst's blocks are given back. */
void
clb_arena_clear(struct clb_arena *a)
{
	struct clb_arena_block *b = a->blocks;

	if (b == NULL)
		return;
	if (b->next == NULL) {
		b->used = 0;
		return;
	}
	a->blocks = b->next;
	b->next = NULL;
	clb_arena_release(a);
	a->spare = b;
}

static void
free_blocks(struct clb_arena_block *b)
{
	struct clb_arena_block *next;

	for (; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
}

void
clb_arena_release(struct clb_arena *a)
{
	free_blocks(a->blocks);
	free_blocks(a->spare);
	*a = (struct clb_arena){ NULL, NULL };
}
