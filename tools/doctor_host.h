/* doctor_host.h - the clock, and room and rights in the folders. */
#ifndef QUELL_DOCTOR_HOST_H
#define QUELL_DOCTOR_HOST_H

#include <sys/statvfs.h>

#include "tools/doctor.h"

/* `built_s`: when this program was built; `synchronised`: says the kernel. */
void doctor_clock(
    struct doctor *d, const struct doctor_case *c, int64_t built_s, bool synchronised);

/* Ask the kernel whether somebody keeps its clock right. */
bool doctor_clock_synchronised(void);

/* The folder `path`, into which the user `owner` has to write. */
void doctor_folder(struct doctor *d, const char *path, const char *owner);

/* The room that is left where `path` is.  Returns whether something was said. */
bool doctor_room(struct doctor *d, const char *path, const struct statvfs *fs);

#endif
