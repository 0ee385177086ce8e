"""Hosts: the thin code between a web server and the hub. A module a kind of server."""
