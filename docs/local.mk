# man pages and the documentation that is installed
