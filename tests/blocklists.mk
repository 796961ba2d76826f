# tests of blocklists
