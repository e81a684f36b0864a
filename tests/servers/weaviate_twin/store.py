"""What the server holds: classes, aliases, tenants and objects."""
import copy
import re
import threading
import time

_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,230}")
_CLASS = re.compile(r"[A-Z][_0-9A-Za-z]{0,254}")
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TYPES = {"text", "string", "int", "number", "boolean", "date", "uuid", "blob", "geoCoordinates", "phoneNumber", "object"}
_DISTANCES = {"cosine", "dot", "l2-squared", "hamming", "manhattan"}


class Refused(Exception):
    """What a call is answered with: an HTTP status and words."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


# What the server fills in.
_INVERTED = {"bm25": {"b": 0.75, "k1": 1.2}, "cleanupIntervalSeconds": 60, "stopwords": {"additions": None, "preset": "en", "removals": None}, "usingBlockMaxWAND": True}
_REPLICATION = {"asyncEnabled": False, "deletionStrategy": "NoAutomatedResolution", "factor": 1}
_SHARDING = {"actualCount": 1, "actualVirtualCount": 128, "desiredCount": 1, "desiredVirtualCount": 128, "function": "murmur3", "key": "_id", "strategy": "hash", "virtualPerPhysical": 128}
_HNSW = {
    "bq": {"enabled": False}, "cleanupIntervalSeconds": 300, "distance": "cosine", "dynamicEfFactor": 8, "dynamicEfMax": 500, "dynamicEfMin": 100, "ef": -1, "efConstruction": 128,
    "filterStrategy": "acorn", "flatSearchCutoff": 40000, "maxConnections": 32,
    "multivector": {"aggregation": "maxSim", "enabled": False, "muvera": {"dprojections": 16, "enabled": False, "ksim": 4, "repetitions": 10}},
    "pq": {"bitCompression": False, "centroids": 256, "enabled": False, "encoder": {"distribution": "log-normal", "type": "kmeans"}, "segments": 0, "trainingLimit": 100000},
    "rq": {"bits": 8, "enabled": False, "rescoreLimit": 20}, "skip": False, "skipDefaultQuantization": False, "sq": {"enabled": False, "rescoreLimit": 20, "trainingLimit": 100000},
    "trackDefaultQuantization": False, "vectorCacheMaxObjects": 1000000000000}
_FLAT_PART = {"cache": False, "enabled": False, "rescoreLimit": -1}
_FLAT = {"bq": _FLAT_PART, "distance": "cosine", "pq": _FLAT_PART, "rq": {"bits": 8, **_FLAT_PART}, "sq": _FLAT_PART, "skipDefaultQuantization": False, "trackDefaultQuantization": False,
         "vectorCacheMaxObjects": 1000000000000}


def _index(kind, config):
    made = copy.deepcopy(_FLAT if kind == "flat" else _HNSW)
    for key, value in (config or {}).items():
        if isinstance(value, dict) and isinstance(made.get(key), dict):
            made[key].update(value)
        elif value is not None:
            made[key] = value
    if made["distance"] not in _DISTANCES:
        raise Refused(422, f"distance {made['distance']} is not known")
    return made


class Held:
    """An object."""

    def __init__(self, properties, vector, vectors):
        self.properties, self.vector, self.vectors = properties, vector, vectors
        self.time = int(time.time() * 1000)


class Store:
    def __init__(self):
        self.lock = threading.RLock()
        self.classes, self.aliases, self.tenants, self.objects = {}, {}, {}, {}

    # ---- classes
    def resolve(self, name):
        return self.aliases.get(name, name)

    def find(self, name):
        return self.classes.get(self.resolve(name))

    def create(self, body):
        name = body.get("class", "")
        name = name[:1].upper() + name[1:]
        if not _CLASS.fullmatch(name):
            raise Refused(422, f"'{name}' is not a valid class name")
        if name in self.classes or name in self.aliases:
            raise Refused(422, f"class name {name} already exists")
        named = body.get("vectorConfig") or {}
        if named and (body.get("vectorIndexType") or body.get("vectorizer")):
            raise Refused(422, "creating a class with both a class level vector index and named vectors is forbidden")
        tenancy = {"autoTenantActivation": False, "autoTenantCreation": False, "enabled": False, **(body.get("multiTenancyConfig") or {})}
        made = {"class": name, "properties": [], "multiTenancyConfig": tenancy, "invertedIndexConfig": {**_INVERTED, **(body.get("invertedIndexConfig") or {})},
                "replicationConfig": {**_REPLICATION, **(body.get("replicationConfig") or {})}, "shardingConfig": {} if tenancy["enabled"] else dict(_SHARDING)}
        if body.get("description"):
            made["description"] = body["description"]
        if named:
            made["vectorConfig"] = {vector: self._vector(vector, config) for vector, config in named.items()}
        else:
            made.update(vectorizer=body.get("vectorizer") or "none", vectorIndexType=body.get("vectorIndexType") or "hnsw",
                        vectorIndexConfig=_index(body.get("vectorIndexType"), body.get("vectorIndexConfig")))
        self.classes[name] = made
        self.objects[name] = {}
        self.tenants[name] = {}
        try:
            for each in body.get("properties") or []:
                self.add_property(name, each)
        except Refused:
            del self.classes[name]
            raise
        return made

    @staticmethod
    def _vector(name, config):
        if not _NAME.fullmatch(name):
            raise Refused(422, f'class.VectorConfig target vector name "{name}" is not valid')
        return {"vectorizer": config.get("vectorizer") or {"none": {}}, "vectorIndexType": config.get("vectorIndexType") or "hnsw",
                "vectorIndexConfig": _index(config.get("vectorIndexType"), config.get("vectorIndexConfig"))}

    def update(self, name, body):
        held = self.need(name)
        for vector, config in (body.get("vectorConfig") or {}).items():
            held.setdefault("vectorConfig", {}).setdefault(vector, self._vector(vector, config))
        for key in ("description", "invertedIndexConfig", "multiTenancyConfig"):
            if key in body:
                held[key] = body[key]
        return held

    def need(self, name):
        held = self.find(name)
        if held is None:
            raise Refused(404, "")
        return held

    def drop(self, name):
        if name in self.classes:
            del self.classes[name], self.objects[name], self.tenants[name]
            self.aliases = {alias: of for alias, of in self.aliases.items() if of != name}

    def add_property(self, name, body):
        held = self.need(name)
        body = copy.deepcopy(body)
        own = body.get("name", "")
        body["name"] = own[:1].lower() + own[1:]
        if not _NAME.fullmatch(body["name"]) or body["name"] in ("id", "_id") or body["name"].startswith("_additional"):
            raise Refused(422, f"'{own}' is not a valid property name")
        if body["name"].lower() in {each["name"].lower() for each in held["properties"]}:
            raise Refused(422, f'class "{name}": conflict for property "{body["name"]}": already in use or provided multiple times')
        self._check_type(body)
        text = body["dataType"][0] in ("text", "text[]")
        body = {"indexFilterable": True, "indexRangeFilters": False, "indexSearchable": text, **({"tokenization": "word"} if text else {}), **body}
        held["properties"].append(body)
        return body

    def _check_type(self, body):
        types = body.get("dataType") or []
        plain = types[0].removesuffix("[]") if types else ""
        if plain not in _TYPES and any(each not in self.classes for each in types) or not types or types[0] in ("blob[]", "geoCoordinates[]", "phoneNumber[]"):
            raise Refused(422, f"property '{body['name']}': invalid dataType: {types}")
        if plain == "object":
            if not body.get("nestedProperties"):
                raise Refused(422, f"property '{body['name']}': At least one nested property is required for data type object/object[]")
            for each in body["nestedProperties"]:
                if not _NAME.fullmatch(each.get("name", "")):
                    raise Refused(422, f"'{each.get('name')}' is not a valid nested property name")
                self._check_type(each)
                each.setdefault("indexFilterable", True)
                each.setdefault("indexSearchable", False)

    # ---- aliases
    def set_alias(self, alias, name, new):
        if name not in self.classes:
            raise Refused(422, f"class {name} does not exist")
        if new and (alias in self.aliases or alias in self.classes):
            raise Refused(422, f"alias {alias} or a class of that name already exists")
        if not new and alias not in self.aliases:
            raise Refused(404, "")
        self.aliases[alias] = name

    # ---- tenants
    def many(self, name):
        held = self.need(name)
        if not held["multiTenancyConfig"]["enabled"]:
            raise Refused(422, f"multi-tenancy is not enabled for class {name}")
        return self.tenants[held["class"]]

    def add_tenants(self, name, bodies):
        tenants = self.many(name)
        for body in bodies:
            if not _TENANT.fullmatch(body.get("name", "")):
                raise Refused(422, f"'{body.get('name')}' is not a valid tenant name")
        for body in bodies:
            tenants.setdefault(body["name"], _status(body))
            self.objects[self.resolve(name)].setdefault(body["name"], {})

    def set_tenants(self, name, bodies):
        tenants = self.many(name)
        gone = [body["name"] for body in bodies if body["name"] not in tenants]
        if gone:
            raise Refused(422, f"updating schema: TYPE_UPDATE_TENANT: shard not found: {gone}")
        for body in bodies:
            tenants[body["name"]] = _status(body)

    def drop_tenants(self, name, names):
        tenants = self.many(name)
        for each in names:
            tenants.pop(each, None)
            self.objects[self.resolve(name)].pop(each, None)

    # ---- objects
    def shard(self, name, tenant):
        """uuid -> object. Raises KeyError with words where it cannot be."""
        held = self.find(name)
        if held is None:
            raise KeyError(f"could not find class {name} in schema")
        shards = self.objects[held["class"]]
        if not held["multiTenancyConfig"]["enabled"]:
            if tenant:
                raise KeyError(f"class {name} has multi-tenancy disabled, but request was with tenant")
            return shards.setdefault("", {})
        if not tenant:
            raise KeyError(f"class {name} has multi-tenancy enabled, but request was without tenant")
        status = self.tenants[held["class"]].get(tenant)
        if status is None:
            raise KeyError(f'tenant not found: "{tenant}"')
        if status != "HOT":
            raise KeyError(f"tenant not active: '{tenant}'")
        return shards.setdefault(tenant, {})

    def types(self, name):
        return {each["name"]: each for each in self.find(name)["properties"]}


def _status(body):
    return {"ACTIVE": "HOT", "INACTIVE": "COLD"}.get(body.get("activityStatus"), body.get("activityStatus") or "HOT")
