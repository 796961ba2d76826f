/* update_report.h - what a run came to, for people (text) and for programs (one JSON object). */
#ifndef QUELL_UPDATE_REPORT_H
#define QUELL_UPDATE_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "lib/err.h"
#include "tools/update_list.h"

/* What became of the image, and of the message to quelld. */
enum update_image {
	UPDATE_IMAGE_FAILED, /* the old one stays */
	UPDATE_IMAGE_WRITTEN,
	UPDATE_IMAGE_UNCHANGED,
	UPDATE_IMAGE_DRY, /* would have been written */
	UPDATE_IMAGES
};

enum update_told {
	UPDATE_TOLD_NOT_NEEDED,
	UPDATE_TOLD_RELOADED,
	UPDATE_TOLD_NOT_RUNNING,
	UPDATE_TOLD_FAILED,
	UPDATE_TOLDS
};

struct update_result {
	const struct update_list *lists; /* borrowed, n_lists of them */
	unsigned n_lists;
	const struct update_watch *watch; /* borrowed: what the lists' facts are of */
	const char *state_dir;
	enum update_image image;
	struct why image_why; /* of UPDATE_IMAGE_FAILED */
	uint64_t n_rules;     /* distinct ones, in the image */
	uint64_t image_len;
	enum update_told told;
	struct why told_why; /* of UPDATE_TOLD_FAILED and _NOT_RUNNING */
	uint64_t n_written;  /* bytes that went to the disk */
	int exit_code;
};

void update_report_text(FILE *to, const struct update_result *r);
void update_report_json(FILE *to, const struct update_result *r);

#endif
