"""The parts of qdrant-client that the double runs on.

The package's own start-up imports every client it has, 1.2 s; its messages alone take 0.2 s. Tests that kill and start the
double dozens of times notice, so the package is entered without that and local mode is imported when first needed.
"""
import importlib
import importlib.util
import sys
import types


def _enter_package():
    if "qdrant_client" in sys.modules:
        return
    spec = importlib.util.find_spec("qdrant_client")
    package = types.ModuleType("qdrant_client")
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    sys.modules["qdrant_client"] = package


_enter_package()
pb = importlib.import_module("qdrant_client.grpc")


def local(module):
    """A module of the vendor's local mode, by name: payload_filters, distances, ..."""
    return importlib.import_module(f"qdrant_client.local.{module}")


def conversion():
    return importlib.import_module("qdrant_client.conversions.conversion")


def models():
    return importlib.import_module("qdrant_client.http.models")


def payload_as_json(payload):
    """A dict from a payload map of messages; integers and doubles stay what they are."""
    to_json = conversion().value_to_json
    return {key: to_json(value) for key, value in payload.items()}
