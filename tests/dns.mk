# tests of dns
