"""Decide who may connect and who may listen: origins, the app's hooks, the setting `authorize`."""
