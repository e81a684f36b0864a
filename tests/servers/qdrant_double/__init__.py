"""A Qdrant server for tests: the vendor's own messages on the wire, a store of its own behind them.

No registry offers the server, so this imitates one, item by item as a real one was seen to behave. Every request is parsed by
the messages that qdrant-client generates from the vendor's protos, every filter, distance, payload path and order is evaluated by
the functions of that package's local mode, and every answer is read back by its client in the tests: the vendor judges what is
sent and what it means. The points themselves are kept here and not in local mode, which stores about 1,100 of them a second,
forgets index and optimizer settings, and never refuses what a server refuses. They are kept as they go over the wire, so that
a scroll copies bytes.

What is acknowledged survives `kill -9`: each request that changed something is in DIR/log before its answer leaves, and is
applied again at the next start.

Known limits: payload nested more than about 32 objects deep is not decoded (a server stores it, and its clients then fail on
reading it); several shards of one collection behave as one; snapshots, recommendations, groups and facets are unimplemented.
"""
