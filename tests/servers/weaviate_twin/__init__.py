"""An imitation of the calls to a Weaviate server that Vecferry and the vendor's own client make: the schema, tenants, aliases and objects over REST,
and records over gRPC with the messages that the vendor's client was generated with. It behaves as a server 1.35.2 was seen to: a class that is not there is
made by the first batch for it, a property that is not there by the first object that has it, a vector of another length is refused and its object
kept all the same, and nearly every failure over gRPC is UNKNOWN. All of it is in memory."""
