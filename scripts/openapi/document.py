"""Is the OpenAPI document valid, and does every example fit its schema? Usage: document.py FILE"""

import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator


def examples(described):
    """The examples of a parameter, a header or a media type."""
    if "example" in described:
        yield described["example"]
    for example in described.get("examples", {}).values():
        yield example["value"]


def places(document):
    """Everything that has a schema with examples beside it: where it is, the schema, an example."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            where = f"{method.upper()} {path}"
            for parameter in operation.get("parameters", []):
                for example in examples(parameter):
                    yield f"{where} {parameter['name']}", parameter["schema"], example
            bodies = [("request", operation.get("requestBody", {})), *operation["responses"].items()]
            for name, body in bodies:
                yield from of_contents(f"{where} {name}", body)
    for name, response in document["components"]["responses"].items():
        yield from of_contents(f"response {name}", response)
    for name, schema in document["components"]["schemas"].items():
        for field, property in [("", schema), *schema.get("properties", {}).items()]:
            for example in [*([property["example"]] if "example" in property else []), *property.get("examples", [])]:
                yield f"schema {name} {field}", property, example


def of_contents(where, body):
    for kind, content in body.get("content", {}).items():
        for example in examples(content):
            yield f"{where} {kind}", content["schema"], example


def main(file):
    with open(file, encoding="utf-8") as text:
        document = json.load(text)
    problems = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
                for error in OpenAPIV31SpecValidator(document).iter_errors()]
    count = 0
    for where, schema, example in places(document):
        count += 1
        # References are to the document's components, which stand beside the schema.
        validator = Draft202012Validator(
            {**schema, "components": document["components"]},
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
        problems += [f"{where}: the example does not fit: {error.message}" for error in validator.iter_errors(example)]
    for problem in problems:
        print(problem, file=sys.stderr)
    operations = sum(len(item) for item in document["paths"].values())
    print(f"{operations} operations, {count} examples, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
