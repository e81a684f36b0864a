"""The vendor's generated messages."""
import sys

import weaviate.proto.v1 as _vendor

sys.path.insert(0, _vendor.__path__[0] + "/v6300")
from v1 import aggregate_pb2, base_pb2, base_search_pb2, batch_delete_pb2, batch_pb2, properties_pb2, search_get_pb2, tenants_pb2  # noqa: E402,F401
