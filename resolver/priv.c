/* priv.c - giving up rights. */

#include "resolver/priv.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/caps.h"
#include "lib/log.h"

/* The entry of `name`.  *err: why none could be looked for; 0: there is none, getpwnam(3). */
static const struct passwd *look_up(const char *name, int *err)
{
	const struct passwd *user;

	do {
		errno = 0;
		user = getpwnam(name);
		*err = user != NULL ? 0 : errno;
	} while (*err == EINTR);
	if (*err == ENOENT || *err == ESRCH || *err == EBADF || *err == EPERM)
		*err = 0;
	return user;
}

/* The entry of `name`, or of the default users: the second only where it is sure that there is not the first, whose
 * files it could not read. */
static const struct passwd *find_user(const char *name, int *err)
{
	const struct passwd *user;

	if (name != NULL)
		return look_up(name, err);
	user = look_up(PRIV_USER, err);
	if (user != NULL || *err != 0)
		return user;
	user = look_up(PRIV_FALLBACK, err);
	if (user != NULL)
		log_warning("no-user", "there is no user " PRIV_USER ", running as " PRIV_FALLBACK
				       ": make one with: useradd --system " PRIV_USER);
	return user;
}

static int become(const struct passwd *user, struct why *why)
{
	/* Capabilities outlive the change of user for the moment; caps_keep() takes the rest. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return why_set(why, ERR_DENIED, "cannot become the user %s: %s", user->pw_name,
		    strerror(errno));
	return 0;
}

const char *priv_user_name(void)
{
	const struct passwd *user = getpwuid(geteuid());

	return user != NULL ? user->pw_name : "without a name";
}

int priv_become(const char *name, struct why *why)
{
	bool root = geteuid() == 0;
	const struct passwd *user;
	int err;

	if (root || name != NULL) {
		user = find_user(name, &err);
		if (err != 0)
			return why_set(why, ERR_SYS, "the users of this machine cannot be read: %s",
			    strerror(err));
		if (user == NULL)
			return why_set(why, ERR_NOTFOUND,
			    "there is no user %s on this machine: name one with --user",
			    name != NULL ? name : PRIV_USER);
		if (!root && user->pw_uid != geteuid())
			return why_set(why, ERR_DENIED,
			    "only root can become the user %s: leave out --user, or start as root",
			    name);
		err = root ? become(user, why) : 0;
		if (root && err == 0)
			log_info("user", "running as %s", user->pw_name);
		if (err < 0)
			return err;
	}
	if (caps_keep(CAPS_BIT(CAP_NET_BIND_SERVICE)) < 0)
		return why_set(why, ERR_SYS, "cannot give up rights: %s", strerror(errno));
	return 0;
}
