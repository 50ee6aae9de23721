"""A client of the API server: what the tests need of it."""

import http.client
import json
import ssl
import threading
import urllib.parse


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Api:
    """Requests with a bearer token; one connection for each thread."""

    def __init__(self, port, token, authority):
        self.port = port
        self.token = token
        self.context = ssl.create_default_context(cafile=str(authority))
        self.local = threading.local()
        self.plurals = {}

    def request(self, method, path, body=None, kind="application/json", **query):
        """A request; its answer as what JSON holds, or as text."""
        where = path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        for again in (True, False):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)
                self.local.connection = connection
            try:
                connection.request(method, where, data, headers)
                answer = connection.getresponse()
                text = answer.read().decode()
                break
            except (http.client.HTTPException, OSError):
                # A connection that was kept may have been closed meanwhile.
                connection.close()
                self.local.connection = None
                if not again:
                    raise
        if answer.status >= 300:
            raise Refused(answer.status, text)
        try:
            return json.loads(text)
        except ValueError:
            return text

    def path(self, version, kind, namespace=None, name=None):
        """Where objects of a kind are, or one of them: asked of the server once for each version."""
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        if (version, kind) not in self.plurals:
            for resource in self.request("GET", root)["resources"]:
                if "/" not in resource["name"]:
                    self.plurals[version, resource["kind"]] = (resource["name"], resource["namespaced"])
        plural, namespaced = self.plurals[version, kind]
        place = f"/namespaces/{namespace}" if namespaced and namespace else ""
        return f"{root}{place}/{plural}" + (f"/{name}" if name else "")

    def apply(self, thing, **query):
        """Server-side apply of one object."""
        meta = thing["metadata"]
        path = self.path(thing["apiVersion"], thing["kind"], meta.get("namespace"), meta["name"])
        return self.request("PATCH", path, thing, "application/apply-patch+yaml",
                            fieldManager="keyfill-tests", force="true", **query)

    def create(self, thing, **query):
        """Creates one object."""
        return self.request(
            "POST", self.path(thing["apiVersion"], thing["kind"], thing["metadata"].get("namespace")), thing, **query)

    def get(self, version, kind, namespace, name):
        """An object, or None."""
        try:
            return self.request("GET", self.path(version, kind, namespace, name))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def list(self, version, kind, namespace, **query):
        """The objects of a namespace."""
        return self.request("GET", self.path(version, kind, namespace), **query)["items"]

    def merge(self, version, kind, namespace, name, patch):
        """A merge patch."""
        return self.request("PATCH", self.path(version, kind, namespace, name), patch, "application/merge-patch+json")

    def delete(self, version, kind, namespace, name=None, **query):
        """Deletes an object, or those that a selector names."""
        return self.request("DELETE", self.path(version, kind, namespace, name), **query)

    def token_of(self, namespace, account, audience=None):
        """A token of a service account, as kubelet asks for it."""
        spec = {"expirationSeconds": 3600, **({"audiences": [audience]} if audience else {})}
        path = self.path("v1", "ServiceAccount", namespace, account) + "/token"
        return self.request("POST", path, {"spec": spec})["status"]["token"]
