/* update_owner.c - from root to the owner of a folder. */
#include "tools/update_owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int update_owner_become(const char *state_dir, struct why *why)
{
	const struct passwd *user;
	struct stat st;
	int failed;

	if (geteuid() != 0 || stat(state_dir, &st) != 0 || st.st_uid == 0)
		return 0;
	user = getpwuid(st.st_uid);
	if (user != NULL) /* with its groups: one may be for the control socket */
		failed = initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0;
	else
		failed = setgroups(0, NULL) != 0 || setgid(st.st_gid) != 0;
	if (failed || setuid(st.st_uid) != 0)
		return why_set(
		    why, ERR_SYS, "%s: to become its owner: %s", state_dir, strerror(errno));
	return 0;
}
