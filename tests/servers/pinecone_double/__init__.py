"""A Pinecone service for tests: its REST API, control plane and data plane, with the limits that the vendor documents.

No registry offers the service, so this imitates one as its documentation and the requests of its official client say. The tests
drive it with that client (test_pinecone_double.py): what the client cannot read, or does not take for its own exception, fails there.
Each index has a port of its own, as each has a host at the vendor's.

Kept of the vendor's: at most 1,000 records and 2 MB an upsert, 40 KB of metadata a record, flat metadata of strings, numbers
(float64), booleans and lists of strings, ids of 1 to 512 ASCII characters, lists of 100 ids, 1,000 ids a fetch and a bound on the
length of a URL, top_k of 10,000, vectors that are not zero, sparse values beside dense ones only with the dot product, pod indexes
that do not list. Writes are seen by reads only after a lag; each answer says by the sequence numbers how far it is.

What is acknowledged survives `kill -9`: each request that changed something is in DIR/log before its answer leaves, and is
applied again at the next start.

Known limits: no inference, imports, backups, or filters beyond comparisons, $in, $and and $or.
"""
