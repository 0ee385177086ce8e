"""The plain-HTTP half of the endpoint: poll, info and poke. A request in, an answer out."""
