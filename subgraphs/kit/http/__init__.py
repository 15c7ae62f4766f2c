"""The HTTP side of a service, as pure ASGI: `BaseHTTPMiddleware` costs more than the requests it watches."""
