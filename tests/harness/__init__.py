"""What the tests need around the product: servers, a proxy, browsers, a websocket client."""
