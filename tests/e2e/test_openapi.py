"""Drives every operation of docs/openapi.yaml, valid and invalid, and checks each answer against the document."""
import http.client
import json
import os
import subprocess
import unittest
import urllib.parse

import yaml

import harness

DOCUMENT = yaml.safe_load((harness.ROOT / "docs/openapi.yaml").read_text())
FIXTURE = os.environ.get("RAMPART_API_FIXTURE", str(harness.ROOT / "build/dev/tests/e2e/api_fixture"))
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def mismatches(value, schema, place="body"):
    """What about value is not as the schema says; the part of JSON Schema that the document uses."""
    schema = resolve(schema)
    kind = schema.get("type")
    if kind and (not isinstance(value, TYPES[kind]) or (kind != "boolean" and isinstance(value, bool))):
        return [f"{place}: {value!r} is no {kind}"]
    out = []
    if "enum" in schema and value not in schema["enum"]:
        out.append(f"{place}: {value!r} is not one of {schema['enum']}")
    if "minimum" in schema and value < schema["minimum"]:
        out.append(f"{place}: {value} is below {schema['minimum']}")
    if kind == "array":
        if len(value) > schema.get("maxItems", len(value)):
            out.append(f"{place}: {len(value)} items")
        for i, item in enumerate(value):
            out += mismatches(item, schema.get("items", {}), f"{place}[{i}]")
    if kind == "object":
        properties, more = schema.get("properties", {}), schema.get("additionalProperties", not schema.get("properties"))
        out += [f"{place}: '{name}' is missing" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            if name in properties:
                out += mismatches(item, properties[name], f"{place}.{name}")
            elif isinstance(more, dict):
                out += mismatches(item, more, f"{place}.{name}")
            elif not more:
                out.append(f"{place}: '{name}' is not in the document")
    return out


def operations():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


class Api:
    """The checks; a subclass says where the API is."""

    def call(self, method, target, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.api_port, timeout=20)
        self.addCleanup(connection.close)
        connection.request(method, target, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type", ""), response.read()

    def check(self, operation, answer, expected):
        status, content_type, body = answer
        name = operation["operationId"]
        self.assertIn(status, expected, f"{name}: {body!r}")
        described = resolve(operation["responses"][str(status)])
        content = described.get("content")
        if content is None:
            self.assertEqual(body, b"", name)
            return
        kind = content_type.split(";")[0]
        self.assertIn(kind, content, name)
        if kind == "application/json":
            self.assertTrue(body.endswith(b"\n"), name)
            self.assertEqual(mismatches(json.loads(body), content[kind]["schema"]), [], name)

    @staticmethod
    def target(path, parameters):
        return path + ("?" + urllib.parse.urlencode(parameters) if parameters else "")

    @staticmethod
    def examples(operation):
        return {p["name"]: p["schema"]["example"] for p in operation.get("parameters", [])}

    @staticmethod
    def body_example(operation):
        if "requestBody" not in operation:
            return None
        return json.dumps(operation["requestBody"]["content"]["application/json"]["example"])

    def test_every_operation_answers_its_example_as_described(self):
        for path, method, operation in operations():
            with self.subTest(operation["operationId"]):
                required = {p["name"] for p in operation.get("parameters", []) if p.get("required")}
                every = self.examples(operation)
                for parameters in ({k: v for k, v in every.items() if k in required}, every):
                    self.check(operation, self.call(method, self.target(path, parameters), self.body_example(operation)),
                               {200})

    def test_every_invalid_parameter_and_body_is_400(self):
        tried = 0
        for path, method, operation in operations():
            for parameter in operation.get("parameters", []):
                for bad in parameter.get("x-invalid", []):
                    with self.subTest(operation["operationId"], parameter=parameter["name"], value=bad):
                        parameters = {**self.examples(operation), parameter["name"]: bad}
                        self.check(operation, self.call(method, self.target(path, parameters)), {400})
                        tried += 1
            for bad in operation.get("requestBody", {}).get("x-invalid", []):
                with self.subTest(operation["operationId"], body=bad):
                    self.check(operation, self.call(method, path, bad), {400})
                    tried += 1
        self.assertGreater(tried, 10)

    def test_other_methods_are_405_and_name_the_right_one(self):
        for path, methods in DOCUMENT["paths"].items():
            for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - {m.upper() for m in methods}:
                with self.subTest(path, method=method):
                    self.assertEqual(self.call(method, path, "")[0], 405)

    def test_paths_beside_the_document_are_404(self):
        for path in ("/api", "/api/blocking", "/api/nope", "/api/stats/x", "/openapi.yaml"):
            self.assertEqual(self.call("GET", path)[0], 404, path)

    def test_the_served_document_is_this_one(self):
        self.assertEqual(yaml.safe_load(self.call("GET", "/docs/openapi.yaml")[2]), DOCUMENT)


class FakeServer(Api, unittest.TestCase):
    """The HTTP side alone."""

    def setUp(self):
        self.api_port = harness.free_port()
        process = subprocess.Popen([FIXTURE, str(self.api_port)], stdin=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        harness.wait_for(lambda: self.call("GET", "/healthz")[0] == 200, "the fixture does not answer")


class RealServer(Api, harness.E2eTest):
    """The whole program, with a real upstream behind it."""

    def setUp(self):
        super().setUp()
        knot = self.start(harness.Knot(self.directory, ["example.org. 300 A 192.0.2.1", "example.org. 300 AAAA 2001:db8::1"]))
        server = self.start(harness.Rampart(self.directory, harness.base_config(knot.port, """
blocking:
  denylists: {ads: [LIST]}
  clientGroupsBlock: {default: [ads]}
statistics: {enable: true}
""").replace("LIST", str(self.write_list())).replace("  dns: {dns}", "  dns: {dns}\n  http: {http}")))
        self.api_port = server.http_port

    def write_list(self):
        path = harness.pathlib.Path(self.directory) / "list.txt"
        path.write_text("ads.example.org\n")
        return path


if __name__ == "__main__":
    unittest.main()
