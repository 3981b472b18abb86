"""The ingress: one HAProxy a stack, between published host ports and replicas, so that replicas can be replaced.

`routes` (pure) seats replicas in the proxy's slots and says which commands lead from what the proxy does to what is
wanted. `config` (pure) writes its file, which holds the table too: a proxy that dies comes back with it. `runtime`
speaks to its sockets and reads back everything that it told. `sightings` tells by replica what was seen. `proxy`
brings these together for one stack and keeps the container through `engines.base.Own`. When a leaving replica may be
stopped is judged by `decide.drain`.

Nothing is remembered that counts: which replica has which slot is what the proxy says, and the key is the address.
After a reload the former process keeps its connections, and they are counted as long as it lives.
"""
