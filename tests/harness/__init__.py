"""Servers, a proxy, browsers and a websocket client for the tests."""
