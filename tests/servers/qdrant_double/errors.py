"""What the server answers when it refuses."""
import grpc

Code = grpc.StatusCode


class Refused(Exception):
    """A status other than OK. `applied`: the state may have changed all the same, so the request belongs in the log."""

    def __init__(self, code, message, trailers=(), applied=False):
        super().__init__(message)
        self.code, self.message, self.trailers, self.applied = code, message, tuple(trailers), applied


def invalid(message, **more):
    return Refused(Code.INVALID_ARGUMENT, message, **more)


def wrong_input(message, **more):
    return invalid(f"Wrong input: {message}", **more)


def bad_request(message):
    return invalid(f"Bad request: {message}")


def validation(what):
    return invalid(f"Validation error in body: [{what}]")


def not_found(message, **more):
    return Refused(Code.NOT_FOUND, f"Not found: {message}", **more)


def no_collection(name):
    return not_found(f"Collection `{name}` doesn't exist!")


def unimplemented():
    return Refused(Code.UNIMPLEMENTED, "")
