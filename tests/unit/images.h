/* images.h - for tests: the image of list texts. */
#ifndef TESTS_IMAGES_H
#define TESTS_IMAGES_H

#include <stdlib.h>
#include <string.h>

#include "blocklists/compile.h"

/* Of texts[0..n), each a list; of *len bytes.  NULL: one is none.  free() it. */
static inline uint8_t *image_of_texts(const char *const *texts, unsigned n, size_t *len)
{
	struct compile *c = compile_new();
	uint8_t *image = NULL;
	int err = c != NULL ? 0 : ERR_NOMEM;

	*len = 0;
	for (unsigned i = 0; i < n && err == 0; i++) {
		struct compile_source source = {
		    .name = "text", .text = texts[i], .len = strlen(texts[i])};

		err = compile_add(c, &source, NULL, NULL, NULL);
	}
	if (err == 0)
		err = compile_image(c, &image, len, NULL);
	compile_free(c);
	return err == 0 ? image : NULL;
}

#endif
