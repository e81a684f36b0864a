"""Failures as the service words them."""

NAMES = {3: "INVALID_ARGUMENT", 5: "NOT_FOUND", 6: "ALREADY_EXISTS", 7: "FORBIDDEN", 8: "RESOURCE_EXHAUSTED", 11: "OUT_OF_RANGE", 12: "UNIMPLEMENTED",
         13: "INTERNAL", 14: "UNAVAILABLE", 16: "UNAUTHENTICATED"}


class Refusal(Exception):
    """`status` of HTTP, `code` of gRPC; the data plane and the control plane word it each in its own way."""

    def __init__(self, status, code, message, headers=()):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers)

    def body(self, control):
        if control:
            return {"error": {"code": NAMES[self.code], "message": self.message}, "status": self.status}
        return {"code": self.code, "message": self.message, "details": []}


def invalid(message):
    return Refusal(400, 3, message)
