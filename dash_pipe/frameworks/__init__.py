"""Put the endpoint on the app of a web framework. One module for each framework."""
