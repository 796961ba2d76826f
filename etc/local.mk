# the example configuration and the systemd units
