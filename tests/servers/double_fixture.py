"""The double of Qdrant for one test."""
from launched import Launched


class Double(Launched):
    def __init__(self, folder, *words, env=None):
        super().__init__("qdrant", folder, *words, env=env)

    @property
    def port(self):
        return self.state["grpc_port"]

    @property
    def rest(self):
        return f"http://127.0.0.1:{self.state['rest_port']}"

    def faults(self, **active):
        """Replaces the faults; none at all clears them."""
        self.put("faults.json", active or None)

    def client(self, **more):
        """The vendor's client, over gRPC."""
        from qdrant_client import QdrantClient
        more = {"host": "127.0.0.1", "prefer_grpc": True, "grpc_port": self.port, "port": self.state["rest_port"], "https": self.state["tls"],
                "check_compatibility": False, "timeout": 20, **more}
        return QdrantClient(**more)
