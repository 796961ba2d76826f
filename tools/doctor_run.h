/* doctor_run.h - `quellctl doctor`: gather what can be known, and have every check look at it.
 *
 * Nothing is changed.  Bounded in time: quelld has DOCTOR_WAIT_S for each of its answers, and is
 * not asked again when it was late; all questions over the network are asked at once and have as
 * long together: less than 10 s in all.
 */
#ifndef QUELL_DOCTOR_RUN_H
#define QUELL_DOCTOR_RUN_H

#include <stdbool.h>

#define DOCTOR_WAIT_S 2

/* Look at this machine, by the configuration `conf_path` (NULL: the compiled-in one) and the
 * quelld at `control` (NULL: as the configuration says), and print what was found.  Returns the
 * exit status: 0 well, 1 warnings, 2 bad. */
int doctor_run(const char *conf_path, const char *control, bool json);

#endif
